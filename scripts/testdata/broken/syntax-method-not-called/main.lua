extension("600", function(call)
  call:answer
end)
