extension("600", function(call)
  if call.from.line && call.from.name then call:answer() end
  call:hangup()
end)
