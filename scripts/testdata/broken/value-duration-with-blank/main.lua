extension("600", function(call)
  call:sleep("2 s")
  call:hangup()
end)
