-- What the starter promises: belfry test dialplans/starter

test("201 rings, answers, and the two talk", function(t)
  t:phone("202"):answersAfter("5s")

  local ana = t:phone("201"):calls("202")

  ana:hearsRinging()
  t:phone("202"):shows { number = "201", name = "Ana" }
  ana:isTalkingTo("202")
  t:elapsed("5s")
  t:phone("202"):hangsUp()
  ana:hasEnded()
end)

test("nobody answers: the caller leaves a message", function(t)
  local ana = t:phone("201"):calls("202")

  ana:isAnswered()
  t:elapsed("25s")
  ana:hears("vm-intro"):speaksFor("7s"):hangsUp()

  t:mailbox("202"):has { from = "201", length = "7s" }
  t:lamp("202"):isOn()
  t:log("202"):has { kind = "missed", number = "201" }
end)

test("who is busy gets the message at once", function(t)
  t:phone("202"):isBusy()

  local ana = t:phone("201"):calls("202")

  ana:isAnswered()
  t:elapsed("0s")
  ana:hears("vm-intro"):speaksFor("4s"):presses("#")
  ana:hears("vm-goodbye"):hasEnded()
  t:mailbox("202"):has { length = "4s" }
end)

test("the menu: nought is the operator", function(t)
  t:phone("201"):answersAfter("3s")

  local ben = t:phone("202"):calls("600")

  ben:hears("ext-or-zero"):presses("0"):isTalkingTo("201")
end)

test("the menu: who knows an extension dials it", function(t)
  t:phone("202"):answersAfter("3s")

  local ana = t:phone("201"):calls("600")

  ana:hears("ext-or-zero"):presses("202"):isTalkingTo("202")
end)

test("the menu: who presses nothing gets the operator after three tries", function(t)
  t:phone("201"):answersAfter("3s")

  local ben = t:phone("202"):calls("600")

  ben:hears("ext-or-zero"):hears("ext-or-zero"):hears("ext-or-zero")
  ben:isTalkingTo("201")
end)

test("a message is heard, and the lamp goes out", function(t)
  t:mailbox("201"):setPin("274951"):add { from = "202", length = "7s" }
  t:lamp("201"):isOn()

  local ana = t:phone("201"):calls("*97")

  ana:hears("belfry/enter-pin-hash"):presses("274951#")
  ana:hears("vm-youhave"):presses("1")
  ana:hearsRecording()
  t:lamp("201"):isOff()
  ana:hangsUp()
  t:mailbox("201"):has { from = "202", heard = true }
end)

test("a number that is none is refused", function(t)
  t:phone("201"):calls("699"):isRejected("notFound")
end)
