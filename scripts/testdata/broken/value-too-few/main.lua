extension("600", function(call)
  call:transfer()
end)
