extension("600", function(call)
  call:bridge("201", { timeout = 25000 })
end)
