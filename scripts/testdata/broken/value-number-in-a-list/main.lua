extension("600", function(call)
  call:bridge({ "201", 202 }, { timeout = "20s" })
end)
