extension("600", function(call)
  call:bridge("204", { timeout = "20s" })
end)
