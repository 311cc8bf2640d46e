extension("600", function(call)
  for i = 1, 3
    call:tone("beep")
  end
end)
