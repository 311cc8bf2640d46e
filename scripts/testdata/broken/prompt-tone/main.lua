extension("600", function(call)
  call:playPrompt("tone:bussy")
end)
