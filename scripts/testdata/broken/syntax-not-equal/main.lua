extension("600", function(call)
  if call.state != "ringing" then call:hangup() end
  call:answer()
end)
