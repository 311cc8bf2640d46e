-- Feature codes. In these tests *711 is "forward all calls", *721 its end; 2 stands for busy, 3 for no answer, 4 for no phone
-- connected. Ada (77501) may call abroad, Cay (77503) inside only.

local kinds = {
  ["1"] = { "always",       on = "belfry/forwarding-on-to",           off = "belfry/forwarding-off" },
  ["2"] = { "busy",         on = "belfry/forwarding-busy-to",         off = "belfry/forwarding-busy-off" },
  ["3"] = { "noAnswer",     on = "belfry/forwarding-no-answer-to",    off = "belfry/forwarding-no-answer-off" },
  ["4"] = { "unregistered", on = "belfry/forwarding-unregistered-to", off = "belfry/forwarding-unregistered-off" },
}
for key, kind in pairs(kinds) do
  test("forwarding (" .. kind[1] .. ") is switched on with a number, off, and on again without", function(t)
    t:phone("77501"):calls("*71" .. key .. "77502"):hears { kind.on, "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }:hasEnded()
    t:line("77501"):has { [kind[1]] = "77502" }
    t:phone("77501"):calls("*72" .. key):hears(kind.off):hasEnded()
    t:line("77501"):has { [kind[1]] = false }
    t:phone("77501"):calls("*71" .. key):hears { kind.on, "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }:hasEnded()
    t:line("77501"):has { [kind[1]] = "77502" }
  end)
end

test("the code alone, for the first time, asks for the number", function(t)
  t:phone("77501"):calls("*711"):hears("belfry/forwarding-enter-number"):presses("77502#"):hears("belfry/forwarding-on-to"):hasEnded()
  t:line("77501"):has { always = "77502" }
end)

test("who gives no number forwards nothing", function(t)
  t:phone("77501"):calls("*711"):hears { "belfry/forwarding-enter-number", "belfry/forwarding-enter-number", "vm-goodbye" }:hasEnded()
  t:line("77501"):has { always = false }
end)

test("a number of ours in full is kept as the extension it is", function(t)
  t:phone("77501"):calls("*71101865277502"):hears("belfry/forwarding-on-to"):hasEnded()
  t:line("77501"):has { always = "77502" }
end)

test("nobody forwards to themselves", function(t)
  for _, number in ipairs { "77501", "01865277501" } do
    t:phone("77501"):calls("*711" .. number):hears("belfry/forwarding-to-itself"):hasEnded()
  end
  t:line("77501"):has { always = false }
end)

test("nobody forwards where they may not call, to what cannot exist, or to an emergency number", function(t)
  t:phone("77503"):calls("*71107700900555"):hears("belfry/forwarding-not-allowed"):hasEnded()
  t:phone("77501"):calls("*7110770090055"):hears("belfry/forwarding-not-allowed"):hasEnded()
  t:phone("77501"):calls("*711999"):hears("belfry/forwarding-not-allowed"):hasEnded()
  t:line("77503"):has { always = false }
  t:line("77501"):has { always = false }
end)

test("do not disturb, on and off", function(t)
  t:phone("77501"):calls("*78"):hears("belfry/dnd-on"):hasEnded()
  t:line("77501"):has { dnd = true }
  t:phone("77501"):calls("*79"):hears("belfry/dnd-off"):hasEnded()
  t:line("77501"):has { dnd = false }
end)

-- Groups.

test("a member logs out of a group, and in again, with the same code", function(t)
  t:phone("77502"):calls("*4515001"):hears { "belfry/group-logged-out", "digits/1", "digits/5" }:hasEnded()
  t:group("15001"):hasLoggedOut("77502")
  t:phone("77502"):calls("*4515001"):hears { "belfry/group-logged-in", "digits/1", "digits/5" }:hasEnded()
  t:group("15001"):hasLoggedIn("77502")
end)

test("the code alone asks for the group", function(t)
  t:phone("77502"):calls("*45"):hears("belfry/group-enter"):presses("15001#"):hears("belfry/group-logged-out"):hasEnded()
end)

test("who is no member is told so, and so is who names no group", function(t)
  t:phone("77501"):calls("*4515001"):hears("belfry/group-not-member"):hasEnded()
  t:phone("77502"):calls("*4515999"):hears("belfry/group-unknown"):hasEnded()
  t:phone("77502"):calls("*45"):hears("belfry/group-enter"):hears("belfry/group-enter"):hears("belfry/group-unknown"):hasEnded()
end)

-- Small services.

test("my own number, inside and from outside", function(t)
  local ada = t:phone("77501"):calls("*65")
  ada:hears { "belfry/your-number-is", "digits/7", "digits/7", "digits/5", "digits/0", "digits/1" }
  ada:hears { "belfry/your-external-number-is", "digits/0", "digits/1", "digits/8", "digits/6", "digits/5" }:hasEnded()
end)

test("the last caller, and a call back", function(t)
  t:phone("77502"):calls("77501"):hearsRinging():hangsUp()
  t:phone("77502"):answersAfter("2s")
  local ada = t:phone("77501"):calls("*69")
  ada:hears { "belfry/last-caller-was", "digits/7", "digits/7", "digits/5", "digits/0", "digits/2", "belfry/press-one-to-call-back" }
  ada:presses("1"):isTalkingTo("77502")
end)

test("a call that was answered is the last one too, and one that Ada made is not", function(t)
  t:phone("77501"):answersAfter("1s")
  t:phone("77502"):calls("77501"):isTalkingTo("77501"):hangsUp()
  t:phone("77501"):calls("77503"):hearsRinging():hangsUp()
  t:phone("77501"):calls("*69"):hears { "belfry/last-caller-was", "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }
end)

test("of two callers it is the later one", function(t)
  t:phone("77503"):calls("77501"):hearsRinging():hangsUp()
  t:wait("1m")
  t:phone("77502"):calls("77501"):hearsRinging():hangsUp()
  t:phone("77501"):calls("*69"):hears { "belfry/last-caller-was", "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }
end)

test("a caller from outside is called back there", function(t)
  t:call { from = "+447700900123", to = "01865277501" }:hearsRinging():hangsUp()
  t:outside("+447700900123"):answersAfter("2s")
  t:phone("77501"):calls("*69"):hears("belfry/press-one-to-call-back"):presses("1"):isTalkingTo("+447700900123")
end)

test("who does not want to call back need not", function(t)
  t:phone("77502"):calls("77501"):hearsRinging():hangsUp()
  t:phone("77501"):calls("*69"):hears("belfry/press-one-to-call-back"):hears("vm-goodbye"):hasEnded()
end)

test("nobody has called, or who called withheld the number", function(t)
  t:phone("77501"):calls("*69"):hears("belfry/last-caller-none"):hasEnded()
  t:call { from = "anonymous", to = "01865277501" }:hearsRinging():hangsUp()
  t:phone("77501"):calls("*69"):hears("belfry/last-caller-withheld"):hasEnded()
end)

test("the echo test gives back what is said, for five minutes at most", function(t)
  t:phone("77501"):calls("*43"):hears("belfry/echo-start"):hears("belfry/echo-end"):hasEnded()
  t:elapsed("5m", { within = "15s" })
end)

test("the speaking clock: at the third stroke it is as it said", function(t)
  t:at("2026-03-02 15:04:01", { zone = "Europe/London" })
  local ada = t:phone("77501"):calls("*60")
  ada:hears { "belfry/clock-stroke", "digits/3", "digits/oh", "digits/4", "digits/p-m", "digits/and", "digits/10", "seconds" }
  ada:hears("tone:beep"):hears("tone:beep"):hears("tone:beep")
  t:elapsed("9s", { within = "100ms" })
end)

test("the speaking clock on the minute, and for a minute", function(t)
  t:at("2026-03-02 15:04:46", { zone = "Europe/London" })
  local ada = t:phone("77501"):calls("*60")
  ada:hears { "belfry/clock-stroke", "digits/3", "digits/oh", "digits/5", "digits/p-m", "belfry/clock-precisely" }
  for _ = 2, 6 do ada:hears("belfry/clock-stroke") end
  ada:doesNotHear("belfry/clock-stroke", { during = "30s" }):hasEnded()
end)
