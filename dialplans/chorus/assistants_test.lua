-- The Vice-Chancellor's office: Dana Whitfield (77600) is the executive, Sam Pryor (77601) and Priya Nair (77602) take
-- the calls. The codes that change this are in desk_test.lua.

-- 1. Whoever is on the whitelist gets through to the executive.

for what, entry in pairs { ["a number of ours"] = "77513", ["a range of ours"] = "77500-77520", ["everybody inside"] = "internal" } do
  test("on the whitelist, as " .. what .. ": Dana's own telephone rings", function(t)
    t:list("whitelist-77600"):add(entry)

    t:phone("77513"):calls("77600"):hearsRinging()

    t:phone("77600"):isRinging():shows { number = "77513", name = "Ada Byron" }
    t:phone("77601"):isNotRinging()
  end)
end

for what, entry in pairs { ["in full"] = "+447700900123", ["as at home"] = "07700900123" } do
  test("on the whitelist, a number outside, " .. what .. ": Dana's telephone rings", function(t)
    t:list("whitelist-77600"):add(entry)

    t:call { from = "+447700900123", to = "01865277600" }:hearsRinging()

    t:phone("77600"):isRinging()
  end)
end

test("whoever gets through meets her do not disturb, and her voicemail", function(t)
  t:list("whitelist-77600"):add("77513")
  t:line("77600"):setDnd(true)

  t:phone("77513"):calls("77600"):hears("vm-intro"):speaksFor("4s"):hangsUp()

  t:mailbox("77600"):has { from = "77513" }
  t:phone("77601"):isNotRinging()
end)

test("and her forwards", function(t)
  t:list("whitelist-77600"):add("77513")
  t:line("77600"):setForward("always", "77514")

  t:phone("77513"):calls("77600"):hearsRinging()

  t:phone("77514"):isRinging():shows { diversion = "77600" }
end)

