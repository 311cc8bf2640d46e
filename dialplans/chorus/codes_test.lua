-- Feature codes, as they are dialled.

local say = require "say"

-- *72 *73, *90 *91, *52 *53: forwards.

for _, forward in ipairs {
  { kind = "always",   on = "*72", off = "*73", says = "belfry/forwarding-on-to",        saysOff = "belfry/forwarding-off" },
  { kind = "busy",     on = "*90", off = "*91", says = "belfry/forwarding-busy-to",      saysOff = "belfry/forwarding-busy-off" },
  { kind = "noAnswer", on = "*52", off = "*53", says = "belfry/forwarding-no-answer-to", saysOff = "belfry/forwarding-no-answer-off" },
} do
  local on, kind = forward.on, forward.kind

  test(on .. " and a number forwards there, and says so", function(t)
    t:phone("77513"):calls(on .. "15902"):hears(say.join(forward.says, say.digits "15902")):hasEnded()

    t:line("77513"):has { [kind] = "15902" }
  end)

  test(on .. " and a number outside", function(t)
    t:phone("77513"):calls(on .. "07700900123"):hears(say.join(forward.says, say.digits "07700900123")):hasEnded()

    t:line("77513"):has { [kind] = "07700900123" }
  end)

  test(on .. " and a number of ours in full is kept as the extension", function(t)
    t:phone("77513"):calls(on .. "01865615902"):hears(say.join(forward.says, say.digits "15902")):hasEnded()

    t:line("77513"):has { [kind] = "15902" }
  end)

  test(on .. " alone asks for a number the first time", function(t)
    t:phone("77513"):calls(on):hears("belfry/forwarding-enter-number"):presses("15902#"):hears(forward.says):hasEnded()

    t:line("77513"):has { [kind] = "15902" }
  end)

  test(on .. " alone asks twice, and then lets it be", function(t)
    local ada = t:phone("77513"):calls(on)

    ada:hears("belfry/forwarding-enter-number"):hears("belfry/forwarding-enter-number"):hears("vm-goodbye"):hasEnded()

    t:line("77513"):has { [kind] = false }
  end)

  test(on .. " alone later on forwards to where calls went the last time", function(t)
    t:phone("77513"):calls(on .. "15902"):hasEnded()
    t:phone("77513"):calls(forward.off):hasEnded()
    t:line("77513"):has { [kind] = false }

    t:phone("77513"):calls(on):hears(say.join(forward.says, say.digits "15902")):hasEnded()

    t:line("77513"):has { [kind] = "15902" }
  end)

  test(forward.off .. " forwards no more", function(t)
    t:line("77513"):setForward(kind, "15902")

    t:phone("77513"):calls(forward.off):hears(forward.saysOff):hasEnded()

    t:line("77513"):has { [kind] = false }
  end)

  test(on .. " does not forward to where the line may not call", function(t)
    t:phone("77514"):calls(on .. "07700900123"):hears("belfry/forwarding-not-allowed"):hasEnded()

    t:line("77514"):has { [kind] = false }
  end)

  test(on .. " does not forward to a number that cannot exist", function(t)
    t:phone("77513"):calls(on .. "0770090012"):hears("belfry/forwarding-not-allowed"):hasEnded()

    t:line("77513"):has { [kind] = false }
  end)

  for _, number in ipairs { "77513", "01865277513" } do
    test(on .. number .. " by that very line: it cannot forward to itself", function(t)
      t:phone("77513"):calls(on .. number):hears("belfry/forwarding-to-itself"):hasEnded()

      t:line("77513"):has { [kind] = false }
    end)
  end
end

test("*72 and the calls do go there, until *73", function(t)
  t:phone("77513"):calls("*7215902"):hasEnded()
  t:phone("15902"):answersAfter("1s")

  t:phone("77514"):calls("77513"):isTalkingTo("15902"):hangsUp()

  t:phone("77513"):calls("*73"):hasEnded()
  t:phone("77514"):calls("77513"):hearsRinging()
  t:phone("77513"):isRinging()
end)

