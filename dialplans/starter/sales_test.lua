test("one after another", function(t)
  t:line("203", { name = "Cem" })
  t:phone("202"):answersAfter("5s")

  local caller = t:phone("203"):calls("610")

  t:phone("201"):isRinging()
  caller:isTalkingTo("202")
  t:elapsed("20s")
  t:phone("202"):shows { name = "Sales: Cem" }
end)

test("nobody is free: a message for Ana", function(t)
  t:line("203", { name = "Cem" })

  t:phone("203"):calls("610"):hears("belfry/no-answer"):hears("vm-intro"):speaksFor("9s"):hangsUp()

  t:mailbox("201"):has { from = "203", length = "9s" }
end)
