extension("600", function(call)
  if call.from.line then
    call:hangup()
  else
    call:reject()
  end
  call:playPrompt("vm-goodbye")
end)
