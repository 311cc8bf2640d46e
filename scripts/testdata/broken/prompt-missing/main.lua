extension("600", function(call)
  call:playPrompt("vm-into")
end)
