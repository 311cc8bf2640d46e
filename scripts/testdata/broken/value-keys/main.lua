extension("600", function(call)
  call:playPrompt("vm-intro", { interrupt = "x" })
end)
