extension("600", function(call)
  return call:answer()
  call:hangup()
end)
