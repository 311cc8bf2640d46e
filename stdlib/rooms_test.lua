-- Dial-in rooms. 16100 leads to two: the faculty's (246810, moderators 975310), which waits for a moderator and ends with
-- them, and the seminar (864213, moderators 531864) for three at most. 16101 is open to anybody.

-- Somebody in a room, who has said their name.
local function enter(t, number, pin)
  local caller = t:phone(number):calls("16100"):hears { "belfry/room-welcome", "belfry/room-enter-pin" }:presses(pin .. "#")
  return caller:hears("belfry/room-record-name"):speaksFor("1s"):presses("#")
end
local function participant(t, number) return enter(t, number, "864213"):hears("belfry/room-joining") end
local function moderator(t, number) return enter(t, number, "531864"):hears("belfry/room-joining-moderator") end

-- Coming in.

test("the PIN says which room, and who moderates", function(t)
  moderator(t, "77501"):hears("conf-onlyperson")
  participant(t, "77502"):isTalkingTo("77501")
  t:room("seminar"):has("77501", { moderator = true }):has("77502", { moderator = false }):count(2)
  t:room("faculty"):isEmpty()
end)

test("a wrong PIN may be corrected", function(t)
  local ada = t:phone("77501"):calls("16100"):hears("belfry/room-enter-pin"):presses("111111#")
  ada:hears { "belfry/room-pin-wrong", "belfry/room-enter-pin" }:presses("864213#"):hears("belfry/room-record-name")
end)

test("three wrong PINs end the call", function(t)
  local thief = t:phone("77501"):calls("16100")
  for _ = 1, 3 do thief:hears("belfry/room-enter-pin"):presses("111111#") end
  thief:hears { "belfry/room-pin-wrong", "belfry/too-many-tries" }:hasEnded()
end)

test("who dials nothing is asked three times", function(t)
  local ada = t:phone("77501"):calls("16100")
  for _ = 1, 3 do ada:hears("belfry/room-enter-pin") end
  ada:hears("belfry/too-many-tries"):hasEnded()
end)

test("callers from outside come in too", function(t)
  local joe = t:call { from = "+447700900123", to = "01865616100" }:hears("belfry/room-enter-pin"):presses("864213#")
  joe:hears("belfry/room-record-name"):speaksFor("1s"):presses("#"):hears("belfry/room-joining")
  t:room("seminar"):has("+447700900123")
end)

test("the room hears the name of who comes in, and of who leaves", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  local ben = participant(t, "77502"):isTalkingTo("77501")
  ada:hearsRecording():hears("conf-hasjoin")
  ben:hangsUp()
  ada:hearsRecording():hears("conf-hasleft")
end)

test("who does not say a name comes in without one", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  local ben = t:phone("77502"):calls("16100"):hears("belfry/room-enter-pin"):presses("864213#")
  ben:hears("belfry/room-record-name"):hears("belfry/room-joining"):isTalkingTo("77501"):presses("2")
  ada:hears("belfry/room-someone-raised")
end)

test("an open room asks for nothing", function(t)
  t:phone("77501"):calls("16101"):hears { "belfry/room-welcome", "belfry/room-joining", "conf-onlyperson" }
  t:phone("77502"):calls("16101"):hears("belfry/room-joining"):isTalkingTo("77501")
end)

test("a room whose moderator alone has a PIN: anybody else presses #, or nothing, and comes in", function(t)
  local ada = t:phone("77501"):calls("16102"):hears("belfry/room-enter-pin"):presses("420931#")
  ada:hears("belfry/room-record-name"):hears("belfry/room-joining-moderator")
  local ben = t:phone("77502"):calls("16102"):hears("belfry/room-enter-pin"):presses("#")
  ben:hears("belfry/room-record-name"):hears("belfry/room-joining"):isTalkingTo("77501")
  t:phone("77503"):calls("16102"):hears("belfry/room-enter-pin"):hears("belfry/room-record-name"):hears("belfry/room-joining"):isTalkingTo("77501")
  t:phone("77504"):calls("16102"):hears("belfry/room-enter-pin"):presses("111111#"):hears("belfry/room-pin-wrong")
  t:room("lecture"):has("77501", { moderator = true }):has("77502", { moderator = false }):has("77503", { moderator = false })
end)

test("a room that waits for its moderator plays music until they come", function(t)
  local ben = enter(t, "77502", "246810"):hears("belfry/room-joining"):hearsMusic()
  enter(t, "77501", "975310"):hears("belfry/room-joining-moderator"):isTalkingTo("77502")
  ben:isTalkingTo("77501")
end)

test("a room that ends with its moderator ends for all", function(t)
  local ada = enter(t, "77501", "975310"):hears("belfry/room-joining-moderator")
  local ben = enter(t, "77502", "246810"):hears("belfry/room-joining"):isTalkingTo("77501")
  ada:hangsUp()
  ben:hears("belfry/room-ended"):hasEnded()
end)

test("a room that is full takes nobody else", function(t)
  moderator(t, "77501")
  participant(t, "77502")
  participant(t, "77503")
  participant(t, "77504"):hears { "conf-full", "vm-goodbye" }:hasEnded()
  t:room("seminar"):count(3)
end)

-- Keys of participants.

test("1 mutes oneself, and again unmutes", function(t)
  moderator(t, "77501"):hears("conf-onlyperson")
  local ben = participant(t, "77502"):isTalkingTo("77501"):presses("1"):hears("belfry/room-muted")
  t:room("seminar"):has("77502", { muted = true })
  ben:presses("1"):hears("belfry/room-unmuted")
  t:room("seminar"):has("77502", { muted = false })
end)

