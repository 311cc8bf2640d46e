local hours = schedule { "mon-fri 09:00-17:30" }
extension("600", function(call)
  if hours:isOpen() then
    call:bridge("201")
  end
end)
