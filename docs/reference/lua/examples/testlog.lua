--- has isEmpty
test("a missed call, seen from both sides", function(t)
  t:log("201"):isEmpty()
  t:call { from = "202", to = "201" }:hearsRinging():hangsUp()
  t:log("201"):has { kind = "missed", number = "202" }
  t:log("202"):has { kind = "dialled", number = "201" }
end)
