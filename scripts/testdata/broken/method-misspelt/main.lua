extension("600", function(call)
  call:anwser()
end)
