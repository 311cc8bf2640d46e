test("somebody answers", function(t)
  t:call { from = "202" }:isTalkingTo("201")
end)
