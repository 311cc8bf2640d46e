-- Mailbox options, key 0: greetings, name and PIN. Ada is 77501, and her PIN 274951.

local function options(t)                           -- Ada at the menu of options
  t:mailbox("77501"):setGreeting("name")
  local ada = t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
  return ada:hears("vm-onefor"):presses("0"):hears("belfry/greetings-menu")
end

for key, kind in pairs { ["1"] = "unavailable", ["2"] = "busy", ["4"] = "temporary" } do
  test("0 then " .. key .. " records the greeting for " .. kind, function(t)
    local ada = options(t):presses(key):hears("belfry/greeting-menu"):presses("2")
    ada:hears("belfry/greeting-record"):speaksFor("6s"):presses("#")
    ada:hears("belfry/recording-menu"):presses("1"):hears { "belfry/greeting-saved", "belfry/greeting-menu" }
    t:mailbox("77501"):hasGreeting(kind)
  end)
end

test("0 then 3 records the name", function(t)
  local ada = options(t):presses("3"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/record-name"):speaksFor("2s"):presses("#"):hears("belfry/name-menu"):presses("1"):hears("belfry/name-saved")
end)

test("1 plays the greeting there is, or says that there is none", function(t)
  t:mailbox("77501"):setGreeting("busy")
  local ada = options(t):presses("2"):hears("belfry/greeting-menu"):presses("1"):hearsRecording():hears("belfry/greeting-menu")
  ada:presses("*"):hears("belfry/greetings-menu"):presses("1"):hears("belfry/greeting-menu"):presses("1"):hears { "belfry/greeting-none", "belfry/greeting-menu" }
end)

test("3 erases the greeting: callers hear the standard one", function(t)
  t:mailbox("77501"):setGreeting("temporary")
  options(t):presses("4"):hears("belfry/greeting-menu"):presses("3"):hears { "belfry/greeting-erased", "belfry/greeting-menu" }:hangsUp()
  t:phone("77502"):calls("77501"):hears("vm-isunavail")
end)

test("what was recorded can be listened to, and recorded again", function(t)
  local ada = options(t):presses("1"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/greeting-record"):speaksFor("6s"):presses("#")
  ada:hears("belfry/recording-menu"):presses("2"):hearsRecording():hears("belfry/recording-menu")
  ada:presses("3"):hears("belfry/greeting-record"):speaksFor("3s"):presses("#"):hears("belfry/recording-menu"):presses("1"):hears("belfry/greeting-saved")
end)

test("* keeps nothing of what was recorded", function(t)
  local ada = options(t):presses("1"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/greeting-record"):speaksFor("6s"):presses("#"):hears("belfry/recording-menu"):presses("*")
  ada:hears("belfry/greeting-menu"):presses("1"):hears("belfry/greeting-none")
end)

test("* leaves the greeting there was as it was", function(t)
  t:mailbox("77501"):setGreeting("busy")
  local ada = options(t):presses("2"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/greeting-record"):speaksFor("6s"):presses("#"):hears("belfry/recording-menu"):presses("*"):hears("belfry/greeting-menu")
  t:mailbox("77501"):hasGreeting("busy")
end)

test("a greeting that was listened to is not played again with each choice", function(t)
  t:mailbox("77501"):setGreeting("busy")
  local ada = options(t):presses("2"):hears("belfry/greeting-menu"):presses("1"):hearsRecording():hears("belfry/greeting-menu")
  ada:presses("3"):hears { "belfry/greeting-erased", "belfry/greeting-menu" }
end)

-- How long what is recorded may be.
for key, most in pairs { ["3"] = 8, ["1"] = 60 } do
  test("0 then " .. key .. ": it may take " .. most .. " seconds", function(t)
    local ada = options(t):presses(key):hears("belfry/greeting-menu"):presses("2"):hears("tone:beep"):speaksFor(most + 1)
    ada:hears(key == "3" and "belfry/name-menu" or "belfry/recording-menu"):presses("1"):hears(key == "3" and "belfry/name-saved" or "belfry/greeting-saved")
    assert(math.abs(mailbox("77501"):greeting(key == "3" and "name" or "unavailable").length - most) < 0.2)
  end)
end

test("a key that is none: one is told so, and asked three times in all", function(t)
  local ada = options(t)
  for _ = 1, 2 do ada:presses("9"):hears { "pm-invalid-option", "belfry/greetings-menu" } end
  ada:presses("9"):hears("vm-onefor")
end)

test("who decides on nothing has kept what they said", function(t)
  local ada = options(t):presses("1"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/greeting-record"):speaksFor("6s"):presses("#"):hears("belfry/recording-menu"):hears("belfry/greeting-saved")
end)

test("who says nothing is asked again", function(t)
  local ada = options(t):presses("1"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("belfry/greeting-record"):presses("#"):hears { "belfry/silence-heard", "belfry/greeting-record" }:speaksFor("6s"):presses("#"):hears("belfry/recording-menu")
end)

test("who says nothing five times is left alone", function(t)
  local ada = options(t):presses("1"):hears("belfry/greeting-menu"):presses("2")
  for _ = 1, 5 do ada:hears("belfry/greeting-record"):presses("#"):hears("belfry/silence-heard") end
  ada:hears("belfry/greeting-menu")
end)

test("* goes back, menu by menu", function(t)
  options(t):presses("1"):hears("belfry/greeting-menu"):presses("*"):hears("belfry/greetings-menu"):presses("*"):hears("vm-onefor")
end)

test("who presses nothing goes back too", function(t)
  options(t):presses("1"):hears("belfry/greeting-menu"):hears("belfry/greetings-menu"):hears("vm-onefor")
end)
