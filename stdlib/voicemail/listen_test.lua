-- Listening to messages. Ada is 77501, and her PIN 274951.

-- Ada at the main menu. What she has heard of her messages so far is how many there are.
local function open(t)
  t:mailbox("77501"):setGreeting("name")
  return t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
end

-- Ada with a message from Ben, and an urgent one from a mobile.
local function openWithTwo(t)
  t:mailbox("77501"):add { from = "77502", length = "6s" }:add { from = "+447700900123", length = "4s", urgent = true }
  return open(t):hears("vm-onefor")
end

test("1 plays the first message: from whom, when, and the message", function(t)
  t:mailbox("77501"):add { from = "77502" }
  t:mailbox("77502"):setGreeting("name")
  local ada = open(t):hears("vm-onefor"):presses("1")
  ada:hears { "belfry/first-message", "belfry/message-from" }:hearsRecording()
  ada:hears { "digits/7", "digits/7", "digits/5", "digits/0", "digits/2", "vm-received", "digits/today", "digits/at" }
  ada:hearsRecording():hears("belfry/message-menu")
end)

test("the lamp goes out with the last new message, once it begins", function(t)
  local ada = openWithTwo(t)
  t:lamp("77501"):isOn()
  ada:presses("1"):hearsRecording()
  t:lamp("77501"):shows { new = 1, old = 1 }
  ada:hears("belfry/message-menu"):presses("6"):hears("belfry/last-message"):hearsRecording()
  t:lamp("77501"):isOff()
end)

test("an urgent message is said to be one, and a mobile's number is said as people say it", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("6")
  ada:hears { "belfry/last-message", "belfry/urgent-message", "belfry/message-from", "digits/0", "digits/7", "digits/7" }
end)

test("a caller who withheld the number is unknown", function(t)
  t:mailbox("77501"):add { from = "" }
  open(t):hears("vm-onefor"):presses("1"):hears { "belfry/first-message", "vm-unknown-caller", "vm-received" }
end)

test("6 goes on, 4 goes back, and neither goes beyond the ends", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/first-message"):hears("belfry/message-menu")
  ada:presses("6"):hears("belfry/last-message"):hears("belfry/message-menu")
  ada:presses("6"):hears("belfry/no-later-message"):hears("belfry/message-menu")
  ada:presses("4"):hears("belfry/first-message"):hears("belfry/message-menu")
  ada:presses("4"):hears("belfry/no-earlier-message"):hears("belfry/message-menu")
end)

test("6 at the beginning plays the first message too", function(t)
  openWithTwo(t):presses("6"):hears("belfry/first-message")
end)

test("5 plays the message again", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("5")
  ada:hears("belfry/first-message"):hearsRecording():hears("belfry/message-menu")
end)

test("a message in the middle is said with its number", function(t)
  t:mailbox("77501"):add { from = "77502" }
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu")
  ada:presses("6"):hears { "belfry/message-number", "digits/2" }
end)

-- The keys while caller and time are said.

for key in ("12#"):gmatch(".") do
  test(key .. " skips who and when", function(t)
    openWithTwo(t):presses("1"):hears("belfry/first-message"):presses(key):hearsRecording():doesNotHear("vm-received")
  end)
end

test("another key while who and when is said does at once what it does, and the message stays new", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/first-message"):presses("6"):hears("belfry/last-message"):hangsUp()
  t:mailbox("77501"):has { from = "77502", heard = false }
end)

-- The keys while the message plays.

-- Keys after ten seconds of a message of twenty, and how long it then takes in all.
for key, seconds in pairs { ["#"] = 17, ["*"] = 23, ["2"] = 30 } do
  local what = { ["#"] = "goes three seconds forward", ["*"] = "goes three seconds back", ["2"] = "begins again" }
  test(key .. " in the message " .. what[key], function(t)
    t:mailbox("77501"):add { from = "77502", length = "20s" }
    local ada = open(t):hears("vm-onefor"):presses("1"):hearsRecording()
    local began = now()
    t:wait("10s")
    ada:presses(key):hears("belfry/message-menu")
    assert(math.abs(now() - began - seconds) < 0.5, now() - began)
  end)
end

test("0 stops the message for a while, and again goes on", function(t)
  t:mailbox("77501"):add { from = "77502", length = "10s" }
  local ada = open(t):hears("vm-onefor"):presses("1"):hearsRecording():presses("0")
  ada:doesNotHear("belfry/message-menu", { during = "30s" }):presses("0"):hears("belfry/message-menu")
end)

