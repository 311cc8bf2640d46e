extension("600", function(call)
  call:ring()
  call:sleep("10s")
end)
