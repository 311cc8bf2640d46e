extension("600", function(call)
  call:bridge("201", {
    timeout = "20s"
    callerName = "Sales",
  })
end)
