extension("600", function(call)
  call:reject("bussy")
end)
