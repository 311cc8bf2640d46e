-- Conferences, at 89000: the faculty waits for its moderator and ends without one, the seminar does neither.

local say = require "say"

local faculty, facultyModerator = "246810", "975310"
local seminar, seminarModerator = "864213", "531864"

-- Ada, Ben … dial in with a PIN, say their names for a second, and are in.
local function joins(t, number, pin)
  local caller = t:phone(number):calls("89000")
  caller:hears { "belfry/room-welcome", "belfry/room-enter-pin" }:presses(pin .. "#")
  caller:hears("belfry/room-record-name"):hears("tone:beep"):speaksFor("1s")
  local moderates = pin == facultyModerator or pin == seminarModerator
  caller:hears(moderates and "belfry/room-joining-moderator" or "belfry/room-joining")
  t:wait("10s")                                     -- until everybody has been announced
  return caller
end

-- Ways in.

test("two dial in and talk; their names are heard", function(t)
  local ada = joins(t, "77513", seminar)
  t:room("seminar"):has("77513", { moderator = false, muted = false }):count(1)

  local ben = joins(t, "77514", seminar)

  ada:hearsRecording():isTalkingTo("77514")
  ben:isTalkingTo("77513")
  t:room("seminar"):count(2)
  ada:hangsUp()
  t:room("seminar"):count(1)
  ben:hangsUp()
  t:room("seminar"):isEmpty()
end)

test("somebody dials in from outside", function(t)
  local ada = joins(t, "77513", seminar)

  local joe = t:call { from = "+447700900123", to = "01865289000" }
  joe:hears("belfry/room-enter-pin"):presses(seminar .. "#"):hears("tone:beep"):speaksFor("1s")

  joe:isTalkingTo("77513")
  ada:isTalkingTo("+447700900123")
end)

test("the trunk's five digits do too", function(t)
  t:call { from = "+447700900123", to = "89000" }:hears { "belfry/room-welcome", "belfry/room-enter-pin" }
end)

test("whoever says nothing is let in without a name", function(t)
  local ada = t:phone("77513"):calls("89000"):hears("belfry/room-enter-pin"):presses(seminar .. "#")

  ada:hears("belfry/room-record-name"):hears("belfry/room-joining")

  t:room("seminar"):has("77513")
end)

test("each PIN opens its own room", function(t)
  joins(t, "77513", seminar)
  joins(t, "77514", seminarModerator)
  joins(t, "15902", facultyModerator)

  t:room("seminar"):has("77513", { moderator = false }):has("77514", { moderator = true }):count(2)
  t:room("faculty"):has("15902", { moderator = true }):count(1)
end)

test("a wrong PIN, and then the right one", function(t)
  local ada = t:phone("77513"):calls("89000"):hears { "belfry/room-welcome", "belfry/room-enter-pin" }:presses("111111#")

  ada:hears { "belfry/room-pin-wrong", "belfry/room-enter-pin" }:presses(seminar .. "#"):hears("belfry/room-record-name")
end)

test("three wrong PINs end the call", function(t)
  local ada = t:phone("77513"):calls("89000")

  for _ = 1, 3 do ada:hears("belfry/room-enter-pin"):presses("111111#") end

  ada:hears { "belfry/room-pin-wrong", "belfry/too-many-tries" }:hasEnded()
  t:room("seminar"):isEmpty()
end)

test("whoever enters no PIN is asked three times", function(t)
  local ada = t:phone("77513"):calls("89000")

  for _ = 1, 3 do ada:hears("belfry/room-enter-pin") end

  ada:hears("belfry/too-many-tries"):hasEnded()
end)

-- With and without a moderator.

test("the faculty hears music until the moderator is there", function(t)
  local ben = t:phone("77514"):calls("89000"):hears("belfry/room-enter-pin"):presses(faculty .. "#")
  ben:hears("tone:beep"):speaksFor("1s"):hearsMusic()

  local ada = joins(t, "77513", facultyModerator)

  ben:isTalkingTo("77513")
  ada:isTalkingTo("77514")
end)

test("the moderator hangs up: the conference is over for everybody", function(t)
  local ada = joins(t, "77513", facultyModerator)
  local ben = joins(t, "77514", faculty)
  ben:isTalkingTo("77513")

  ada:hangsUp()

  ben:hears("belfry/room-ended"):hasEnded()
  t:room("faculty"):isEmpty()
end)

test("the seminar goes on when its moderator hangs up", function(t)
  local ada = joins(t, "77513", seminarModerator)
  local ben = joins(t, "77514", seminar)
  joins(t, "15902", seminar)

  ada:hangsUp()

  ben:isTalkingTo("15902")
  t:room("seminar"):count(2)
end)

-- Everybody's keys.

test("1 mutes oneself, and 1 again speaks", function(t)
  local ada = joins(t, "77513", seminar)

  ada:presses("1"):hears("belfry/room-muted")
  t:room("seminar"):has("77513", { muted = true })

  ada:presses("1"):hears("belfry/room-unmuted")
  t:room("seminar"):has("77513", { muted = false })
end)

test("a key that is pressed while the caller hears that nobody else is there counts", function(t)
  local ada = t:phone("77513"):calls("89000"):hears("belfry/room-enter-pin"):presses(seminar .. "#")

  ada:hears("conf-onlyperson"):presses("1"):hears("belfry/room-muted")

  t:room("seminar"):has("77513", { muted = true })
end)

