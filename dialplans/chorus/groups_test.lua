-- The help desk (15000), whose members ring one after another, and the porters (15100), who ring all at once.

local say = require "say"

local desk = { "77610", "77611", "77612" }

local function everybody(t, what)
  for _, number in ipairs(desk) do what(number, t:phone(number)) end
end

-- The help desk: whoever has waited longest for a call is rung first.

test("one after another: 15, 15 and 20 seconds; then a message for the help desk", function(t)
  local caller = t:phone("77513"):calls("15000"):hearsRinging()

  t:phone("77610"):isRinging():shows { number = "77513", name = "Help desk: Ada Byron" }
  t:phone("77611"):isNotRinging():isRinging()
  t:elapsed("15s")
  t:phone("77610"):isNotRinging()
  t:phone("77612"):isRinging()
  t:elapsed("30s")
  caller:hears("belfry/no-answer")
  t:elapsed("50s")
  caller:hears("vm-intro"):speaksFor("8s"):hangsUp()

  t:mailbox("15000"):has { from = "77513", length = "8s" }
  t:mailbox("77610"):isEmpty()
end)

test("the second answers", function(t)
  t:phone("77611"):answersAfter("3s")

  local caller = t:phone("77513"):calls("15000")

  caller:isTalkingTo("77611")
  t:elapsed("18s")
  t:phone("77612"):isNotRinging()
end)

test("whoever has had a call is rung last the next time", function(t)
  everybody(t, function(_, phone) phone:answersAfter("1s") end)

  for _, number in ipairs { "77610", "77611", "77612", "77610" } do
    t:phone("77513"):calls("15000"):isTalkingTo(number):hangsUp()
    t:wait("10s")
  end
end)

test("somebody outside calls 01865 615000", function(t)
  t:phone("77610"):answersAfter("2s")

  local joe = t:call { from = "Joe <+447700900123>", to = "01865615000" }

  joe:isTalkingTo("77610")
  t:phone("77610"):shows { number = "+447700900123", name = "Help desk: Joe" }
end)

test("somebody outside who withholds the number, by the trunk's five digits", function(t)
  t:call { from = "anonymous", to = "15000" }:hearsRinging()

  t:phone("77610"):isRinging():shows { name = "Anonymous" }
end)

test("a member who talks is passed over, call waiting or not", function(t)
  t:line("77610"):setPermissions { "national", "callWaiting" }
  t:phone("77610"):answersAfter("1s")
  t:phone("77514"):calls("77610"):isTalkingTo("77610")

  t:phone("77513"):calls("15000"):hearsRinging()

  t:phone("77611"):isRinging()
end)

for what, away in pairs {
  ["has logged out"] = function(t) t:group("15000"):logout("77610") end,
  ["is not to be disturbed"] = function(t) t:line("77610"):setDnd(true) end,
  ["has no telephone connected"] = function(t) t:phone("77610"):isOffline() end,
  ["is engaged"] = function(t) t:phone("77610"):isBusy() end,
  ["turns the call away"] = function(t) t:phone("77610"):rejects() end,
} do
  test("a member who " .. what .. " is passed over at once", function(t)
    away(t)

    t:phone("77513"):calls("15000"):hearsRinging()

    t:phone("77611"):isRinging()
    t:elapsed("0s")
  end)
end

test("a member's forward and mailbox do not take the group's call", function(t)
  everybody(t, function(number) t:line(number):setForward("always", "77513"):setForward("noAnswer", "77513") end)

  t:phone("77514"):calls("15000"):hears("belfry/no-answer"):hears("vm-intro"):speaksFor("5s"):hangsUp()

  t:phone("77513"):isNotRinging()
  t:mailbox("15000"):has { from = "77514" }
end)

test("everybody talks: so the caller hears, and may leave a message", function(t)
  everybody(t, function(_, phone) phone:isBusy() end)

  t:phone("77513"):calls("15000"):hears("belfry/group-busy"):hears("vm-intro"):speaksFor("5s"):hangsUp()

  t:mailbox("15000"):has { from = "77513" }
end)

