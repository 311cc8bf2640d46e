test("no way out", function(t)
  t:trunk("pstn"):isDown()
end)
