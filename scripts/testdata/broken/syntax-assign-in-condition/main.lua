extension("600", function(call)
  if call.state = "ringing" then call:answer() end
  call:hangup()
end)
