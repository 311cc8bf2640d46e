-- Forwards: where calls go instead, who is told, who gets the message, and what a forward may not do. The codes that
-- set them are in codes_test.lua.

test("all of Ben's calls go to Clara, whose phone shows by whom they come", function(t)
  t:line("77514"):setForward("always", "15902")
  t:phone("15902"):answersAfter("2s")

  t:phone("77513"):calls("77514"):isTalkingTo("15902")

  t:phone("15902"):shows { number = "77513", name = "Ada Byron", diversion = "77514" }
  t:phone("77514"):isNotRinging()
end)

test("to Clara when he is busy", function(t)
  t:line("77514"):setForward("busy", "15902")
  t:phone("77514"):isBusy()

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):isRinging():shows { diversion = "77514" }
end)

test("to Clara when he turns a call away", function(t)
  t:line("77514"):setForward("busy", "15902")
  t:phone("77514"):rejects()

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):isRinging()
end)

test("to Clara after 25 seconds", function(t)
  t:line("77514"):setForward("noAnswer", "15902")

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):isRinging():shows { diversion = "77514" }
  t:elapsed("25s")
  t:phone("77514"):isNotRinging()
end)

test("to Clara while his phone is not connected", function(t)
  t:line("77514"):setForward("unregistered", "15902")
  t:phone("77514"):isOffline()

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):isRinging()
end)

test("a forward on busy has nothing to do with no answer", function(t)
  t:line("77514"):setForward("busy", "15902")

  t:phone("77513"):calls("77514"):hears("vm-intro")

  t:phone("15902"):isNotRinging()
end)

test("do not disturb goes before a forward on busy or no answer", function(t)
  t:line("77514"):setDnd(true):setForward("busy", "15902"):setForward("noAnswer", "15902")

  t:phone("77513"):calls("77514"):hears("vm-intro")

  t:phone("15902"):isNotRinging()
end)

test("nobody answers at Clara's either: the message is for Ben, who was called", function(t)
  t:line("77514"):setForward("always", "15902")

  t:phone("77513"):calls("77514"):hears("vm-intro"):speaksFor("5s"):hangsUp()

  t:mailbox("77514"):has { from = "77513", length = "5s" }
  t:mailbox("15902"):isEmpty()
end)

test("a forward in full is ours all the same", function(t)
  t:line("77514"):setForward("always", "01865615902")
  t:phone("15902"):answersAfter("2s")

  t:phone("77513"):calls("77514"):isTalkingTo("15902")
end)

test("a call from outside that is forwarded inside shows who calls", function(t)
  t:line("77514"):setForward("always", "15902")

  t:call { from = "Joe <+447700900123>", to = "01865277514" }:hearsRinging()

  t:phone("15902"):shows { number = "+447700900123", name = "Joe", diversion = "77514" }
end)

-- Forwards to the world: whose forward it is has to be allowed to call there, not who calls.

test("Ada's calls go to her mobile", function(t)
  t:line("77513"):setForward("always", "07700900123")
  t:outside("+447700900123"):answersAfter("2s")

  t:phone("77621"):calls("77513"):isTalkingTo("+447700900123")

  t:outside("+447700900123"):shows { number = "+441865277621", diversion = "+441865277513" }
end)

test("Ben may not call mobiles, so his calls do not go there: his phone rings", function(t)
  t:line("77514"):setForward("always", "07700900123")

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("77514"):isRinging()
  t:outside("+447700900123"):isNotRinging()
end)

test("her mobile is engaged: the message is left here", function(t)
  t:line("77513"):setForward("always", "07700900123")
  t:outside("+447700900123"):isBusy()

  t:phone("77514"):calls("77513"):hears("vm-intro"):speaksFor("4s"):hangsUp()

  t:mailbox("77513"):has { from = "77514" }
end)

test("the trunk is down: the message is left here", function(t)
  t:line("77513"):setForward("always", "07700900123")
  t:trunk("pstn"):isDown()

  t:phone("77514"):calls("77513"):hears("vm-intro")
end)

test("a forward to a number that cannot exist is none", function(t)
  t:line("77513"):setForward("always", "0770090012")

  t:phone("77514"):calls("77513"):hearsRinging()

  t:phone("77513"):isRinging()
end)

-- Chains and circles.

test("Ben forwards to Clara, and Clara to Ada", function(t)
  t:line("77514"):setForward("always", "15902")
  t:line("15902"):setForward("always", "77513")

  t:phone("77500"):calls("77514"):hearsRinging()

  t:phone("77513"):isRinging():shows { diversion = "15902" }
end)

test("Ben and Clara forward to each other: the second of them rings", function(t)
  t:line("77514"):setForward("always", "15902")
  t:line("15902"):setForward("always", "77514")

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):isRinging()
end)

test("a circle of no answers ends with a message", function(t)
  t:line("77514"):setForward("noAnswer", "15902")
  t:line("15902"):setForward("noAnswer", "77514")

  t:phone("77513"):calls("77514"):hears("vm-intro"):speaksFor("4s"):hangsUp()

  t:mailbox("77514"):has { from = "77513" }
end)

test("whoever forwards to the caller does not ring a phone that is calling", function(t)
  t:line("77514"):setForward("always", "77513")

  t:phone("77513"):calls("77514"):hears("vm-intro")

  t:phone("77513"):isNotRinging()
end)

test("a call follows five forwards, and no more", function(t)
  local chain = { "77514", "15902", "77601", "77602", "77610", "77611", "77612" }
  for i = 1, #chain - 1 do t:line(chain[i]):setForward("always", chain[i + 1]) end

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("77611"):isRinging()
  t:phone("77612"):isNotRinging()
end)

-- To numbers that are no telephones.

test("to the help desk: the group is called", function(t)
  t:line("77514"):setForward("always", "15000")
  t:phone("77610"):answersAfter("2s")

  t:phone("77513"):calls("77514"):isTalkingTo("77610")
end)

test("to the porters, for a caller from outside", function(t)
  t:line("77514"):setForward("noAnswer", "01865615100")
  t:phone("77620"):answersAfter("2s")

  t:call { from = "+447700900123", to = "01865277514" }:isTalkingTo("77620")
  t:elapsed("27s")
end)

test("to the executive: the assistants take the call", function(t)
  t:line("77514"):setForward("always", "77600")

  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

test("to the conferences: the caller is asked for the PIN", function(t)
  t:line("77514"):setForward("always", "89000")

  t:phone("77513"):calls("77514"):hears { "belfry/room-welcome", "belfry/room-enter-pin" }
end)

test("to an extension that nobody has: the caller hears so", function(t)
  t:line("77514"):setForward("always", "77999")

  t:phone("77513"):calls("77514"):hears("tone:unobtainable"):isRejected("notFound")
end)

test("the help desk has gone home, and whoever stands in forwards to it: the call comes to an end", function(t)
  for _, member in ipairs { "77610", "77611", "77612" } do t:group("15000"):logout(member) end
  t:line("77610"):setForward("always", "15000")

  t:phone("77513"):calls("15000"):hasEnded()
end)
