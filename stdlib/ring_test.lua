-- How one extension is rung. Ada (77501) may call abroad, Ben (77502) the country, Cay (77503) inside only; Dan (77504) has
-- call waiting; Eve (77505) has no mailbox.

test("it rings, is answered, and they talk", function(t)
  t:phone("77501"):answersAfter("5s")
  t:phone("77502"):calls("77501"):hearsRinging():isTalkingTo("77501")
  t:elapsed("5s")
end)

test("when the one who was called hangs up the call is over", function(t)
  t:phone("77501"):answersAfter("1s")
  local ben = t:phone("77502"):calls("77501"):isTalkingTo("77501")
  t:phone("77501"):hangsUp()
  ben:hasEnded()
  t:elapsed("1s")
end)

test("nobody answers for 25 seconds: voicemail", function(t)
  t:phone("77502"):calls("77501"):hears("vm-theperson")
  t:elapsed("25s")
  t:phone("77501"):isNotRinging()
end)

test("nobody answers, and there is no mailbox", function(t)
  t:phone("77502"):calls("77505"):isRejected("unavailable")
  t:elapsed("25s")
end)

test("an extension that is nobody's", function(t)
  t:phone("77502"):calls("77999"):hears("tone:unobtainable"):isRejected("notFound")
end)

test("do not disturb: voicemail at once, and the phone is silent", function(t)
  t:line("77501"):setDnd(true)
  t:phone("77502"):calls("77501"):isAnswered():hears("vm-isunavail")
  t:phone("77501"):isNotRinging()
end)

test("do not disturb without a mailbox", function(t)
  t:line("77505"):setDnd(true)
  t:phone("77502"):calls("77505"):isRejected("unavailable")
  t:elapsed("0s")
end)

test("no phone is connected: voicemail at once", function(t)
  t:phone("77501"):isOffline()
  t:phone("77502"):calls("77501"):hears("vm-isunavail")
end)

test("the phone refuses the call: voicemail, as if nobody had answered", function(t)
  t:phone("77501"):rejects(603)
  t:phone("77502"):calls("77501"):hears("vm-isunavail")
  t:phone("77505"):rejects(603)
  t:phone("77502"):calls("77505"):isRejected("declined")
end)

test("who is on the phone is busy", function(t)
  t:phone("77502"):answersAfter("1s")
  t:phone("77501"):calls("77502"):isTalkingTo("77502")
  t:phone("77503"):calls("77501"):hears("vm-isonphone")
  t:phone("77501"):isNotRinging()
end)

test("with call waiting it rings all the same", function(t)
  t:phone("77502"):answersAfter("1s")
  t:phone("77504"):calls("77502"):isTalkingTo("77502")
  t:phone("77503"):calls("77504"):hearsRinging()
  t:phone("77504"):isRinging()
end)

-- Forwards.

test("all calls are forwarded: the phone itself is silent", function(t)
  t:line("77501"):setForward("always", "77502")
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
  t:phone("77502"):shows { number = "77503", diversion = "77501" }
  t:phone("77501"):isNotRinging()
end)