-- *78 *79: do not disturb.

test("*78: do not disturb, and callers are not put through; *79: they are again", function(t)
  t:phone("77513"):calls("*78"):hears("belfry/dnd-on"):hasEnded()
  t:line("77513"):has { dnd = true }
  t:phone("77514"):calls("77513"):hears("vm-intro"):hangsUp()
  t:phone("77513"):isNotRinging()

  t:phone("77513"):calls("*79"):hears("belfry/dnd-off"):hasEnded()
  t:line("77513"):has { dnd = false }
  t:phone("77514"):calls("77513"):hearsRinging()
  t:phone("77513"):isRinging()
end)

-- *97 *98: voicemail.

test("*97: Ada gives her PIN and hears her message; the lamp goes out", function(t)
  t:mailbox("77513"):setPin("274951"):setGreeting("name"):add { from = "77514", length = "7s" }
  t:lamp("77513"):isOn()

  local ada = t:phone("77513"):calls("*97")

  ada:hears("belfry/enter-pin-hash"):presses("274951#")
  ada:hears(say.join("vm-youhave", say.messages(1, "new"))):presses("1"):hearsRecording()
  t:lamp("77513"):isOff()
  ada:hears("belfry/message-menu"):presses("#"):hears("vm-goodbye"):hasEnded()
end)

