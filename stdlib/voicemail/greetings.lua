-- Mailbox options: the three greetings, the name that the standard greeting speaks, and the PIN.

local menu = require "menu"
local pin = require "voicemail.pin"
local say = require "say"

local m = {}

-- By key: which greeting.
local kinds = { ["1"] = "unavailable", ["2"] = "busy", ["3"] = "name", ["4"] = "temporary" }

-- By greeting: what to ask, how long it may be, the choices after it, and what is said when it is kept.
local ways = {
  name  = { ask = "belfry/record-name", most = "8s", review = "belfry/name-menu", kept = "belfry/name-saved" },
  other = { ask = "belfry/greeting-record", most = "1m", review = "belfry/recording-menu", kept = "belfry/greeting-saved" },
}

-- Records until the caller is content: 1 keep, 2 listen, 3 again, * cancel. nil: cancelled, or nothing was said.
---@param call Call
---@param way { ask: Prompt, most: Duration, review: Prompt }
---@return Recording?
function m.take(call, way)
  for _ = 1, 5 do
    local recording = call:record { prompt = way.ask, maxLength = way.most }
    if recording.length < 0.5 then
      call:playPrompt("belfry/silence-heard")
    else
      local key = menu.key(call, way.review, "123*", "voicemail, recording")
      while key == "2" do key = menu.key(call, { recording, way.review }, "123*", "voicemail, recording") end
      if key == "*" then return nil end
      if key ~= "3" then return recording end       -- who does not decide keeps it
    end
  end
end

-- Records a greeting and keeps it.
---@param call Call
---@param box Mailbox
---@param kind "unavailable"|"busy"|"temporary"|"name"
function m.record(call, box, kind)
  local way = ways[kind] or ways.other
  local recording = m.take(call, way)
  if not recording then return end
  local kept = box:setGreeting(kind, recording)
  call:playPrompt(kept and way.kept or "belfry/feature-unavailable")
end

local function manage(call, box, kind)
  local before = {}
  while true do
    local key = menu.key(call, say.join(before, "belfry/greeting-menu"), "123*", "voicemail, greeting")
    before = {}
    if key == "1" then
      before = box:greeting(kind) or "belfry/greeting-none"
    elseif key == "2" then
      m.record(call, box, kind)
    elseif key == "3" then
      box:setGreeting(kind, nil)
      call:playPrompt("belfry/greeting-erased")
    else
      return
    end
  end
end

-- The menu of mailbox options, key 0.
function m.menu(visit)
  local call, box = visit.call, visit.box
  while true do
    local key = menu.key(call, "belfry/greetings-menu", "12345*", "voicemail, options")
    if kinds[key] then
      manage(call, box, kinds[key])
    elseif key == "5" then
      pin.change(call, box)
    else
      return
    end
  end
end

return m
