test("x", function(t)
  t:phone("201"):isBusy()
  nope()
end)
