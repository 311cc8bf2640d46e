-- Groups of Ben (77502), Cay (77503) and Dan (77504), one for each strategy and each ending; see main.lua. Each rings ten
-- seconds but in 15014. Eve (77505) calls.

-- Who takes Eve's call, when everybody would.
local function taker(t, group)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):answersAfter("1s") end
  local eve = t:phone("77505"):calls(group):isAnswered()
  local found
  for _, number in ipairs { "77502", "77503", "77504" } do
    if line(number).busy then found = number end
  end
  eve:hangsUp()
  t:wait("1s")
  return found
end

-- In what order.

test("sequential: one after another, as written", function(t)
  local eve = t:phone("77505"):calls("15001")
  t:phone("77502"):isRinging()
  t:phone("77503"):isNotRinging()
  t:wait("10s")
  t:phone("77503"):isRinging()
  t:phone("77502"):isNotRinging()
  t:wait("10s")
  t:phone("77504"):answers()
  eve:isTalkingTo("77504")
  t:elapsed("20s")
end)

test("simultaneous: all at once, and when one answers the others are silent", function(t)
  local eve = t:phone("77505"):calls("15002")
  t:phone("77502"):isRinging()
  t:phone("77503"):isRinging()
  t:phone("77504"):answers()
  eve:isTalkingTo("77504")
  t:phone("77502"):isNotRinging()
  t:phone("77503"):isNotRinging()
end)

test("simultaneous: nobody answers in the group's time", function(t)
  local eve = t:phone("77505"):calls("15002")
  t:wait("9s")
  t:phone("77502"):isRinging()
  eve:hears("belfry/no-answer"):hasEnded()
  t:elapsed("10s", { within = "4s" })
  t:phone("77502"):isNotRinging()
end)

test("circular: each call begins after the one who was rung last", function(t)
  for _, member in ipairs { "77502", "77503", "77504", "77502" } do
    assert(taker(t, "15003") == member)
  end
  t:phone("77503"):rings()
  t:phone("77505"):calls("15003"):isTalkingTo("77504"):hangsUp()
  t:wait("1s")
  assert(taker(t, "15003") == "77502")
end)

test("longestIdle: who has had no call comes first", function(t)
  for _, member in ipairs { "77502", "77503", "77504", "77502" } do
    assert(taker(t, "15004") == member)
  end
end)

-- Ben talks for a minute; meanwhile Cay has a call of ten seconds, and Dan has one afterwards.
for who, ends in pairs { ["the caller"] = "caller", ["the member"] = "member" } do
  test("longestIdle: what counts is when a call ended, whether " .. who .. " hangs up or not", function(t)
    local function talk(from, member, time)
      t:phone(member):answersAfter("1s")
      local caller = t:phone(from):calls("15004"):isTalkingTo(member)
      t:wait(time)
      if ends == "caller" then caller:hangsUp() else t:phone(member):hangsUp() end
      t:wait("1s")
    end
    t:phone("77502"):answersAfter("1s")
    local long = t:phone("77505"):calls("15004"):isTalkingTo("77502")
    talk("77501", "77503", "10s")
    talk("77501", "77504", "10s")
    t:wait("40s")
    if ends == "caller" then long:hangsUp() else t:phone("77502"):hangsUp() end
    t:wait("1s")
    for _, member in ipairs { "77503", "77504", "77502" } do assert(taker(t, "15004") == member) end
  end)
end

test("longestIdle: who was rung and did not answer has had a turn", function(t)
  t:phone("77503"):answersAfter("1s")
  t:phone("77505"):calls("15004"):isTalkingTo("77503"):hangsUp()
  t:wait("1s")
  for _, member in ipairs { "77504", "77502", "77503" } do assert(taker(t, "15004") == member) end
end)

test("when the member hangs up the call is over, and nobody else rings", function(t)
  for _, group in ipairs { "15001", "15002" } do
    local eve = t:phone("77505"):calls(group)
    t:phone("77502"):answers()
    eve:isTalkingTo("77502")
    t:wait("5s")
    local over = now()
    t:phone("77502"):hangsUp()
    eve:hasEnded()
    assert(now() - over < 0.1, "it went on")
  end
end)

