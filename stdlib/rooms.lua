-- Dial-in rooms: conferences that people call. The PIN says which room, and whether one is its moderator.
--
--   local faculty = { name = "Faculty", pin = "246810", moderatorPin = "135791", waitForModerator = true }
--   extension("89000", function(call) rooms.enter(call, { faculty }) end)
--
-- Who comes in says their name; the room hears it. Keys while in the room are in two tables below, as the
-- prompts belfry/room-participant-menu and belfry/room-moderator-menu read them out.

local say = require "say"

local m = {}

---@class Room.Options
---@field name string               unique; what the room is called
---@field pin? string               of participants; without one anybody may come in
---@field moderatorPin? string
---@field waitForModerator? boolean music until a moderator is there
---@field endsWithModerator? boolean
---@field names? boolean            names are recorded and announced; default true
---@field maxMembers? integer

-- Plays something to one caller in the room.
local function tell(visit, ...) visit.call:playPrompt(say.join(...)) end

local function muteMyself(visit)
  local muted = not visit.call:isMuted()
  visit.call:setMuted(muted)
  tell(visit, muted and "belfry/room-muted" or "belfry/room-unmuted")
end

local function raiseHand(visit)
  visit.hand = not visit.hand
  tell(visit, visit.hand and "belfry/room-hand-raised" or "belfry/room-hand-lowered")
  local here = visit.hand and room(visit.room.name)
  if here then here:play(visit.myName and { visit.myName, "belfry/room-hand-notice" } or "belfry/room-someone-raised") end
end

-- How many are there; a moderator also hears from which numbers.
local function rollCall(visit)
  local members = room(visit.room.name).members
  local others = #members - 1
  if others == 0 then return tell(visit, "belfry/room-alone") end
  if others == 1 then tell(visit, "belfry/room-one-participant") end
  if others > 1 then tell(visit, "belfry/room-there-are", say.number(others), "belfry/room-participants") end
  for i, member in ipairs(visit.moderator and others < 10 and members or {}) do
    tell(visit, i > 1 and "silence:300ms" or {}, member.number ~= "" and say.digits(member.number) or "belfry/number-withheld")
  end
end

local function muteOthers(visit)
  visit.silenced = not visit.silenced
  room(visit.room.name):muteAll(visit.silenced)
  tell(visit, visit.silenced and "belfry/room-all-muted" or "belfry/room-all-unmuted")
end

local function lock(visit)
  local here = room(visit.room.name)
  here:lock(not here.locked)
  tell(visit, here.locked and "belfry/room-unlocked-now" or "belfry/room-locked-now")
end

local function removeLast(visit)
  local removed = room(visit.room.name):kickLast()
  tell(visit, removed and "belfry/room-kicked-last" or "belfry/room-nobody-to-kick")
end

local function close(visit)
  local here = room(visit.room.name)
  here:play("belfry/room-ending")
  visit.call:sleep("3s")
  here:close()
end

local function leave(visit) visit.call:leave() end
local function help(visit)
  tell(visit, visit.moderator and "belfry/room-moderator-menu" or "belfry/room-participant-menu")
end

m.participantKeys = {
  ["1"] = muteMyself,
  ["2"] = raiseHand,
  ["3"] = rollCall,
  ["*"] = help,
  ["#"] = leave,
}

m.moderatorKeys = {
  ["1"] = muteMyself,
  ["2"] = muteOthers,
  ["3"] = rollCall,
  ["4"] = lock,
  ["5"] = removeLast,
  ["9"] = close,
  ["*"] = help,
  ["#"] = leave,
}

-- The room a PIN opens, and whether as its moderator.
local function find(rooms, pin)
  for _, one in ipairs(rooms) do
    if pin == one.moderatorPin then return one, true end
    if pin == (one.pin or "") then return one, false end
  end
end

-- Welcomes the caller and asks for the PIN; a single room without one needs none.
local function admit(call, rooms)
  if #rooms == 1 and not rooms[1].pin and not rooms[1].moderatorPin then
    call:playPrompt("belfry/room-welcome")
    return rooms[1], false
  end
  local before = "belfry/room-welcome"
  for _ = 1, 3 do
    local r = call:readDigits { prompt = { before, "belfry/room-enter-pin" }, timeout = "10s", secret = true }
    local found, moderator = find(rooms, r.digits)
    if found then return found, moderator end
    before = "belfry/room-pin-wrong"
  end
  call:playPrompt { "belfry/room-pin-wrong", "belfry/too-many-tries" }
  call:hangup()
end

-- By outcome of conference: what the caller hears. Who leaves hears goodbye, and so does who was told that it is full.
local endings = { kicked = "belfry/room-kicked", ended = "belfry/room-ended" }

-- Lets a caller into one of the rooms behind a number. It returns when they have left.
---@param call Call
---@param rooms Room.Options[]
function m.enter(call, rooms)
  local found, moderator = admit(call, rooms)
  local visit = { call = call, room = found, moderator = moderator }
  if found.names ~= false then
    local name = call:record { prompt = "belfry/room-record-name", maxLength = "6s", silence = "2s" }
    visit.myName = name.length > 0.5 and name or nil
  end
  call:playPrompt(moderator and "belfry/room-joining-moderator" or "belfry/room-joining")

  local keys = moderator and m.moderatorKeys or m.participantKeys
  call:on("digit", function(event)
    local act = choose(moderator and "conference, moderator" or "conference", keys, event.digit)
    if act then act(visit) end
  end)
  local outcome = call:conference(found.name, {
    moderator = moderator, announce = visit.myName, waitForModerator = found.waitForModerator,
    endWithMe = moderator and found.endsWithModerator, maxMembers = found.maxMembers,
  }).outcome
  call:playPrompt(endings[outcome] or "vm-goodbye")
  call:hangup()
end

return m
