test("Ben answers, and they talk", function(t)
  t:phone("202"):answersAfter("5s")

  local ana = t:phone("201"):calls("202")

  t:phone("202"):shows { number = "201", name = "Ana" }
  ana:hearsRinging():isTalkingTo("202")
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

test("whoever is busy gets the message at once", function(t)
  t:phone("202"):isBusy()

  t:phone("201"):calls("202"):hears("vm-intro"):speaksFor("4s"):hangsUp()

  t:mailbox("202"):has { length = "4s" }
end)

test("a message is heard, and the lamp goes out", function(t)
  t:mailbox("201"):setPin("274951"):add { from = "202", length = "7s" }
  t:lamp("201"):isOn()

  local ana = t:phone("201"):calls("*97")

  ana:hears("belfry/enter-pin-hash"):presses("274951#")
  ana:hears("vm-youhave"):presses("1"):hearsRecording()
  t:lamp("201"):isOff()
end)

test("a number that nobody has", function(t)
  t:phone("201"):calls("209"):isRejected("notFound")
end)

test("a line without a mailbox", function(t)
  t:line("203", { name = "Workshop", voicemail = false })
  t:phone("203"):isOffline()

  t:phone("201"):calls("203"):isRejected("unavailable")
end)
