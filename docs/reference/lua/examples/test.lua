--- phone call
test("Ana answers", function(t)
  t:phone("201"):answersAfter("5s")
  t:call { from = "202", to = "201" }:isTalkingTo("201")
end)
--- outside
test("a number in town", function(t)
  t:outside("+441865277513"):answersAfter("3s")
  t:call { from = "201", to = "01865277513" }:isTalkingTo("+441865277513")
end)
--- at
test("closed on Saturday", function(t)
  t:at("sat 11:00", { zone = "Europe/London" })
  t:call { from = "+447700900123", to = "600" }:hears("belfry/closed"):hasEnded()
end)
--- wait
test("they talk for an hour", function(t)
  t:phone("201"):answersAfter("2s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201")
  t:wait("1h")
  caller:isTalkingTo("201"):hangsUp()
end)
--- elapsed
test("voicemail after 20 seconds", function(t)
  t:call { from = "202", to = "201" }:hears("vm-intro")
  t:elapsed("20s", { within = "8s" })
end)
--- line
test("a line of the test's own", function(t)
  t:line("204", { name = "Dan", permissions = "internal" })
  t:phone("204"):answersAfter("1s")
  t:call { from = "201", to = "204" }:isTalkingTo("204")
end)
--- mailbox
test("a message is left", function(t)
  t:call { from = "+447700900123", to = "201" }:hears("tone:beep"):speaksFor("7s"):hangsUp()
  t:mailbox("201"):has { from = "+447700900123", length = "7s" }
end)
--- lamp
test("the lamp is lit", function(t)
  t:lamp("201"):isOff()
  t:call { from = "202", to = "201" }:hears("tone:beep"):speaksFor("7s"):hangsUp()
  t:lamp("201"):isOn()
end)
--- list
test("a blocked caller is turned away", function(t)
  t:list("blocked"):add("+447700900123")
  t:call { from = "+447700900123", to = "201" }:isRejected("declined")
end)
--- group
test("a member who is logged out is not rung", function(t)
  t:group("610"):logout("201")
  t:call { from = "203", to = "610" }
  t:phone("202"):isRinging()
  t:phone("201"):isNotRinging()
end)
--- room
test("two in the room", function(t)
  t:call { from = "201", to = "700" }:isAnswered()
  t:call { from = "202", to = "700" }:isAnswered()
  t:room("sales"):count(2)
end)
--- log
test("a missed call is noted", function(t)
  t:call { from = "202", to = "201" }:hearsRinging():hangsUp()
  t:log("201"):has { kind = "missed", number = "202" }
end)
--- trunk
test("no way out", function(t)
  t:trunk("pstn"):isDown()
  t:call { from = "201", to = "01865277513" }:hasEnded()
end)
--- scriptFails
extension("600", function(call)
  local owner = line("201") or error("there is no line 201")
  if owner.department ~= "Works" then error("201 is not with the Works") end
  call:bridge("201")
end)
--- main_test.lua
test("Ana is in Sales", function(t)
  t:scriptFails("not with the Works")
  t:call { from = "202", to = "600" }:hasEnded()
end)