test("whoever presents an extension from outside is nobody of ours", function(t)
  t:list("whitelist-77600"):add("internal")

  t:call { from = "77513", to = "77600", trunk = "pstn" }:hearsRinging()

  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

test("whoever withholds the number is on no list", function(t)
  t:list("whitelist-77600"):add("+447700900123")

  t:call { from = "anonymous", to = "01865277600" }:hearsRinging()

  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

-- 2. All others go to the assistants, who see for whom the call is.

test("Ada calls Dana: Sam's telephone says for whom it is, and Dana's is silent", function(t)
  local ada = t:phone("77513"):calls("77600"):hearsRinging()

  t:phone("77601"):isRinging():shows { number = "77513", name = "For Dana Whitfield: Ada Byron", diversion = "77600" }
  t:phone("77600"):isNotRinging()
  t:phone("77602"):isNotRinging()
  t:phone("77601"):answers()
  ada:isTalkingTo("77601")
end)

test("somebody outside calls Dana", function(t)
  t:call { from = "Joe <+447700900123>", to = "01865277600" }:hearsRinging()

  t:phone("77601"):isRinging():shows { number = "+447700900123", name = "For Dana Whitfield: Joe" }
end)

test("Sam does not answer for 15 seconds: Priya's telephone rings", function(t)
  t:phone("77602"):answersAfter("2s")

  t:phone("77513"):calls("77600"):isTalkingTo("77602")

  t:elapsed("17s")
  t:phone("77601"):isNotRinging()
end)

for what, away in pairs {
  ["is not to be disturbed"] = function(t) t:line("77601"):setDnd(true) end,
  ["has no telephone connected"] = function(t) t:phone("77601"):isOffline() end,
  ["is engaged"] = function(t) t:phone("77601"):isBusy() end,
  ["turns the call away"] = function(t) t:phone("77601"):rejects() end,
  ["talks"] = function(t) t:phone("77601"):calls("*43"):isAnswered() end,
} do
  test("Sam " .. what .. ": Priya's telephone rings at once", function(t)
    away(t)

    t:phone("77513"):calls("77600"):hearsRinging()

    t:phone("77602"):isRinging()
    t:elapsed("0s")
  end)
end

test("an assistant's own forward does not take Dana's calls elsewhere", function(t)
  t:line("77601"):setForward("always", "77514")

  t:phone("77513"):calls("77600"):hearsRinging()

  t:phone("77601"):isRinging()
  t:phone("77514"):isNotRinging()
end)

-- 3. An assistant always gets through.

for _, assistant in ipairs { "77601", "77602" } do
  test(assistant .. " calls Dana: her own telephone rings", function(t)
    t:phone(assistant):calls("77600"):hearsRinging()

    t:phone("77600"):isRinging()
  end)
end

test("Sam asks Dana first, and puts Ada through", function(t)
  t:phone("77601"):answersAfter("2s")
  t:phone("77600"):answersAfter("2s")
  local ada = t:phone("77513"):calls("77600"):isTalkingTo("77601")

  t:phone("77601"):transfersTo("77600", { consult = true })

  ada:isTalkingTo("77600")
end)

test("Sam puts Ada through without asking: Dana's telephone rings", function(t)
  t:phone("77601"):answersAfter("2s")
  local ada = t:phone("77513"):calls("77600"):isTalkingTo("77601")

  t:phone("77601"):transfersTo("77600")

  t:phone("77600"):isRinging():answers()
  ada:isTalkingTo("77600")
end)

test("a transfer by anybody else does not get through", function(t)
  t:phone("77514"):answersAfter("2s")
  t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):transfersTo("77600")

  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

-- 4. Nobody answers, or nobody is there: Dana's mailbox.

test("neither answers: a message for Dana after 30 seconds", function(t)
  local ada = t:phone("77513"):calls("77600"):isAnswered()

  t:elapsed("30s")
  ada:hears("vm-intro"):speaksFor("6s"):hangsUp()

  t:mailbox("77600"):has { from = "77513", length = "6s" }
  t:lamp("77600"):isOn()
  t:mailbox("77601"):isEmpty()
  t:mailbox("77602"):isEmpty()
end)

test("neither is there: a message for Dana at once, and no telephone rings", function(t)
  t:line("77601"):setDnd(true)
  t:phone("77602"):isOffline()

  local joe = t:call { from = "+447700900123", to = "01865277600" }

  joe:hears("vm-intro")
  t:elapsed("0s", { within = "15s" })
  joe:speaksFor("6s"):hangsUp()
  t:mailbox("77600"):has { from = "+447700900123", length = "6s" }
end)

-- 5. What was taken for Dana is no missed call of hers.

test("Sam takes the call: his log has it", function(t)
  t:phone("77601"):answersAfter("2s")

  t:phone("77513"):calls("77600"):isTalkingTo("77601")
  t:wait("1m")
  t:phone("77601"):hangsUp()

  t:log("77601"):has { kind = "received", number = "77513", length = "1m" }
  t:log("77513"):has { kind = "dialled", number = "77600" }
end)

-- 6. With the filter off it is Dana who is called.

test("the filter is off: Dana's telephone rings, and Sam's does not", function(t)
  t:phone("77600"):calls("*85"):hasEnded()

  t:phone("77513"):calls("77600"):hearsRinging()

  t:phone("77600"):isRinging():shows { name = "Ada Byron" }
  t:phone("77601"):isNotRinging()
end)

-- 7. Calls to the assistants themselves are theirs.

test("a call to Sam is no call for Dana", function(t)
  t:phone("77513"):calls("77601"):hearsRinging()

  t:phone("77601"):isRinging():shows { name = "Ada Byron" }
end)

test("Dana calls out as everybody does", function(t)
  t:phone("77513"):answersAfter("1s")

  t:phone("77600"):calls("77513"):isTalkingTo("77513")
end)

test("a call to herself is not taken by the assistants", function(t)
  t:phone("77600"):calls("77600"):hears("vm-intro")

  t:phone("77601"):isNotRinging()
end)

test("whoever hangs up stops Sam's telephone, and nothing is left", function(t)
  t:phone("77513"):calls("77600"):hearsRinging():hangsUp()

  t:phone("77601"):isNotRinging()
  t:mailbox("77600"):isEmpty()
end)