test("random: everybody comes first at times", function(t)
  local times = {}
  for _ = 1, 30 do
    local who = taker(t, "15005")
    times[who] = (times[who] or 0) + 1
  end
  assert(times["77502"] and times["77503"] and times["77504"])
end)

test("random: nobody rings twice", function(t)
  t:phone("77505"):calls("15005"):hears("belfry/no-answer")
  t:elapsed("30s")
end)

test("weighted: who weighs nine times as much comes first far more often", function(t)
  local times = { ["77502"] = 0, ["77503"] = 0 }
  for _ = 1, 30 do
    local who = taker(t, "15006")
    times[who] = times[who] + 1
  end
  assert(times["77503"] > 20 and times["77502"] > 0, times["77502"])
end)

-- How long, and with what.

test("a member may ring longer, and the group's time ends it all", function(t)
  local eve = t:phone("77505"):calls("15007")
  t:wait("11s")
  t:phone("77503"):isRinging()
  t:wait("18s")
  t:phone("77503"):isRinging()
  t:wait("2s")
  t:phone("77504"):isRinging()
  t:wait("4s")
  eve:hears("belfry/no-answer")
  t:elapsed("35s")
  t:phone("77504"):isNotRinging()
  t:phone("77511"):isNotRinging()
end)

test("each member rings fifteen seconds if the group does not say how long", function(t)
  t:phone("77505"):calls("15014")
  t:wait("14s")
  t:phone("77502"):isRinging()
  t:wait("2s")
  t:phone("77503"):isRinging()
end)

test("the caller hears what the group plays while it rings, over and over", function(t)
  t:phone("77505"):calls("15007"):hears { "demo-congrats", "demo-congrats" }
  t:phone("77502"):isRinging()
end)

test("members see for which group a call is, and from whom", function(t)
  t:call { from = "Joe <+447700900123>", to = "01865615001" }
  t:phone("77502"):shows { name = "Desk: Joe", number = "+447700900123" }
  t:wait("30s")
  t:call { from = "+447700900124", to = "01865615002" }
  t:phone("77502"):shows { name = "Porters: +447700900124" }
end)

-- Who is passed over.

test("who does not want to be disturbed is passed over at once", function(t)
  t:line("77502"):setDnd(true)
  t:phone("77505"):calls("15001")
  t:phone("77503"):isRinging()
  t:elapsed("0s")
end)

test("who has no phone connected is passed over at once", function(t)
  t:phone("77502"):isOffline()
  t:phone("77505"):calls("15001")
  t:phone("77503"):isRinging()
  t:elapsed("0s")
end)

test("who has a call already is passed over, call waiting or not", function(t)
  t:phone("77501"):answersAfter("1s")
  t:phone("77504"):calls("77501"):isTalkingTo("77501")
  t:phone("77502"):isBusy()
  t:phone("77503"):isBusy()
  t:phone("77505"):calls("15001"):isRejected("busy")
  t:phone("77504"):isNotRinging()
end)

test("simultaneous: who has a call already is not rung", function(t)
  t:phone("77501"):answersAfter("1s")
  t:phone("77504"):calls("77501"):isTalkingTo("77501")
  t:phone("77505"):calls("15002")
  t:phone("77502"):isRinging()
  t:phone("77504"):isNotRinging()
end)

test("all are on the phone: the caller's phone says busy, and none of theirs rings", function(t)
  for _, number in ipairs { "77501", "77511", "77513" } do t:phone(number):answersAfter("1s") end
  t:phone("77502"):calls("77501"):isAnswered()
  t:phone("77503"):calls("77511"):isAnswered()
  t:phone("77504"):calls("77513"):isAnswered()
  t:phone("77505"):calls("15001"):isRejected("busy")
  t:phone("77505"):calls("15013"):hears("belfry/group-busy")
end)

