extension("600", function(call)
  local hours = schedule { "mon-fri 09:00-17:30", "satt 10:00-12:00" }
  if not hours:isOpen() then call:reject("unavailable") end
  call:answer()
end)
