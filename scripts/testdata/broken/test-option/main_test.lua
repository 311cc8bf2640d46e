test("somebody answers", function(t)
  t:call { from = "202", two = "600", to = "600" }
end)
