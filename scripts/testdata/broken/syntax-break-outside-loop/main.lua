extension("600", function(call)
  call:answer()
  break
end)
