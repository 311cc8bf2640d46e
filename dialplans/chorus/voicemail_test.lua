-- Ada's mailbox, as she and her callers know it. How she gets in (*97, *98) is in codes_test.lua.

local say = require "say"

-- Ada has given her PIN; Ben and a mobile have left messages.
local function opens(t)
  t:mailbox("77513"):setPin("274951"):setGreeting("name")
  t:mailbox("77513"):add { from = "77514", name = "Ben Okafor", length = "6s" }
  t:mailbox("77513"):add { from = "+447700900123", length = "4s" }
  local ada = t:phone("77513"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
  return ada:hears(say.join("vm-youhave", say.messages(2, "new"))):hears("vm-onefor")
end

-- She has heard Ben's.
local function listens(t)
  return opens(t):presses("1"):hears { "belfry/first-message", "belfry/message-from" }:hears("belfry/message-menu")
end

test("whoever has no mailbox yet is asked for a PIN and a name the first time", function(t)
  t:mailbox("77513"):setPin("274951")

  local ada = t:phone("77513"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")

  ada:hears { "belfry/first-log-in", "belfry/record-name", "tone:beep" }:speaksFor("2s"):presses("#")
  ada:hears("belfry/name-menu"):presses("1"):hears("belfry/name-saved")
  t:mailbox("77513"):hasGreeting("name")
end)

test("1, 6 and 4: the first message, the next, and back", function(t)
  local ada = listens(t)

  ada:presses("6"):hears("belfry/last-message"):hears("belfry/message-menu")
  ada:presses("4"):hears("belfry/first-message"):hears("belfry/message-menu")
end)

test("who and when is said, by the clocks of Oxford", function(t)
  t:at("2026-06-15 15:04", { zone = "Europe/London" })

  opens(t):presses("1"):hears(say.join("belfry/message-from", say.digits "77514", "vm-received",
    "digits/today", "digits/at", "digits/3", "digits/oh", "digits/4", "digits/p-m"))
end)

test("5 plays it again", function(t)
  listens(t):presses("5"):hears("belfry/first-message"):hearsRecording()
end)

test("7 deletes a message, and 7 again has it back", function(t)
  local ada = listens(t)

  ada:presses("7"):hears("belfry/message-deleted")
  t:mailbox("77513"):count(1)

  ada:hears("belfry/message-menu-deleted"):presses("7"):hears("belfry/message-restored")
  t:mailbox("77513"):count(2)
end)

test("9 saves a message, and 2 finds it among the saved ones", function(t)
  local ada = listens(t):presses("9"):hears("belfry/message-saved")
  t:mailbox("77513"):has { from = "77514", folder = "saved" }

  ada:hears("belfry/message-menu"):presses("2"):hears("vm-changeto"):presses("2")

  ada:hears(say.join("vm-youhave", say.messages(1, "saved"))):hears("vm-onefor"):presses("1"):hearsRecording()
end)

test("3 and 1 replies", function(t)
  local ada = listens(t):presses("3"):hears("belfry/message-menu-reply"):presses("1")

  ada:hears { "belfry/reply-record", "tone:beep" }:speaksFor("5s"):presses("#"):hears("belfry/caller-menu"):presses("1")
  ada:hears("belfry/message-menu")

  t:mailbox("77514"):has { from = "77513", length = "5s" }
end)

test("3 and 2 calls Ben back", function(t)
  t:phone("77514"):answersAfter("2s")

  local ada = listens(t):presses("3"):hears("belfry/message-menu-reply"):presses("2")

  ada:hears("belfry/calling-sender"):isTalkingTo("77514")
end)

test("3 and 3 says again who and when", function(t)
  listens(t):presses("3"):hears("belfry/message-menu-reply"):presses("3"):hears("belfry/message-from"):hears("vm-received")
end)

test("8 sends Clara a copy", function(t)
  local ada = listens(t):presses("8"):hears("belfry/forward-to"):presses("15902#")

  ada:hears("belfry/forward-introduction"):presses("2"):hears("belfry/forward-sent")

  t:mailbox("15902"):has { length = "6s" }
  t:mailbox("77513"):count(2)
end)

test("8 with an introduction; * thinks better of it, and it goes as it is", function(t)
  local ada = listens(t):presses("8"):hears("belfry/forward-to"):presses("15902#"):hears("belfry/forward-introduction"):presses("1")
  ada:hears { "belfry/forward-record", "tone:beep" }:speaksFor("3s"):presses("#")

  ada:hears("belfry/recording-menu"):presses("*"):hears("belfry/forward-sent")

  t:mailbox("15902"):has { length = "6s" }
end)

test("3 and *: nothing after all", function(t)
  listens(t):presses("3"):hears("belfry/message-menu-reply"):presses("*"):hears("belfry/message-menu")
end)

test("2 and 3: the deleted messages are there while she is; 2 and 1: the new ones again", function(t)
  local ada = listens(t):presses("7"):hears("belfry/message-deleted")

  ada:hears("belfry/message-menu-deleted"):presses("2"):hears("vm-changeto"):presses("3")
  ada:hears(say.join("vm-youhave", say.messages(1, "deleted"))):hears("vm-onefor")
  ada:presses("2"):hears("vm-changeto"):presses("1"):hears(say.join("vm-youhave", say.messages(1, "new")))
end)

-- Greetings.

for key, greeting in pairs { ["1"] = "unavailable", ["2"] = "busy", ["3"] = "name", ["4"] = "temporary" } do
  test("0 and " .. key .. ": her " .. greeting .. " greeting is recorded, kept, heard and erased", function(t)
    local named = greeting == "name"
    local ada = opens(t):presses("0"):hears("belfry/greetings-menu"):presses(key):hears("belfry/greeting-menu"):presses("2")
    ada:hears { named and "belfry/record-name" or "belfry/greeting-record", "tone:beep" }:speaksFor("3s"):presses("#")
    ada:hears(named and "belfry/name-menu" or "belfry/recording-menu"):presses("1")
    ada:hears(named and "belfry/name-saved" or "belfry/greeting-saved")
    t:mailbox("77513"):hasGreeting(greeting)

    ada:hears("belfry/greeting-menu"):presses("1"):hearsRecording():hears("belfry/greeting-menu")
    ada:presses("3"):hears("belfry/greeting-erased")
    ada:hears("belfry/greeting-menu"):presses("*"):hears("belfry/greetings-menu"):presses("*"):hears("vm-onefor")
  end)
end

test("a greeting is listened to, said again and then kept", function(t)
  local ada = opens(t):presses("0"):hears("belfry/greetings-menu"):presses("1"):hears("belfry/greeting-menu"):presses("2")
  ada:hears("tone:beep"):speaksFor("3s"):presses("#"):hears("belfry/recording-menu"):presses("2"):hearsRecording()

  ada:hears("belfry/recording-menu"):presses("3"):hears("tone:beep"):speaksFor("5s"):presses("#")

  ada:hears("belfry/recording-menu"):presses("1"):hears("belfry/greeting-saved")
end)

test("callers hear her own greeting instead of the usual one", function(t)
  t:mailbox("77513"):setGreeting("unavailable")

  t:phone("77514"):calls("77513"):hearsRecording():hears("tone:beep")
end)

test("0 and 5: another PIN, which holds ten minutes later", function(t)
  local ada = opens(t):presses("0"):hears("belfry/greetings-menu"):presses("5")
  ada:hears("belfry/pin-new"):presses("830461#"):hears("belfry/pin-again"):presses("830461#"):hears("belfry/pin-active-later"):hangsUp()

  t:wait("10m")

  t:phone("77513"):calls("*97"):hears("belfry/enter-pin-hash"):presses("830461#"):hears("vm-youhave")
end)

test("* helps, and # says goodbye", function(t)
  opens(t):presses("*"):hears("belfry/playing-help"):presses("#"):hears("vm-goodbye"):hasEnded()
end)

test("the lamp is lit while there is something new", function(t)
  local ada = listens(t)
  t:lamp("77513"):isOn():shows { new = 1, old = 1 }

  ada:presses("6"):hears("belfry/last-message"):hears("belfry/message-menu")

  t:lamp("77513"):isOff()
end)
