extension("600", function(call)
  local tries = 0
  tries += 1
  call:answer()
end)
