-- Extensions as everybody knows them: one rings, somebody answers, or a message is left.

local say = require "say"

test("Ben answers, and they talk", function(t)
  t:phone("77514"):answersAfter("5s")

  local ada = t:phone("77513"):calls("77514")

  ada:hearsRinging():isTalkingTo("77514")
  t:elapsed("5s")
  t:phone("77514"):shows { number = "77513", name = "Ada Byron" }:hangsUp()
  ada:hasEnded()
end)

test("whoever calls from outside is seen with number and name", function(t)
  t:phone("15902"):answersAfter("3s")

  local joe = t:call { from = "Joe <+447700900123>", to = "15902" }

  t:phone("15902"):shows { number = "+447700900123", name = "Joe" }
  joe:isTalkingTo("15902")
end)

test("whoever withholds the number rings all the same", function(t)
  t:call { from = "anonymous", to = "77513" }:hearsRinging()

  t:phone("77513"):isRinging():shows { name = "Anonymous" }
end)

test("nobody answers for 25 seconds: a message, the lamp, a missed call", function(t)
  local ada = t:phone("77513"):calls("77514")

  ada:isAnswered()
  t:elapsed("25s")
  ada:hears("vm-intro"):speaksFor("7s"):hangsUp()

  t:mailbox("77514"):has { from = "77513", name = "Ada Byron", length = "7s" }
  t:lamp("77514"):isOn():shows { new = 1 }
  t:log("77514"):has { kind = "missed", number = "77513" }
  t:log("77513"):has { kind = "dialled", number = "77514" }
end)

test("whoever thinks better of it leaves no message", function(t)
  t:phone("77513"):calls("77514"):hearsRinging():hangsUp()

  t:phone("77514"):isNotRinging()
  t:mailbox("77514"):isEmpty()
  t:log("77514"):has { kind = "missed", number = "77513" }
end)

test("while Ben has a call, the next caller gets his mailbox at once", function(t)
  t:phone("77514"):answersAfter("1s")
  t:phone("77513"):calls("77514"):isTalkingTo("77514")

  local clara = t:phone("15902"):calls("77514")

  clara:hears("vm-intro"):speaksFor("4s"):hangsUp()
  t:mailbox("77514"):has { from = "15902", length = "4s" }
end)

test("with call waiting, his phone rings a second time", function(t)
  t:line("77514"):setPermissions { "national", "callWaiting" }
  t:phone("77514"):answersAfter("1s")
  t:phone("77513"):calls("77514"):isTalkingTo("77514")
  t:phone("77514"):rings()

  t:phone("15902"):calls("77514"):hearsRinging()

  t:phone("77514"):isRinging()
end)

test("do not disturb: no ring, a message at once", function(t)
  t:line("77514"):setDnd(true)

  local ada = t:phone("77513"):calls("77514")

  ada:hears("vm-intro")
  t:phone("77514"):isNotRinging()
end)

test("a telephone that is not connected: a message at once", function(t)
  t:phone("77514"):isOffline()

  t:phone("77513"):calls("77514"):hears("vm-intro")
end)

test("a call that is turned away goes to the mailbox", function(t)
  t:phone("77514"):rejects()

  t:phone("77513"):calls("77514"):hears("vm-intro")
end)

-- The porters' telephones have no mailbox: the caller's own phone says why.

test("no mailbox, and nobody answers", function(t)
  t:phone("77513"):calls("77620"):hearsRinging():isRejected("unavailable")
  t:elapsed("25s")
end)

test("no mailbox, and busy", function(t)
  t:phone("77620"):isBusy()

  t:phone("77513"):calls("77620"):isRejected("busy")
end)

test("no mailbox, and do not disturb", function(t)
  t:line("77620"):setDnd(true)

  t:phone("77513"):calls("77620"):isRejected("unavailable")
end)

test("no mailbox, and turned away", function(t)
  t:phone("77620"):rejects()

  t:phone("77513"):calls("77620"):isRejected("declined")
end)

test("no mailbox, and not connected", function(t)
  t:phone("77620"):isOffline()

  t:phone("77513"):calls("77620"):isRejected("unavailable")
end)

-- Numbers that nobody has.

for _, number in ipairs { "77999", "10000", "88888" } do
  test(number .. " is nobody's: a tone, from inside and from outside", function(t)
    t:phone("77513"):calls(number):hears("tone:unobtainable"):isRejected("notFound")
    t:call { from = "+447700900123", to = number }:hears("tone:unobtainable"):isRejected("notFound")
  end)
end

for _, number in ipairs { "31234", "5", "*12", "#", "7751", "7751312" } do
  test(number .. " is no number: a tone", function(t)
    t:phone("77513"):calls(number):hears("tone:unobtainable"):isRejected("notFound")
  end)
end

test("a line without any permission may not even call extensions", function(t)
  t:line("77621"):setPermissions("none")

  t:phone("77621"):calls("77513"):isRejected("forbidden")
  t:phone("77513"):isNotRinging()
end)

-- Transfers.

test("Ben transfers Ada to Clara", function(t)
  t:phone("77514"):answersAfter("1s")
  t:phone("15902"):answersAfter("1s")
  local ada = t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):transfersTo("15902")

  ada:isTalkingTo("15902")
end)

test("Ben asks Clara first, then transfers Ada", function(t)
  t:phone("77514"):answersAfter("1s")
  t:phone("15902"):answersAfter("1s")
  local ada = t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):transfersTo("15902", { consult = true })

  ada:isTalkingTo("15902")
end)

test("on hold there is music", function(t)
  t:phone("77514"):answersAfter("1s")
  local ada = t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):holds()
  ada:isOnHold():hearsMusic()

  t:phone("77514"):unholds()
  ada:isTalkingTo("77514")
end)

-- 01865 610888.

test("the test number tells the caller which number they present", function(t)
  local joe = t:call { from = "+447700900123", to = "01865610888" }

  joe:hears(say.join("demo-congrats", "belfry/caller-number-is", say.digits("+447700900123"))):hasEnded()
end)

test("the test number tells whoever withholds theirs so", function(t)
  t:call { from = "anonymous", to = "01865610888" }:hears { "belfry/caller-number-is", "belfry/number-withheld" }
end)

test("the test number is for the world: our own lines hear that nobody has it", function(t)
  t:phone("77513"):calls("10888"):hears("tone:unobtainable"):isRejected("notFound")
end)
