-- Executives and their assistants. Calls to a manager ring the assistants instead, unless
--
--   the caller is on the manager's whitelist: list("whitelist-77600"), numbers, ranges, patterns or "internal"
--   the caller is an assistant of the manager, or one of them transferred the call
--   the manager or an assistant has switched the filter off
--
-- then the manager's own phone rings, with its do-not-disturb, forwards and voicemail. An assistant sees for
-- whom the call is. When no assistant takes it, whenAbsent says who does: the manager, the manager's mailbox, or
-- a deputy's number. An assistant may also call on behalf of the manager, whose number is then shown.
--
--   local assistants = require("assistant").new { ring = ring, outside = outside, teams = {
--     ["77600"] = { assistants = { "77601", "77602" }, strategy = "sequential", ringFor = "15s", whenAbsent = "mailbox" },
--   } }
--   if not assistants:answer(call, "77600") then ring:extension(call, "77600") end

local refusal = require "refusal"
local ringing = require "ring"
local voicemail = require "voicemail"

local m = {}

---@class Assistant
local Assistant = {}
Assistant.__index = Assistant

---@alias Assistant.Team { assistants: string[], strategy?: "simultaneous"|"sequential", ringFor?: Duration, whenAbsent?: "manager"|"mailbox"|string }
---@param options { ring: Ring, outside: Outside, teams: table<string, Assistant.Team> }
---@return Assistant
function m.new(options)
  local o = check("assistant.new", options, { ring = false, outside = false, teams = {} })
  for manager in pairs(o.teams) do o.ring:screen(manager) end
  return setmetatable({ ring = o.ring, outside = o.outside, teams = o.teams }, Assistant)
end

local function contains(numbers, number)
  for _, one in ipairs(numbers) do
    if one == number then return true end
  end
  return false
end

local filters = store("assistant")                  -- by manager: "off"; nothing: on

-- Whether calls to the manager go to the assistants now.
---@param manager string
function Assistant:isOn(manager)
  return self.teams[manager] ~= nil and filters:get(manager) ~= "off"
end

-- Switches the filter. by is whose phone asked: the manager's or an assistant's.
---@param manager string
---@param on boolean
---@param by string
function Assistant:switch(manager, on, by)
  filters:set(manager, not on and "off" or nil)
  log.info("call filter switched", { manager = manager, on = on, by = by })
end

-- The managers whose calls a line may take and whose filter it may switch: its own number, or its bosses'.
---@param number string
---@return string[]
function Assistant:managersOf(number)
  local found = {}
  for manager, team in pairs(self.teams) do
    if manager == number or contains(team.assistants, number) then found[#found + 1] = manager end
  end
  table.sort(found)
  return found
end

-- Whether the caller is let through to the manager. Only our own lines count as extensions: a number that
-- somebody outside presents is looked for in its full form.
---@private
function Assistant:isWelcome(call, manager)
  local team, from = self.teams[manager], call.from
  for _, by in ipairs { from.line or "", call.diversion and call.diversion.number or "" } do
    if by == manager or contains(team.assistants, by) then return true end
  end
  local whitelist = list("whitelist-" .. manager)
  if from.line then return whitelist:includes(from.line) end
  if from.number == "" then return false end
  local full, home = self.outside.numbers:e164(from.number), self.outside.numbers:national(from.number)
  return whitelist:includes(full) or home ~= nil and whitelist:includes(home)
end

-- Takes a call to a manager, if it is filtered. false: it is not, and the manager's phone should ring.
---@param call Call
---@param manager string
---@return boolean
function Assistant:answer(call, manager)
  if not self:isOn(manager) or self:isWelcome(call, manager) then return false end
  local team, boss = self.teams[manager], line(manager)
  local present = {}
  for _, number in ipairs(team.assistants) do
    local owner = line(number)
    if owner and ringing.available(owner) then present[#present + 1] = number end
  end
  if #present > 0 then
    local caller = call.from.name ~= "" and call.from.name or call.from.number
    local outcome = call:bridge(present, {
      strategy = team.strategy, ringFor = team.ringFor, timeout = team.strategy ~= "sequential" and team.ringFor or nil,
      callerName = "For " .. (boss and boss.name or manager) .. ": " .. caller,
      diversion = { number = manager, reason = "unconditional" },
    }).outcome
    if outcome == "answered" then return true end
  end
  return self:nobodyThere(call, manager, team.whenAbsent or "manager")
end

---@private
function Assistant:nobodyThere(call, manager, whenAbsent)
  if whenAbsent == "manager" then return false end
  if whenAbsent ~= "mailbox" then
    self.outside:send(call, whenAbsent, manager)
  elseif not voicemail.leave(call, manager) then
    refusal.because(call, "noAnswer")
  end
  return true
end

-- Calls a number for a manager: with the manager's number shown, and by the manager's permissions.
---@param call Call
---@param manager string
---@param number string
function Assistant:callFor(call, manager, number)
  if self.outside.numbers:classify(number) == "emergency" then call:redirect(number) end    -- help goes to who calls
  local boss = line(manager)
  local allowed, words = self.outside:allows(boss, number)
  if not allowed then return refusal.forbidden(call, words) end
  log.info("call on behalf", { audit = "assistant", assistant = call.from.line, manager = manager, number = number })
  local shown = { shown = manager, shownName = boss.name }
  local inside = self.outside.numbers:internal(number)
  if inside and not self.ring:isPlain(inside) then call:redirect(inside) end    -- which sees who really calls
  if inside then return self.ring:extension(call, inside, shown) end
  local outcome = self.outside:call(call, number, shown)
  if outcome ~= "answered" then refusal.because(call, outcome) end
end

return m
