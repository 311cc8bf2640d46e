extension("600", function(call)
  call:anwser() -- lint: allow E012
end)