test("everybody is on the telephone already: none of them rings", function(t)
  everybody(t, function(number) t:phone(number):calls("*43"):isAnswered() end)

  t:phone("77513"):calls("15000"):hears("belfry/group-busy"):hears("vm-intro")

  everybody(t, function(_, phone) phone:isNotRinging() end)
end)

test("nobody is there: so the caller hears, and may leave a message", function(t)
  everybody(t, function(_, phone) phone:isOffline() end)

  t:phone("77513"):calls("15000"):hears("belfry/group-nobody"):hears("vm-intro"):speaksFor("5s"):hangsUp()

  t:mailbox("15000"):has { from = "77513" }
end)

test("nobody is to be disturbed: as if nobody were there", function(t)
  everybody(t, function(number) t:line(number):setDnd(true) end)

  t:phone("77513"):calls("15000"):hears("belfry/group-nobody")
end)

test("everybody has logged out: the first one's telephone rings, and then the mailbox is theirs", function(t)
  everybody(t, function(number) t:group("15000"):logout(number) end)

  local caller = t:phone("77513"):calls("15000"):hearsRinging()

  t:phone("77610"):isRinging()
  caller:hears("vm-intro"):speaksFor("5s"):hangsUp()
  t:mailbox("77610"):has { from = "77513" }
end)

test("who logs in during a call is rung by the next one", function(t)
  everybody(t, function(number) t:group("15000"):logout(number) end)
  t:phone("77611"):calls("*4515000"):hears(say.join("belfry/group-logged-in", say.digits "15000")):hasEnded()

  t:phone("77513"):calls("15000"):hearsRinging()

  t:phone("77611"):isRinging()
  t:phone("77610"):isNotRinging()
end)

test("a caller who hangs up is gone from all telephones", function(t)
  t:phone("77513"):calls("15000"):hearsRinging():hangsUp()

  everybody(t, function(_, phone) phone:isNotRinging() end)
  t:mailbox("15000"):isEmpty()
end)

test("two callers at once ring two telephones", function(t)
  t:phone("77513"):calls("15000"):hearsRinging()
  t:phone("77514"):calls("15000"):hearsRinging()

  t:phone("77610"):isRinging():shows { number = "77513" }
  t:phone("77611"):isRinging():shows { number = "77514" }
end)

-- The porters.

test("all porters ring; whoever answers has the call, and the others stop", function(t)
  local caller = t:phone("77513"):calls("15100"):hearsRinging()

  t:phone("77620"):isRinging():shows { name = "Porters: Ada Byron" }
  t:phone("77621"):isRinging():answers()

  caller:isTalkingTo("77621")
  t:phone("77620"):isNotRinging()
end)

test("a porter who talks is left alone, the other rings", function(t)
  t:phone("77620"):answersAfter("1s")
  t:phone("77514"):calls("77620"):isTalkingTo("77620")

  t:phone("77513"):calls("15100"):hearsRinging()

  t:phone("77621"):isRinging()
end)

test("no porter answers for 30 seconds: the help desk", function(t)
  t:phone("77610"):answersAfter("4s")

  t:phone("77513"):calls("15100"):isTalkingTo("77610")
  t:elapsed("34s")
end)

for what, away in pairs {
  ["have logged out"] = function(t, number) t:group("15100"):logout(number) end,
  ["are not to be disturbed"] = function(t, number) t:line(number):setDnd(true) end,
  ["have no telephone connected"] = function(t, number) t:phone(number):isOffline() end,
  ["are engaged"] = function(t, number) t:phone(number):isBusy() end,
} do
  test("all porters " .. what .. ": the help desk at once", function(t)
    for _, number in ipairs { "77620", "77621" } do away(t, number) end
    t:phone("77610"):answersAfter("4s")

    t:phone("77513"):calls("15100"):isTalkingTo("77610")
    t:elapsed("4s")
  end)
end

test("no porter and nobody at the help desk: a message for the help desk", function(t)
  local joe = t:call { from = "+447700900123", to = "01865615100" }

  joe:hears("vm-intro"):speaksFor("6s"):hangsUp()

  t:mailbox("15000"):has { from = "+447700900123", length = "6s" }
end)