test("any other key ends the message and does what it does", function(t)
  t:mailbox("77501"):add { from = "77502", length = "1m" }
  local ada = open(t):hears("vm-onefor"):presses("1"):hearsRecording():presses("7")
  ada:hears("belfry/message-deleted")
end)

-- Folders.

test("2 reads out the folders", function(t)
  openWithTwo(t):presses("2"):hears {
    "vm-changeto", "vm-press", "digits/1", "vm-for", "vm-INBOX", "vm-messages",
    "vm-press", "digits/2", "vm-for", "belfry/saved-messages", "vm-press", "digits/3", "vm-for", "belfry/deleted-messages",
  }
end)

test("with new and saved messages the new ones come first", function(t)
  t:mailbox("77501"):add { from = "77503" }
  mailbox("77501"):messages("new")[1]:save()
  openWithTwo(t):presses("1"):hears("belfry/first-message"):hears { "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }
end)

test("2 changes to another folder", function(t)
  local ada = openWithTwo(t)
  ada:presses("2"):hears("vm-changeto"):presses("2"):hears { "vm-youhave", "vm-no", "belfry/saved-messages", "vm-onefor" }
  ada:presses("2"):hears("vm-changeto"):presses("3"):hears { "vm-youhave", "vm-no", "belfry/deleted-messages", "vm-onefor" }
  ada:presses("2"):hears("vm-changeto"):presses("1"):hears { "vm-youhave", "digits/2", "vm-INBOX", "vm-messages", "vm-onefor" }
  ada:presses("1"):hears("belfry/first-message")
end)

test("a folder that is none changes nothing", function(t)
  local ada = openWithTwo(t):presses("2"):hears("vm-changeto"):presses("7")
  ada:hears("vm-onefor"):presses("1"):hears("belfry/first-message")
end)

test("who only has saved messages hears those", function(t)
  t:mailbox("77501"):add { from = "77502" }
  mailbox("77501"):messages("new")[1]:save()
  local ada = open(t):hears { "vm-youhave", "vm-no", "vm-INBOX", "vm-messages", "vm-and", "digits/1", "belfry/saved-message" }
  ada:hears("vm-onefor"):presses("1"):hears("belfry/first-message"):hearsRecording()
end)

-- Deleting and saving.

test("7 deletes, and 7 again restores", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("7")
  ada:hears { "belfry/message-deleted", "belfry/message-menu-deleted" }
  t:mailbox("77501"):count(1)
  ada:presses("7"):hears { "belfry/message-restored", "belfry/message-menu" }
  t:mailbox("77501"):count(2)
end)

test("what was deleted can be had back from its folder until the owner leaves", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("7"):hears("belfry/message-menu-deleted")
  ada:presses("2"):hears("vm-changeto"):presses("3"):hears { "vm-youhave", "digits/1", "belfry/deleted-message" }
  ada:hears("vm-onefor"):presses("1"):hearsRecording():hears("belfry/message-menu-deleted"):presses("7"):hears("belfry/message-restored")
  t:mailbox("77501"):count(2)
end)

test("when the owner has hung up, what was deleted is gone", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("7"):hears("belfry/message-deleted")
  t:mailbox("77501"):has { from = "77502", folder = "deleted" }
  ada:hangsUp()
  assert(#mailbox("77501"):messages("deleted") == 0)
  t:mailbox("77501"):count(1)
end)

test("9 saves the message", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("9"):hears { "belfry/message-saved", "belfry/message-menu" }
  ada:hangsUp()
  t:mailbox("77501"):has { from = "77502", folder = "saved" }
end)

test("9 saves a deleted message too", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu"):presses("7"):hears("belfry/message-menu-deleted")
  ada:presses("9"):hears { "belfry/message-saved", "belfry/message-menu" }:hangsUp()
  t:mailbox("77501"):has { from = "77502", folder = "saved" }:count(2)
end)

test("a message that comes meanwhile changes nothing under the listener", function(t)
  local ada = openWithTwo(t):presses("1"):hears("belfry/message-menu")
  t:mailbox("77501"):add { from = "77503" }
  ada:presses("6"):hears("belfry/last-message"):hears("belfry/message-menu"):presses("6"):hears("belfry/no-later-message")
end)
