local hours = schedule { "mon-fir 09:00-17:00" }
extension("600", function(call)
  if not hours:isOpen() then call:reject() end
  call:bridge("201")
end)
