extension("600", function(call)
  call:bridge("201", {
    timout = "12s",
  })
end)