test("a member who takes another call while the others ring is not rung, call waiting or not", function(t)
  t:phone("77504"):answersAfter("1s")
  local eve = t:phone("77505"):calls("15001")
  t:phone("77502"):isRinging()
  t:phone("77501"):calls("77504"):isTalkingTo("77504")
  eve:hears("belfry/no-answer")
  t:elapsed("20s")
  t:phone("77504"):isTalkingTo("77501")
end)

test("simultaneous: all refuse the call", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):rejects() end
  t:phone("77505"):calls("15002"):hears("belfry/no-answer"):hasEnded()
end)

test("who refuses the call is passed over", function(t)
  t:phone("77502"):rejects()
  t:phone("77503"):answersAfter("2s")
  t:phone("77505"):calls("15001"):isTalkingTo("77503")
end)

test("a member's forward and mailbox never take the group's call", function(t)
  t:line("77502"):setForward("always", "77501"):setForward("noAnswer", "77501")
  t:phone("77505"):calls("15001")
  t:phone("77502"):isRinging()
  t:phone("77501"):isNotRinging()
  t:wait("10s")
  t:phone("77503"):isRinging()
  t:phone("77501"):isNotRinging()
end)

test("who is logged out is not rung, and is again when logged in", function(t)
  t:group("15001"):logout("77502")
  local eve = t:phone("77505"):calls("15001")
  t:phone("77503"):isRinging()
  t:elapsed("0s")
  eve:hangsUp()
  t:group("15001"):login("77502")
  t:phone("77505"):calls("15001")
  t:phone("77502"):isRinging()
end)

-- Where a call goes that nobody takes.

test("nobody answers: the overflow for that", function(t)
  t:phone("77512"):answersAfter("1s")
  t:phone("77505"):calls("15011"):isTalkingTo("77512")
  t:elapsed("31s")
end)

test("all are busy: the overflow for that", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):isBusy() end
  t:phone("77511"):answersAfter("1s")
  t:phone("77505"):calls("15011"):isTalkingTo("77511")
  t:elapsed("1s")
end)

test("all are logged out: the overflow for that", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:group("15011"):logout(number) end
  t:phone("77513"):answersAfter("1s")
  t:phone("77505"):calls("15011"):isTalkingTo("77513")
end)

test("nobody could be rung: the overflow for that", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:line(number):setDnd(true) end
  t:phone("77514"):answersAfter("1s")
  t:phone("77505"):calls("15011"):isTalkingTo("77514")
end)

test("one overflow for all cases, out in the world", function(t)
  t:outside("+447700900555"):answersAfter("1s")
  for _, number in ipairs { "77502", "77503", "77504" } do t:line(number):setDnd(true) end
  t:call { from = "+447700900123", to = "01865615012" }:isTalkingTo("+447700900555")
  t:outside("+447700900555"):shows { diversion = "+441865615012" }
end)

test("a mailbox takes the call: the caller hears why, and the greeting", function(t)
  t:phone("77505"):calls("15013"):hears("belfry/no-answer"):hears("vm-intro"):speaksFor("5s"):hangsUp()
  t:mailbox("77501"):has { from = "77505" }
end)

-- What the caller is told where the call goes nowhere.

test("all are logged out: closed", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:group("15001"):logout(number) end
  t:phone("77505"):calls("15001"):hears("belfry/closed"):hasEnded()
end)

test("nobody answered", function(t)
  t:phone("77505"):calls("15001"):hears("belfry/no-answer"):hasEnded()
end)

test("all are busy: the caller's phone says so", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):isBusy() end
  t:phone("77505"):calls("15001"):isRejected("busy")
  t:phone("77505"):calls("15002"):isRejected("busy")
end)

test("all are busy, and there is a mailbox", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):isBusy() end
  t:phone("77505"):calls("15013"):hears("belfry/group-busy"):hears("vm-intro")
end)

test("nobody is connected", function(t)
  for _, number in ipairs { "77502", "77503", "77504" } do t:phone(number):isOffline() end
  t:phone("77505"):calls("15001"):hears("belfry/group-nobody"):hasEnded()
end)

test("a group without members", function(t)
  t:phone("77505"):calls("15015"):hears("belfry/group-nobody"):hasEnded()
end)
