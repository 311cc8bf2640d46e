--- login logout hasLoggedIn hasLoggedOut
test("Ana goes out, and comes in again", function(t)
  t:group("610"):logout("201"):hasLoggedOut("201")
  t:phone("202"):answersAfter("1s")
  t:call { from = "203", to = "610" }:isTalkingTo("202"):hangsUp()
  t:group("610"):login("201"):hasLoggedIn("201")
end)
