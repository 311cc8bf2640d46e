-- Sending on what is in a mailbox. Ada is 77501, and her PIN 274951.

-- Ada, who has heard the message of somebody.
local function heard(t, from)
  t:mailbox("77501"):setGreeting("name"):add { from = from, length = "4s" }
  local ada = t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
  return ada:hears("vm-onefor"):presses("1"):hearsRecording():hears("belfry/message-menu")
end

test("3 then 1 replies into the sender's mailbox", function(t)
  local ada = heard(t, "77502"):presses("3"):hears("belfry/message-menu-reply"):presses("1")
  ada:hears { "belfry/reply-record", "tone:beep" }:speaksFor("6s"):presses("#"):hears("belfry/caller-menu"):presses("1")
  ada:hears { "vm-msgsaved", "belfry/message-menu" }
  t:mailbox("77502"):has { from = "77501", name = "Ada", length = "6s" }
end)

test("to whom has no mailbox here no reply is possible", function(t)
  for _, sender in ipairs { "+447700900123", "77505", "" } do
    heard(t, sender):presses("3"):hears("belfry/message-menu-reply"):presses("1"):hears { "belfry/reply-impossible", "belfry/message-menu" }:hangsUp()
  end
end)

test("3 then 2 calls the sender back", function(t)
  t:phone("77502"):answersAfter("3s")
  heard(t, "77502"):presses("3"):hears("belfry/message-menu-reply"):presses("2"):hears("belfry/calling-sender"):isTalkingTo("77502")
end)

test("3 then 2 calls a sender out in the world back", function(t)
  t:outside("+447700900123"):answersAfter("3s")
  heard(t, "+447700900123"):presses("3"):hears("belfry/message-menu-reply"):presses("2"):isTalkingTo("+447700900123")
end)

test("who withheld the number cannot be called back", function(t)
  heard(t, ""):presses("3"):hears("belfry/message-menu-reply"):presses("2"):hears { "belfry/call-back-impossible", "belfry/message-menu" }
end)

test("3 then 3 says again who it is from and when it came", function(t)
  heard(t, "77502"):presses("3"):hears("belfry/message-menu-reply"):presses("3"):hears("belfry/message-from"):hears("vm-received"):hears("belfry/message-menu")
end)

test("3 then * does nothing", function(t)
  heard(t, "77502"):presses("3"):hears("belfry/message-menu-reply"):presses("*"):hears("belfry/message-menu")
end)

test("8 forwards a copy, with an introduction if wanted", function(t)
  local ada = heard(t, "77502"):presses("8"):hears("belfry/forward-to"):presses("77503#")
  ada:hears("belfry/forward-introduction"):presses("1"):hears("belfry/forward-record"):speaksFor("5s"):presses("#")
  ada:hears("belfry/recording-menu"):presses("1"):hears { "belfry/forward-sent", "belfry/message-menu" }
  t:mailbox("77503"):has { from = "77502", length = "9s" }
  t:mailbox("77501"):has { from = "77502", length = "4s" }
  t:lamp("77503"):isOn()
end)

test("8 then 2 forwards it as it is", function(t)
  local ada = heard(t, "77502"):presses("8"):hears("belfry/forward-to"):presses("77503#")
  ada:hears("belfry/forward-introduction"):presses("2"):hears("belfry/forward-sent")
  t:mailbox("77503"):has { from = "77502", length = "4s" }
end)

test("who decides on nothing forwards nothing", function(t)
  local ada = heard(t, "77502"):presses("8"):hears("belfry/forward-to"):presses("77503#")
  ada:hears("belfry/forward-introduction"):hears("belfry/message-menu")
  t:mailbox("77503"):isEmpty()
end)

test("an introduction that is given up is left out", function(t)
  local ada = heard(t, "77502"):presses("8"):hears("belfry/forward-to"):presses("77503#")
  ada:hears("belfry/forward-introduction"):presses("1"):hears("belfry/forward-record"):speaksFor("5s"):presses("#")
  ada:hears("belfry/recording-menu"):presses("*"):hears("belfry/message-menu")
end)

test("who dials no number forwards nothing, and who has no mailbox gets nothing", function(t)
  local ada = heard(t, "77502"):presses("8"):hears { "belfry/forward-to", "belfry/message-menu" }
  ada:presses("8"):hears("belfry/forward-to"):presses("77505#"):hears { "belfry/forward-impossible", "belfry/message-menu" }
end)

test("who gets a forwarded message hears who has forwarded it", function(t)
  t:mailbox("77503"):setGreeting("name")
  heard(t, "77502"):presses("8"):hears("belfry/forward-to"):presses("77503#"):hears("belfry/forward-introduction"):presses("2"):hangsUp()
  local cay = t:phone("77503"):calls("*97"):hears("belfry/enter-pin-hash"):presses("619374#"):hears("vm-onefor"):presses("1")
  cay:hears { "belfry/message-forwarded-by", "digits/7", "digits/7", "digits/5", "digits/0", "digits/1" }:hearsRecording()
end)