test("2 raises one's hand: the room hears who, and again lowers it", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  local ben = participant(t, "77502"):isTalkingTo("77501")
  ada:hears("conf-hasjoin")
  ben:presses("2"):hears("belfry/room-hand-raised")
  ada:hearsRecording():hears("belfry/room-hand-notice")
  ben:presses("2"):hears("belfry/room-hand-lowered")
  ada:doesNotHear("belfry/room-hand-notice", { during = "5s" })
end)

test("2 from somebody without a name: somebody has raised their hand", function(t)
  local ada = t:phone("77501"):calls("16101"):hears("conf-onlyperson")
  t:phone("77502"):calls("16101"):isTalkingTo("77501"):presses("2"):hears("belfry/room-hand-raised")
  ada:hears("belfry/room-someone-raised")
end)

test("3 tells how many others are there", function(t)
  local ada = t:phone("77501"):calls("16101"):hears("conf-onlyperson"):presses("3"):hears("belfry/room-alone")
  t:phone("77502"):calls("16101"):isTalkingTo("77501")
  ada:presses("3"):hears("belfry/room-one-participant")
  t:phone("77503"):calls("16101"):isTalkingTo("77501")
  ada:presses("3"):hears { "belfry/room-there-are", "digits/2", "belfry/room-participants" }
end)

test("* reads out a participant's keys", function(t)
  moderator(t, "77501")
  participant(t, "77502"):isTalkingTo("77501"):presses("*"):hears("belfry/room-participant-menu")
end)

test("# leaves the room", function(t)
  moderator(t, "77501")
  participant(t, "77502"):isTalkingTo("77501"):presses("#"):hears("vm-goodbye"):hasEnded()
  t:room("seminar"):count(1)
end)

test("a participant can neither lock the room, nor silence, remove or end anybody", function(t)
  moderator(t, "77501")
  local ben = participant(t, "77502"):isTalkingTo("77501")
  for key in ("459"):gmatch(".") do ben:presses(key) end
  t:wait("5s")
  t:room("seminar"):count(2)
  participant(t, "77503"):isTalkingTo("77501")
end)

-- Keys of moderators.

test("1 mutes the moderator, and again unmutes", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson"):presses("1"):hears("belfry/room-muted")
  t:room("seminar"):has("77501", { muted = true })
  ada:presses("1"):hears("belfry/room-unmuted")
  t:room("seminar"):has("77501", { muted = false })
end)

test("2 silences all others, and again lets them speak", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  participant(t, "77502"):isTalkingTo("77501")
  ada:presses("2"):hears("belfry/room-all-muted")
  t:room("seminar"):has("77502", { muted = true }):has("77501", { muted = false })
  ada:presses("2"):hears("belfry/room-all-unmuted")
  t:room("seminar"):has("77502", { muted = false })
end)

test("3 tells a moderator the numbers too", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  participant(t, "77502"):isTalkingTo("77501")
  ada:presses("3"):hears("belfry/room-one-participant"):hears { "digits/7", "digits/7", "digits/5", "digits/0", "digits/2" }
end)

test("3 does not tell the number of who withholds it", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  local joe = t:call { from = "anonymous", to = "01865616100" }:hears("belfry/room-enter-pin"):presses("864213#")
  joe:hears("belfry/room-record-name"):speaksFor("1s"):presses("#"):isTalkingTo("77501")
  ada:presses("3"):hears("belfry/number-withheld")
end)

test("3 where there are more than ten tells a moderator only how many", function(t)
  local ada = enter(t, "77501", "975310"):hears("belfry/room-joining-moderator")
  for i = 1, 11 do
    local joe = t:call { from = "+4477009001" .. 10 + i, to = "01865616100" }:hears("belfry/room-enter-pin"):presses("246810#")
    joe:hears("belfry/room-record-name"):hears("belfry/room-joining"):isTalkingTo("77501")
  end
  ada:presses("3"):hears { "belfry/room-there-are", "digits/11", "belfry/room-participants" }:doesNotHear("digits/7", { during = "10s" })
end)

test("4 locks the room, and again opens it", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson"):presses("4"):hears("belfry/room-locked-now")
  t:room("seminar"):isLocked()
  participant(t, "77502"):hears("conf-locked"):hasEnded()
  ada:presses("4"):hears("belfry/room-unlocked-now")
  participant(t, "77503"):isTalkingTo("77501")
end)

test("5 removes who came last", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson"):presses("5"):hears("belfry/room-nobody-to-kick")
  participant(t, "77502"):isTalkingTo("77501")
  local cay = participant(t, "77503"):isTalkingTo("77501")
  ada:presses("5"):hears("belfry/room-kicked-last")
  cay:hears("belfry/room-kicked"):hasEnded()
  t:room("seminar"):has("77502"):count(2)
end)

test("9 ends the conference for all, who are told so before", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  local ben = participant(t, "77502"):isTalkingTo("77501")
  ada:presses("9"):hears("belfry/room-ending")
  local told = now()
  ada:hears("belfry/room-ended"):hasEnded()
  assert(now() - told > 3, "there was no time to say goodbye")
  ben:hears("belfry/room-ending"):hears("belfry/room-ended"):hasEnded()
end)

test("* reads out a moderator's keys", function(t)
  moderator(t, "77501"):hears("conf-onlyperson"):presses("*"):hears("belfry/room-moderator-menu")
end)

test("# lets the moderator leave, and the others stay", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson")
  participant(t, "77502"):isTalkingTo("77501")
  ada:presses("#"):hears("vm-goodbye"):hasEnded()
  t:room("seminar"):has("77502"):count(1)
end)

test("while the moderator dials nothing that is a key, nothing happens", function(t)
  local ada = moderator(t, "77501"):hears("conf-onlyperson"):presses("678")
  t:wait("3s")
  t:room("seminar"):count(1)
  ada:presses("*"):hears("belfry/room-moderator-menu")
end)
