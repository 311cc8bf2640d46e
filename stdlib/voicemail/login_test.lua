-- Who may open a mailbox. Ada is 77501, and her PIN 274951.

test("the right PIN opens the mailbox", function(t)
  t:mailbox("77501"):setGreeting("name")
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("a wrong PIN may be corrected", function(t)
  t:mailbox("77501"):setGreeting("name")
  local ada = t:phone("77501"):calls("*97")
  ada:hears("belfry/enter-pin-hash"):presses("274950#"):hears("belfry/pin-wrong")
  ada:hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("three wrong PINs end the call and lock the mailbox", function(t)
  local thief = t:phone("77501"):calls("*97")
  for _ = 1, 3 do thief:hears("belfry/enter-pin-hash"):presses("111222#"):hears("belfry/pin-wrong") end
  thief:hears("belfry/too-many-tries"):hasEnded()
  t:mailbox("77501"):isLocked()
end)

test("a locked mailbox does not open to its owner either, until half an hour has passed", function(t)
  t:mailbox("77501"):setGreeting("name")
  for _ = 1, 3 do mailbox("77501"):checkPin("111222") end
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/mailbox-locked"):doesNotHear("belfry/enter-pin-hash", { during = "20s" }):hasEnded()
  t:wait("31m")
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("who says nothing is asked three times", function(t)
  t:phone("77501"):calls("*97"):hears {
    "belfry/enter-pin-hash", "belfry/pin-wrong", "belfry/enter-pin-hash", "belfry/pin-wrong", "belfry/enter-pin-hash", "belfry/pin-wrong",
    "belfry/too-many-tries",
  }:hasEnded()
end)

test("a mailbox that has no PIN yet cannot be opened", function(t)
  t:line("77599", { name = "New" })
  local new = t:phone("77599"):calls("*97")
  for _ = 1, 3 do new:hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/pin-not-valid") end
  new:hears("belfry/too-many-tries"):hasEnded()
end)

test("a line that has no mailbox is told so", function(t)
  t:phone("77505"):calls("*97"):hears("belfry/no-mailbox"):doesNotHear("belfry/enter-pin-hash", { during = "20s" }):hasEnded()
end)

-- From another phone.

test("from another phone the number comes first, then the PIN", function(t)
  t:mailbox("77501"):setGreeting("name")
  local ada = t:phone("77505"):calls("*98")
  ada:hears("belfry/enter-mailbox-hash"):presses("77501#")
  ada:hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("a mailbox that does not exist sounds like a wrong PIN", function(t)
  local thief = t:phone("77505"):calls("*98"):hears("belfry/enter-mailbox-hash"):presses("70000#")
  for _ = 1, 3 do thief:hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/pin-log-in-wrong") end
  thief:hears("belfry/too-many-tries"):hasEnded()
end)

test("a wrong PIN from another phone sounds the same", function(t)
  local thief = t:phone("77505"):calls("*98"):hears("belfry/enter-mailbox-hash"):presses("77501#")
  thief:hears("belfry/enter-pin-hash"):presses("111222#"):hears("belfry/pin-log-in-wrong")
end)

-- The first time.

test("the first time an owner is asked for their name", function(t)
  local ada = t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
  ada:hears { "belfry/first-log-in", "belfry/record-name" }:speaksFor("1s"):presses("#")
  ada:hears("belfry/name-menu"):presses("1"):hears("belfry/name-saved"):hears("belfry/no-messages")
  t:mailbox("77501"):hasGreeting("name")
end)

test("who has said their name is not asked again", function(t)
  t:mailbox("77501"):setGreeting("name")
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("vm-onefor"):doesNotHear("belfry/first-log-in")
end)

test("a telephone on a wall is not asked for a name, but for another PIN than the first", function(t)
  local porch = t:phone("77511"):calls("*97"):hears("belfry/enter-pin-hash"):presses("195827#")
  porch:hears { "belfry/pin-default-change", "belfry/pin-new" }:presses("640271#")
  porch:hears("belfry/pin-again"):presses("640271#"):hears { "belfry/pin-active-later", "belfry/no-messages" }
end)

test("a temporary greeting that is still in force is called to mind", function(t)
  t:mailbox("77501"):setGreeting("name"):setGreeting("temporary")
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears { "belfry/greeting-temporary-on", "belfry/no-messages" }
end)
