--- hearsRinging isAnswered isTalkingTo hangsUp hasEnded
test("it rings, Ana answers, they talk", function(t)
  t:phone("201"):answersAfter("5s")
  local caller = t:call { from = "202", to = "201" }
  caller:hearsRinging():isAnswered():isTalkingTo("201"):hangsUp():hasEnded()
end)
--- isRejected
test("299 is nobody's", function(t)
  t:call { from = "202", to = "299" }:isRejected("notFound")
end)
--- hears presses
test("2 is Ana", function(t)
  t:at("mon 10:00", { zone = "Europe/London" })
  t:phone("201"):answersAfter("1s")
  t:call { from = "+447700900123", to = "600" }:hears("basic-pbx-ivr-main"):presses("2"):isTalkingTo("201")
end)
--- doesNotHear
test("nothing is said while it rings", function(t)
  t:call { from = "202", to = "201" }:doesNotHear("vm-intro", { during = "15s" })
end)
--- hearsMusic isOnHold
test("on hold", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201")
  t:phone("201"):holds()
  caller:isOnHold():hearsMusic()
end)
--- hearsRecording hearsNothing
test("the name that Ana has recorded", function(t)
  t:mailbox("201"):setGreeting("unavailable", { length = "3s" })
  t:call { from = "202", to = "201" }:hearsRecording():hears("tone:beep"):hearsNothing()
end)
--- speaksFor
test("a message of seven seconds", function(t)
  t:call { from = "202", to = "201" }:hears("tone:beep"):speaksFor("7s"):hangsUp()
  t:mailbox("201"):has { from = "202", length = "7s" }
end)
--- holds unholds
test("the caller has Ana wait", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201"):holds()
  t:phone("201"):hearsMusic()
  caller:unholds():isTalkingTo("201")
end)
--- transfersTo
test("the caller transfers Ana to Cem", function(t)
  t:phone("201"):answersAfter("1s")
  t:phone("203"):answersAfter("1s")
  local caller = t:call { from = "202", to = "201" }
  caller:isTalkingTo("201"):transfersTo("203")
  t:phone("201"):isTalkingTo("203")
end)