test("*97 from a telephone without a mailbox asks which", function(t)
  t:mailbox("77513"):setPin("274951"):setGreeting("name")

  local caller = t:phone("77620"):calls("*97")

  caller:hears("belfry/enter-mailbox-hash"):presses("77513#")
  caller:hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("*98 asks for the mailbox and the PIN", function(t)
  t:mailbox("77513"):setPin("274951"):setGreeting("name"):add { from = "77514", length = "7s" }

  local caller = t:phone("77514"):calls("*98")

  caller:hears("belfry/enter-mailbox-hash"):presses("77513#")
  caller:hears("belfry/enter-pin-hash"):presses("274951#"):hears(say.join("vm-youhave", say.messages(1, "new")))
end)

test("*9877513: Ada's mailbox from Ben's telephone, with her PIN", function(t)
  t:mailbox("77513"):setPin("274951"):setGreeting("name")

  t:phone("77514"):calls("*9877513"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/no-messages")
end)

test("*9877999: there is no such mailbox", function(t)
  t:phone("77514"):calls("*9877999"):hears("belfry/no-mailbox"):hasEnded()
end)

test("three wrong PINs lock the mailbox, for the right one too", function(t)
  t:mailbox("77513"):setPin("274951")
  local ada = t:phone("77513"):calls("*97")

  for _ = 1, 3 do ada:hears("belfry/enter-pin-hash"):presses("111222#") end

  ada:hasEnded()
  t:mailbox("77513"):isLocked()
  t:phone("77513"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/mailbox-locked"):hasEnded()
end)

test("a locked mailbox takes messages all the same", function(t)
  t:mailbox("77513"):setPin("274951")
  local ada = t:phone("77513"):calls("*97")
  for _ = 1, 3 do ada:hears("belfry/enter-pin-hash"):presses("111222#") end

  t:phone("77514"):calls("77513"):hears("vm-intro"):speaksFor("5s"):hangsUp()

  t:mailbox("77513"):has { from = "77514", length = "5s" }
end)

-- **3 and **77514: pickup.

test("**3: Ada takes the call that rings at Ben's, who is in her pickup group", function(t)
  local clara = t:phone("15902"):calls("77514"):hearsRinging()

  t:phone("77513"):calls("**3"):isTalkingTo("15902")

  clara:isTalkingTo("77513")
  t:phone("77514"):isNotRinging()
end)

test("**3 takes the call that has rung longest", function(t)
  t:line("77515", { name = "Cleo", pickupGroup = "maths" })
  local first = t:phone("15902"):calls("77514"):hearsRinging()
  t:wait("5s")
  t:phone("77601"):calls("77515"):hearsRinging()

  t:phone("77513"):calls("**3")

  first:isTalkingTo("77513")
  t:phone("77515"):isRinging()
end)

test("**3 takes a call from outside", function(t)
  local joe = t:call { from = "+447700900123", to = "01865277514" }:hearsRinging()

  t:phone("77513"):calls("**3"):isTalkingTo("+447700900123")

  joe:isTalkingTo("77513")
end)

test("**3 takes a hunt group's call", function(t)
  local clara = t:phone("15902"):calls("15100"):hearsRinging()

  t:line("77622", { pickupGroup = "lodge" })
  t:phone("77622"):calls("**3"):isTalkingTo("15902")

  clara:isTalkingTo("77622")
  t:phone("77620"):isNotRinging()
  t:phone("77621"):isNotRinging()
end)

test("**3 when nothing rings", function(t)
  t:phone("77513"):calls("**3"):hears("belfry/pickup-none"):hasEnded()
end)

test("**3 does not take what rings in another group", function(t)
  t:phone("77513"):calls("77610"):hearsRinging()

  t:phone("77514"):calls("**3"):hears("belfry/pickup-none"):hasEnded()

  t:phone("77610"):isRinging()
end)

test("**3 by a telephone that is in no pickup group", function(t)
  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("15902"):calls("**3"):hears("belfry/pickup-not-member"):hasEnded()

  t:phone("77514"):isRinging()
end)

test("**77514: Ada takes the call that rings at that very telephone", function(t)
  t:line("77515", { name = "Cleo", pickupGroup = "maths" })
  t:phone("77601"):calls("77515"):hearsRinging()
  t:wait("5s")
  local clara = t:phone("15902"):calls("77514"):hearsRinging()

  t:phone("77513"):calls("**77514"):isTalkingTo("15902")

  clara:isTalkingTo("77513")
  t:phone("77515"):isRinging()
end)

for number, extension in pairs { ["**15903"] = "15903", ["**89101"] = "89101" } do
  test(number .. " is the same with the other extensions", function(t)
    t:line(extension, { name = "Cleo", pickupGroup = "maths" })
    t:phone("15902"):calls(extension):hearsRinging()

    t:phone("77513"):calls(number):isTalkingTo("15902")
  end)
end

test("**77514 when nothing rings there", function(t)
  t:phone("77513"):calls("**77514"):hears("belfry/pickup-line-none"):hasEnded()
end)

test("**77514 by a telephone of another group, or of none", function(t)
  t:phone("77513"):calls("77514"):hearsRinging()

  t:phone("77610"):calls("**77514"):hears("belfry/pickup-not-allowed"):hasEnded()
  t:phone("15902"):calls("**77514"):hears("belfry/pickup-not-member"):hasEnded()

  t:phone("77514"):isRinging()
end)

test("**77999: nobody has that number", function(t)
  t:phone("77513"):calls("**77999"):hears("belfry/pickup-not-allowed"):hasEnded()
end)

test("a call that was picked up is not a missed call", function(t)
  t:phone("15902"):calls("77514"):hearsRinging()
  t:phone("77513"):calls("**3"):isTalkingTo("15902"):hangsUp()

  t:log("77514"):has { kind = "received", number = "15902" }
end)

-- *45: in to a group, or out of it.

test("*4515000: out of the group, and in again", function(t)
  t:phone("77610"):calls("*4515000"):hears(say.join("belfry/group-logged-out", say.digits "15000")):hasEnded()
  t:group("15000"):hasLoggedOut("77610")

  t:phone("77610"):calls("*4515000"):hears(say.join("belfry/group-logged-in", say.digits "15000")):hasEnded()
  t:group("15000"):hasLoggedIn("77610")
end)

test("*45 asks which group", function(t)
  t:phone("77620"):calls("*45"):hears("belfry/group-enter"):presses("15100#"):hears("belfry/group-logged-out"):hasEnded()

  t:group("15100"):hasLoggedOut("77620")
end)

test("*4515000 by somebody who is no member", function(t)
  t:phone("77513"):calls("*4515000"):hears("belfry/group-not-member"):hasEnded()
end)

test("*4577777: there is no such group", function(t)
  t:phone("77610"):calls("*4577777"):hears("belfry/group-unknown"):hasEnded()
end)

-- Small services.

test("*43: whoever speaks hears themselves, five minutes at most", function(t)
  local ada = t:phone("77513"):calls("*43")

  ada:hears("belfry/echo-start"):speaksFor("10s"):hears("belfry/echo-end"):hasEnded()

  t:elapsed("5m", { within = "20s" })
end)

test("*60: the time, and three strokes, the third of them exact", function(t)
  t:at("2026-06-15 15:04", { zone = "Europe/London" })

  local ada = t:phone("77513"):calls("*60")

  ada:hears { "belfry/clock-stroke", "digits/3", "digits/oh", "digits/4", "digits/p-m", "digits/and", "digits/10", "seconds" }
  ada:hears("tone:beep"):hears("tone:beep"):hears("tone:beep")
  assert(now() % 10 == 0, "the third stroke is at a full ten seconds")
end)

test("*60 is a minute of it, and then the call is over", function(t)
  t:phone("77513"):calls("*60"):hasEnded()

  t:elapsed("1m", { within = "15s" })
end)

test("*65: Ada's number, inside and outside", function(t)
  t:phone("77513"):calls("*65"):hears(say.join("belfry/your-number-is", say.digits "77513",
    "belfry/your-external-number-is", say.digits "+441865277513")):hasEnded()
end)

test("*69: the last caller's number, and 1 calls back", function(t)
  t:phone("15902"):calls("77513"):hearsRinging():hangsUp()
  t:phone("77514"):calls("77513"):hearsRinging():hangsUp()
  t:phone("77514"):answersAfter("1s")

  local ada = t:phone("77513"):calls("*69")

  ada:hears(say.join("belfry/last-caller-was", say.digits "77514")):hears("belfry/press-one-to-call-back")
  ada:presses("1"):isTalkingTo("77514")
end)

test("*69 calls a number outside back, if the line may", function(t)
  t:call { from = "+447700900123", to = "77513" }:hearsRinging():hangsUp()
  t:outside("+447700900123"):answersAfter("1s")

  t:phone("77513"):calls("*69"):hears("belfry/press-one-to-call-back"):presses("1"):isTalkingTo("+447700900123")
end)

test("*69 does not call a number back that the line may not call", function(t)
  t:call { from = "+447700900123", to = "77514" }:hearsRinging():hangsUp()

  t:phone("77514"):calls("*69"):hears("belfry/press-one-to-call-back"):presses("1"):hears("belfry/not-authorised-mobile"):hasEnded()
end)

test("*69, and then no key: goodbye", function(t)
  t:phone("77514"):calls("77513"):hearsRinging():hangsUp()

  t:phone("77513"):calls("*69"):hears("belfry/press-one-to-call-back"):hears("vm-goodbye"):hasEnded()

  t:phone("77514"):isNotRinging()
end)

test("*69 when nobody has called", function(t)
  t:phone("77513"):calls("*69"):hears("belfry/last-caller-none"):hasEnded()
end)

test("*69 when the last caller withheld the number", function(t)
  t:call { from = "anonymous", to = "77513" }:hearsRinging():hangsUp()

  t:phone("77513"):calls("*69"):hears("belfry/last-caller-withheld"):hasEnded()
end)

test("codes are for our telephones", function(t)
  for _, code in ipairs { "*72", "*7215902", "*97", "*9877513", "**3", "**77514", "*4515000", "*84", "*43", "*69" } do
    t:call { from = "+447700900123", to = code }:isRejected("notFound")
  end
end)

test("codes need no permission", function(t)
  t:line("77514"):setPermissions("none")

  t:phone("77514"):calls("*65"):hears("belfry/your-number-is")
end)
