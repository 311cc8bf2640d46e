-- Max (77600) has Ann (77601) and Bob (77602), one after another, and then his mailbox. Kim (77610) has Ann, and is rung
-- herself when Ann does not answer. Lou (77620) has both at once, and then Ada (77501); Pat (77630) has Bob, and then a mobile.

test("a call to the manager rings the assistant, who sees for whom it is", function(t)
  local eve = t:phone("77505"):calls("77600")
  t:phone("77601"):isRinging():shows { number = "77505", name = "For Max: Eve", diversion = "77600" }
  t:phone("77600"):isNotRinging()
  t:phone("77601"):answers()
  eve:isTalkingTo("77601")
end)

test("when the assistant hangs up the call is over, and neither mailbox nor manager takes it", function(t)
  for _, manager in ipairs { "77600", "77610" } do
    t:phone("77601"):answersAfter("1s")
    local eve = t:phone("77505"):calls(manager):isTalkingTo("77601")
    local over = now()
    t:phone("77601"):hangsUp()
    eve:hasEnded()
    assert(now() - over < 0.1, "it went on")
  end
end)

test("the next assistant rings when the first does not answer", function(t)
  t:phone("77602"):answersAfter("1s")
  t:phone("77505"):calls("77600"):isTalkingTo("77602")
  t:elapsed("16s")
end)

test("all assistants at once", function(t)
  t:phone("77505"):calls("77620")
  t:phone("77601"):isRinging()
  t:phone("77602"):isRinging()
end)

test("an assistant who is busy, absent or does not want to be disturbed is passed over", function(t)
  t:line("77601"):setDnd(true)
  local eve = t:phone("77505"):calls("77600")
  t:phone("77602"):isRinging()
  t:elapsed("0s")
  eve:hangsUp()
  t:line("77601"):setDnd(false)
  t:phone("77601"):isOffline()
  t:phone("77505"):calls("77600")
  t:phone("77602"):isRinging()
end)

-- Who is let through.

test("an assistant reaches the manager", function(t)
  t:phone("77600"):answersAfter("1s")
  t:phone("77602"):calls("77600"):isTalkingTo("77600")
end)

test("the assistant transfers the caller to the manager", function(t)
  t:phone("77601"):answersAfter("1s")
  t:phone("77600"):answersAfter("1s")
  local eve = t:phone("77505"):calls("77600"):isTalkingTo("77601")
  t:phone("77601"):transfersTo("77600")
  eve:isTalkingTo("77600")
end)

test("after asking the manager, the assistant puts the caller through", function(t)
  t:phone("77601"):answersAfter("1s")
  t:phone("77600"):answersAfter("1s")
  local eve = t:phone("77505"):calls("77600"):isTalkingTo("77601")
  t:phone("77601"):transfersTo("77600", { consult = true })
  eve:isTalkingTo("77600")
end)

test("an extension on the manager's list is let through", function(t)
  t:list("whitelist-77600"):add("77505")
  t:phone("77505"):calls("77600")
  t:phone("77600"):isRinging()
  t:phone("77601"):isNotRinging()
end)

test("a number outside on the list is let through, however it was written and is presented", function(t)
  t:list("whitelist-77600"):add("07700900123")
  t:list("whitelist-77600"):add("+442079460018")
  for _, from in ipairs { "+447700900123", "07700900123", "+442079460018", "02079460018" } do
    local joe = t:call { from = from, to = "01865277600" }
    t:phone("77600"):isRinging()
    joe:hangsUp()
  end
end)

test("a caller from outside who presents an extension's number is not that extension", function(t)
  t:list("whitelist-77600"):add("77505")
  t:call { from = "77505", to = "01865277600", trunk = "pstn" }
  t:phone("77601"):isRinging()
end)

test("who withholds the number is not let through", function(t)
  t:list("whitelist-77600"):add("internal")
  t:call { from = "anonymous", to = "01865277600" }
  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

test("all extensions may be let through", function(t)
  t:list("whitelist-77600"):add("internal")
  t:phone("77505"):calls("77600")
  t:phone("77600"):isRinging()
end)

test("the filter is switched off, and on again", function(t)
  t:phone("77601"):calls("*8577600"):isAnswered()
  local eve = t:phone("77505"):calls("77600")
  t:phone("77600"):isRinging()
  eve:hangsUp()
  t:phone("77600"):calls("*8477600"):isAnswered()
  t:phone("77505"):calls("77600")
  t:phone("77601"):isRinging()
end)

-- When no assistant is there.

test("then the manager's mailbox takes the call", function(t)
  t:phone("77505"):calls("77600"):hears("vm-intro"):speaksFor("5s"):hangsUp()
  t:mailbox("77600"):has { from = "77505" }
end)

test("or the manager's own phone rings", function(t)
  t:phone("77505"):calls("77610")
  t:wait("30s")
  t:phone("77610"):isRinging()
  t:phone("77601"):isNotRinging()
end)

test("or a deputy's", function(t)
  t:phone("77501"):answersAfter("1s")
  t:phone("77505"):calls("77620"):isTalkingTo("77501")
  t:elapsed("11s")
end)

test("or a mobile's, which sees the manager's number as who sent the call", function(t)
  t:phone("77602"):isOffline()
  t:outside("+447700900555"):answersAfter("1s")
  t:call { from = "+447700900123", to = "01865277630" }:isTalkingTo("+447700900555")
  t:outside("+447700900555"):shows { diversion = "+441865277630" }
end)

test("and nobody takes it if there is nothing", function(t)
  t:phone("77602"):isOffline()
  t:phone("77505"):calls("77690"):isRejected("unavailable")
end)

-- Calls on behalf of the manager. *86 is for the first manager of whoever calls.

test("an assistant calls for the manager, whose number is shown inside", function(t)
  t:phone("77505"):answersAfter("1s")
  t:phone("77601"):calls("*8677505"):isTalkingTo("77505")
  t:phone("77505"):shows { number = "77600", name = "Max" }
end)

test("and outside, by the manager's permissions", function(t)
  t:outside("+12025550123"):answersAfter("1s")
  t:phone("77601"):calls("*860012025550123"):isTalkingTo("+12025550123")
  t:outside("+12025550123"):shows { number = "+441865277600", name = "Max" }
end)

test("what the manager may not call, nobody calls for them", function(t)
  t:phone("77601"):calls("*8609098790123"):hears("belfry/not-authorised-premium"):hasEnded()
end)

test("a manager may use the code too", function(t)
  t:phone("77505"):answersAfter("1s")
  t:phone("77600"):calls("*8677505"):isTalkingTo("77505")
  t:phone("77505"):shows { number = "77600", name = "Max" }
end)

test("an emergency call on behalf is the assistant's own: help goes to where it is needed", function(t)
  t:outside("999"):answersAfter("1s")
  t:phone("77601"):calls("*86999"):isTalkingTo("999")
  t:outside("999"):shows { number = "+441865277601" }
end)

test("a call on behalf to a group is a call to the group, and one to an executive goes to the assistants", function(t)
  t:phone("77502"):answersAfter("1s")
  t:phone("77601"):calls("*8615001"):isTalkingTo("77502"):hangsUp()
  t:phone("77601"):calls("*8677630")
  t:phone("77602"):isRinging()
  t:phone("77630"):isNotRinging()
end)

test("who does not answer a call on behalf sends it to their mailbox", function(t)
  t:phone("77601"):calls("*8677502"):hears("vm-intro")
end)

test("a number outside that is busy", function(t)
  t:outside("+12025550123"):isBusy()
  t:phone("77601"):calls("*860012025550123"):isRejected("busy")
end)