test("forwarded when busy, and only then", function(t)
  t:line("77501"):setForward("busy", "77502")
  t:phone("77501"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77501"):hangsUp()
  t:phone("77501"):isBusy()
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
end)

test("who refuses a call forwards it like who is busy", function(t)
  t:line("77501"):setForward("busy", "77502")
  t:phone("77501"):rejects(603)
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
end)

test("forwarded when nobody answers", function(t)
  t:line("77501"):setForward("noAnswer", "77502")
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
  t:elapsed("27s")
end)

test("forwarded when no phone is connected", function(t)
  t:line("77501"):setForward("unregistered", "77502")
  t:phone("77501"):isOffline()
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
  t:elapsed("2s")
end)

test("do not disturb is no reason to forward", function(t)
  t:line("77501"):setDnd(true):setForward("busy", "77502"):setForward("noAnswer", "77502"):setForward("unregistered", "77502")
  t:phone("77503"):calls("77501"):hears("vm-isunavail")
end)

test("forwarding all calls goes before do not disturb", function(t)
  t:line("77501"):setDnd(true):setForward("always", "77502")
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
end)

test("forwarded to a mobile: over the trunk, with Ada's number as who sent it", function(t)
  t:line("77501"):setForward("always", "07700900555")
  t:outside("+447700900555"):answersAfter("3s")
  t:phone("77503"):calls("77501"):isTalkingTo("+447700900555")
  t:outside("+447700900555"):shows { number = "+441865277503", diversion = "+441865277501" }
end)

test("a number of ours in full stays inside", function(t)
  t:line("77501"):setForward("always", "01865277502")
  t:phone("77502"):answersAfter("2s")
  t:phone("77503"):calls("77501"):isTalkingTo("77502")
end)

test("a forward to an executive is a call to the executive: the assistant takes it", function(t)
  t:line("77501"):setForward("always", "77600")
  t:phone("77505"):calls("77501")
  t:phone("77601"):isRinging()
  t:phone("77600"):isNotRinging()
end)

test("a forward to a room is a call to the room", function(t)
  t:line("77501"):setForward("always", "16101")
  t:phone("77505"):calls("77501"):hears("belfry/room-welcome")
end)

test("a forward to a group is a call to the group", function(t)
  t:line("77501"):setForward("always", "15001")
  t:phone("77502"):answersAfter("2s")
  t:phone("77505"):calls("77501"):isTalkingTo("77502")
end)

test("who may not call there may not forward there", function(t)
  t:line("77503"):setForward("always", "07700900555")
  t:phone("77503"):answersAfter("2s")
  t:phone("77501"):calls("77503"):isTalkingTo("77503")
end)

test("nobody's calls are forwarded to an emergency number", function(t)
  t:line("77501"):setForward("always", "999")
  t:phone("77501"):answersAfter("2s")
  t:phone("77502"):calls("77501"):isTalkingTo("77501")
end)

test("a chain of forwards is followed", function(t)
  t:line("77501"):setForward("always", "77502")
  t:line("77502"):setForward("noAnswer", "77503")
  t:phone("77503"):answersAfter("2s")
  t:phone("77505"):calls("77501"):isTalkingTo("77503")
  t:phone("77503"):shows { diversion = "77502" }
end)

test("forwards that run in a circle end before it closes, and with Ada's mailbox", function(t)
  t:line("77501"):setForward("always", "77502")
  t:line("77502"):setForward("always", "77503")
  t:line("77503"):setForward("always", "77504")
  t:line("77504"):setForward("always", "77501")
  local eve = t:phone("77505"):calls("77501")
  t:phone("77504"):isRinging()
  eve:hears("vm-theperson")
  t:elapsed("25s")
  eve:hears { "digits/7", "digits/7", "digits/5", "digits/0", "digits/1" }
end)

test("five forwards are followed, and no sixth", function(t)
  local chain = { "77501", "77502", "77503", "77504", "77511", "77513", "77514" }
  for i = 1, 6 do t:line(chain[i]):setForward("always", chain[i + 1]) end
  t:phone("77513"):answersAfter("2s")
  t:phone("77505"):calls("77501"):isTalkingTo("77513")
end)

test("the message is for who was called, wherever the call has been", function(t)
  t:line("77501"):setForward("noAnswer", "77502")
  t:phone("77505"):calls("77501"):hears("tone:beep"):speaksFor("5s"):hangsUp()
  t:mailbox("77501"):has { from = "77505" }
  t:mailbox("77502"):isEmpty()
end)

test("a mobile that does not answer sends the call back to her mailbox", function(t)
  t:line("77501"):setForward("always", "07700900555")
  t:phone("77505"):calls("77501"):hears("vm-theperson")
  t:elapsed("2m")
  t:phone("77505"):hears("tone:beep"):speaksFor("5s"):hangsUp()
  t:mailbox("77501"):has { from = "77505" }
end)
