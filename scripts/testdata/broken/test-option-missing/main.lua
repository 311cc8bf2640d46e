extension("600", function(call)
  call:bridge("201")
end)
