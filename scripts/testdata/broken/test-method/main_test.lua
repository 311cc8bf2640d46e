test("somebody answers", function(t)
  t:phone("201"):answerAfter("5s")
  t:call { from = "202", to = "600" }:isTalkingTo("201")
end)
