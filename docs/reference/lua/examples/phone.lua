--- answersAfter
test("Ana answers after five seconds", function(t)
  t:phone("201"):answersAfter("5s")
  t:call { from = "202", to = "201" }:isTalkingTo("201")
  t:elapsed("5s", { within = "1s" })
end)
--- answers isRinging
test("Ana answers when it suits her", function(t)
  local caller = t:call { from = "202", to = "201" }
  t:phone("201"):isRinging()
  t:wait("4s")
  t:phone("201"):answers()
  caller:isTalkingTo("201")
end)
--- isBusy
test("the second member answers when the first is busy", function(t)
  t:phone("201"):isBusy()
  t:phone("202"):answersAfter("5s")
  t:call { from = "203", to = "610" }:isTalkingTo("202")
end)
--- rejects
test("who is turned away is told so", function(t)
  t:phone("201"):rejects(603)
  t:call { from = "202", to = "201" }:isRejected("declined")
end)
--- isOffline isOnline
test("no phone, then one", function(t)
  t:phone("201"):isOffline()
  t:call { from = "202", to = "201" }:hears("vm-intro"):hangsUp()
  t:phone("201"):isOnline():answersAfter("1s")
  t:call { from = "202", to = "201" }:isTalkingTo("201")
end)
--- rings
test("first it answers, then it does not", function(t)
  t:phone("201"):answersAfter("1s")
  t:call { from = "202", to = "201" }:isTalkingTo("201"):hangsUp()
  t:phone("201"):rings()
  t:call { from = "202", to = "201" }:hears("vm-intro")
end)
--- redirects
test("the exchange does not follow a phone that sends calls elsewhere", function(t)
  t:phone("201"):redirects("202")
  t:call { from = "203", to = "201" }:hears("vm-intro")
  t:phone("202"):isNotRinging()
end)
--- calls
test("Ana calls Ben", function(t)
  t:phone("202"):answersAfter("1s")
  local ana = t:phone("201"):calls("202")
  ana:isTalkingTo("202")
end)
--- isNotRinging shows
test("Ana sees who calls; Ben is left alone", function(t)
  t:call { from = "Joe <+447700900123>", to = "201" }
  t:phone("201"):isRinging():shows { number = "+447700900123", name = "Joe" }
  t:phone("202"):isNotRinging()
end)
--- hears doesNotHear
test("Ana hears nothing of the menu", function(t)
  t:phone("201"):answersAfter("1s")
  t:at("mon 10:00", { zone = "Europe/London" })
  t:call { from = "203", to = "600" }:hears("basic-pbx-ivr-main"):presses("2"):isTalkingTo("201")
  t:phone("201"):doesNotHear("basic-pbx-ivr-main", { during = "5s" })
end)
--- hearsMusic holds unholds isOnHold
test("Ana puts the caller on hold", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201")
  t:phone("201"):holds()
  caller:hearsMusic()
  t:phone("201"):unholds()
  caller:isTalkingTo("201"):holds()
  t:phone("201"):hearsMusic():isOnHold()
end)
--- hearsNothing
extension("600", function(call)
  call:bridge("201", { announce = "belfry/press-one-to-accept", answerTo = "1" })
end)
--- main_test.lua
test("Ana is asked, and there is silence until she answers", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "600" }
  t:phone("201"):hears("belfry/press-one-to-accept"):hearsNothing():presses("1")
  caller:isTalkingTo("201")
end)
--- hearsRecording presses
test("Ana hears her message", function(t)
  t:mailbox("201"):add { from = "202", length = "4s" }
  t:mailbox("201"):setPin("274951")
  local ana = t:phone("201"):calls("*97")
  ana:hears("belfry/enter-pin-hash"):presses("274951#"):hears("vm-youhave"):presses("1"):hearsRecording()
end)
--- speaksFor hangsUp hasEnded
test("Ana speaks, and hangs up", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201")
  t:phone("201"):speaksFor("5s"):hangsUp()
  caller:hasEnded()
end)
--- transfersTo isTalkingTo
test("Ana transfers the caller to Ben", function(t)
  t:phone("201"):answersAfter("1s")
  t:phone("202"):answersAfter("1s")
  local caller = t:call { from = "203", to = "201" }
  caller:isTalkingTo("201")
  t:phone("201"):transfersTo("202")
  caller:isTalkingTo("202")
  t:phone("202"):isTalkingTo("203")
end)
