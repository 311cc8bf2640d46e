extension("600", function(call)
  if call.state == "answerd" then call:hangup() end
  call:answer()
end)
