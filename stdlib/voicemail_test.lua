-- Taking messages, and the owner's menu; what its parts do is in voicemail/*_test.lua. Ada is 77501, and her PIN 274951.

local say = require "say"

local function open(t)                              -- Ada, in her mailbox
  t:mailbox("77501"):setGreeting("name")
  return t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
end

-- Leaving a message.

test("nobody answers: the caller leaves a message", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears { "vm-theperson", "digits/7", "digits/7", "digits/5", "digits/0", "digits/1", "vm-isunavail", "vm-intro", "tone:beep" }
  ben:speaksFor("7s"):hangsUp()
  t:mailbox("77501"):has { from = "77502", name = "Ben", length = "7s", urgent = false }
  t:lamp("77501"):isOn():shows { new = 1 }
end)

test("who is busy is said to be on the phone", function(t)
  t:phone("77501"):isBusy()
  t:phone("77502"):calls("77501"):hears { "vm-isonphone", "vm-intro", "tone:beep" }
end)

test("the caller waits in silence: the message ends by itself", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):hears { "vm-msgsaved", "vm-goodbye" }:hasEnded()
  t:mailbox("77501"):has { from = "77502" }
end)

test("# in the greeting: the beep comes at once", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("vm-theperson"):presses("#"):hears("tone:beep"):doesNotHear("vm-intro")
end)

test("who says nothing leaves no message", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):hears { "vm-tooshort", "vm-goodbye" }:hasEnded()
  t:mailbox("77501"):isEmpty()
end)

test("who hangs up at the beep leaves no message", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):hangsUp()
  t:mailbox("77501"):isEmpty()
  t:lamp("77501"):isOff()
end)

test("after # the caller accepts the message", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):presses("#")
  ben:hears("belfry/caller-menu"):presses("1"):hears { "vm-msgsaved", "vm-goodbye" }:hasEnded()
  t:mailbox("77501"):has { from = "77502", length = "5s" }
end)

test("after # the caller listens to the message", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):presses("#")
  ben:hears("belfry/caller-menu"):presses("2"):hearsRecording():hears("belfry/caller-menu"):presses("1"):hears("vm-msgsaved")
end)

test("after # the caller says it again, better", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):presses("#")
  ben:hears("belfry/caller-menu"):presses("3"):hears("tone:beep"):speaksFor("9s"):hangsUp()
  t:mailbox("77501"):count(1):has { from = "77502", length = "9s" }
end)

test("after # the caller makes it urgent", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):presses("#")
  ben:hears("belfry/caller-menu"):presses("4"):hears("vm-msgsaved")
  t:mailbox("77501"):has { from = "77502", urgent = true }
  t:lamp("77501"):shows { urgent = 1 }
end)

test("who decides on nothing after # has accepted", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("5s"):presses("#")
  ben:hears("belfry/caller-menu"):hears("vm-msgsaved"):hasEnded()
  t:mailbox("77501"):has { from = "77502" }
end)

test("a full mailbox takes no more, and says so before the beep", function(t)
  for _ = 1, 20 do t:mailbox("77501"):add { from = "77502", length = "3m" } end
  local ben = t:phone("77502"):calls("77501")
  ben:hears { "vm-mailboxfull", "vm-goodbye" }:doesNotHear("tone:beep"):hasEnded()
  t:mailbox("77501"):count(20)
end)

test("a message is no longer than three minutes", function(t)
  local ben = t:phone("77502"):calls("77501")
  ben:hears("tone:beep"):speaksFor("181s"):hears("vm-msgsaved"):hasEnded()
  t:mailbox("77501"):has { length = "3m" }
end)

test("a withheld number is not kept", function(t)
  t:call { from = "anonymous", to = "77501" }:hears("tone:beep"):speaksFor("5s"):hangsUp()
  t:mailbox("77501"):has { from = "" }
end)

-- The greetings, as callers hear them.

test("a greeting of her own is played instead", function(t)
  t:mailbox("77501"):setGreeting("unavailable")
  t:phone("77502"):calls("77501"):hearsRecording():hears("tone:beep"):doesNotHear("vm-intro")
end)

test("the greeting for when she is on the phone is for that only", function(t)
  t:mailbox("77501"):setGreeting("busy")
  t:phone("77502"):calls("77501"):hears("vm-isunavail"):hangsUp()
  t:phone("77501"):isBusy()
  t:phone("77502"):calls("77501"):hearsRecording():hears("tone:beep")
end)

test("a temporary greeting goes before all others", function(t)
  t:mailbox("77501"):setGreeting("temporary", { length = "3s" }):setGreeting("unavailable", { length = "20s" }):setGreeting("busy", { length = "20s" })
  t:phone("77501"):isBusy()
  t:phone("77502"):calls("77501"):hearsRecording():hears("tone:beep")
  t:elapsed("3s", { within = "1s" })
end)

test("her recorded name is said in the standard greeting", function(t)
  t:mailbox("77501"):setGreeting("name")
  t:phone("77502"):calls("77501"):hearsRecording():hears { "vm-isunavail", "vm-intro" }:doesNotHear("vm-theperson")
end)

-- The owner's menu.

test("the menu offers the new messages, and # leaves", function(t)
  local ada = open(t):hears("belfry/no-messages"):hears("vm-onefor"):presses("#")
  local pressed = now()
  ada:hears("vm-goodbye"):hasEnded()
  assert(now() - pressed < 2, now() - pressed)
end)

test("how many messages there are is said, of each kind", function(t)
  t:mailbox("77501"):add { from = "77502" }:add { from = "77503" }
  open(t):hears { "vm-youhave", "digits/2", "vm-INBOX", "vm-messages", "vm-and", "vm-no", "belfry/saved-messages" }:hears("vm-onefor")
end)

test("* is for help", function(t)
  open(t):hears("vm-onefor"):presses("*"):hears("belfry/playing-help"):hears("vm-onefor")
end)

local menu = { "vm-onefor", "vm-INBOX", "vm-messages", "vm-opts", "vm-helpexit" }

test("three silences end the visit", function(t)
  open(t):hears(say.join("belfry/no-messages", menu, "belfry/no-choice", menu, "belfry/no-choice", menu, "vm-goodbye")):hasEnded()
end)

test("who presses a key after two silences has three again", function(t)
  local ada = open(t):hears(say.join("belfry/no-messages", menu, "belfry/no-choice", menu, "belfry/no-choice", "vm-onefor")):presses("*")
  ada:hears(say.join("belfry/playing-help", menu, "belfry/no-choice", menu, "belfry/no-choice", menu, "vm-goodbye"))
end)

test("without a message nothing can be done with one", function(t)
  local ada = open(t):hears("belfry/no-messages")
  for key in ("13456789"):gmatch(".") do
    ada:hears("vm-onefor"):presses(key):hears("belfry/no-messages")
  end
end)

test("who knows the way need not wait for the words", function(t)
  t:mailbox("77501"):add { from = "77502" }
  local ada = open(t):hears("vm-youhave")
  local began = now()
  ada:presses("1"):hears("belfry/first-message")
  assert(now() - began < 0.5, now() - began)
end)
