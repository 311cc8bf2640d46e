extension("600", function(call)
  call:bridge("phone:201")
end)
