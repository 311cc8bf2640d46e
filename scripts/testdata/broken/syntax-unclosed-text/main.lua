extension("600", function(call)
  call:playPrompt("vm-intro)
end)
