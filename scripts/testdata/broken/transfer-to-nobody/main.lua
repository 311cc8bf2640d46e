extension("600", function(call)
  call:transfer("699")
end)