test("who mutes themselves while they wait for the moderator is muted then", function(t)
  local ben = t:phone("77514"):calls("89000"):hears("belfry/room-enter-pin"):presses(faculty .. "#"):hears("belfry/room-joining"):hearsMusic()
  ben:presses("1"):hears("belfry/room-muted")

  joins(t, "77513", facultyModerator)

  t:room("faculty"):has("77514", { muted = true })
  ben:presses("1"):hears("belfry/room-unmuted")
  t:room("faculty"):has("77514", { muted = false })
end)

test("2 raises a hand, which the room hears with the name; 2 again lowers it", function(t)
  local ada = joins(t, "77513", seminarModerator)
  local ben = joins(t, "77514", seminar)
  ada:hearsRecording()

  ben:presses("2"):hears("belfry/room-hand-raised")
  ada:hearsRecording():hears("belfry/room-hand-notice")

  ben:presses("2"):hears("belfry/room-hand-lowered")
end)

test("2 by somebody without a name", function(t)
  local ada = joins(t, "77513", seminarModerator)
  local ben = t:phone("77514"):calls("89000"):hears("belfry/room-enter-pin"):presses(seminar .. "#")
  ben:hears("belfry/room-joining")
  t:wait("10s")

  ben:presses("2")

  ada:hears("belfry/room-someone-raised")
end)

test("3 counts: alone", function(t)
  joins(t, "77513", seminar):presses("3"):hears("belfry/room-alone")
end)

test("3 counts: one other", function(t)
  local ada = joins(t, "77513", seminar)
  joins(t, "77514", seminar)

  ada:presses("3"):hears("belfry/room-one-participant")
end)

test("3 counts: two others", function(t)
  local ada = joins(t, "77513", seminar)
  joins(t, "77514", seminar)
  joins(t, "15902", seminar)

  ada:presses("3"):hears(say.join("belfry/room-there-are", say.number(2), "belfry/room-participants"))
end)

test("3 tells a moderator also who they are", function(t)
  local ada = joins(t, "77513", seminarModerator)
  joins(t, "77514", seminar)

  ada:presses("3"):hears("belfry/room-one-participant"):hears(say.digits "77513"):hears(say.digits "77514")
end)

test("* reads out the keys, a moderator's and everybody's", function(t)
  joins(t, "77513", seminarModerator):presses("*"):hears("belfry/room-moderator-menu")
  joins(t, "77514", seminar):presses("*"):hears("belfry/room-participant-menu")
end)

test("# leaves, and the others talk on", function(t)
  local ada = joins(t, "77513", seminar)
  local ben = joins(t, "77514", seminar)
  joins(t, "15902", seminar)

  ada:presses("#"):hears("vm-goodbye"):hasEnded()

  ben:isTalkingTo("15902")
end)

-- A moderator's keys.

test("1 and # by the moderator are what they are for everybody", function(t)
  local ada = joins(t, "77513", seminarModerator)
  joins(t, "77514", seminar)

  ada:presses("1"):hears("belfry/room-muted")
  t:room("seminar"):has("77513", { muted = true })

  ada:presses("#"):hears("vm-goodbye"):hasEnded()
  t:room("seminar"):count(1)
end)

test("2 by the moderator mutes all others, and 2 again lets them speak", function(t)
  local ada = joins(t, "77513", seminarModerator)
  joins(t, "77514", seminar)

  ada:presses("2"):hears("belfry/room-all-muted")
  t:room("seminar"):has("77514", { muted = true }):has("77513", { muted = false })

  ada:presses("2"):hears("belfry/room-all-unmuted")
  t:room("seminar"):has("77514", { muted = false })
end)

test("4 locks the room for everybody but moderators, and 4 again opens it", function(t)
  local ada = joins(t, "77513", seminarModerator)
  ada:presses("4"):hears("belfry/room-locked-now")
  t:room("seminar"):isLocked()

  local ben = t:phone("77514"):calls("89000"):hears("belfry/room-enter-pin"):presses(seminar .. "#")
  ben:hears("tone:beep"):speaksFor("1s"):hears("conf-locked"):hears("vm-goodbye"):hasEnded()
  t:room("seminar"):count(1)
  joins(t, "15902", seminarModerator)
  t:room("seminar"):count(2)

  ada:presses("4"):hears("belfry/room-unlocked-now")
  joins(t, "77514", seminar)
  t:room("seminar"):count(3)
end)

test("5 removes whoever came last", function(t)
  local ada = joins(t, "77513", seminarModerator)
  local clara = joins(t, "15902", seminar)
  local ben = joins(t, "77514", seminar)

  ada:presses("5"):hears("belfry/room-kicked-last")

  ben:hears("belfry/room-kicked"):hasEnded()
  clara:isTalkingTo("77513")
end)

test("5 with nobody to remove", function(t)
  joins(t, "77513", seminarModerator):presses("5"):hears("belfry/room-nobody-to-kick")
end)

test("9 ends the conference, and everybody hears that it ends", function(t)
  local ada = joins(t, "77513", seminarModerator)
  local ben = joins(t, "77514", seminar)

  ada:presses("9")

  ben:hears("belfry/room-ending"):hears("belfry/room-ended"):hasEnded()
  ada:hasEnded()
  t:room("seminar"):isEmpty()
end)

for _, key in ipairs { "4", "5", "9" } do
  test(key .. " does nothing for whoever is no moderator", function(t)
    local ada = joins(t, "77513", seminar)
    local ben = joins(t, "77514", seminar)
    ada:isTalkingTo("77514")

    ben:presses(key)
    t:wait("10s")

    ada:isTalkingTo("77514")
    t:room("seminar"):count(2)
  end)
end
