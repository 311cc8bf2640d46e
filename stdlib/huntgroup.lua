-- Hunt groups: one number, several phones; whoever answers has the call, and nobody dials anything to take it.
--
--   group("15000", {
--     kind = "hunt", name = "Help desk", strategy = "longestIdle", ringFor = "15s", timeout = "1m",
--     members = { "77610", "77611", { "77612", ringFor = "30s", weight = 3 } },
--     overflow = "77600",                             -- or mailbox = "15000"; also by case, see below
--   })
--   extension("15000", function(call) huntgroup.call(call, "15000", outside) end)
--
-- A member who is logged out, does not want to be disturbed, has no phone connected or has a call already is
-- passed over at once. Members' forwards and mailboxes never take a group's call.

local refusal = require "refusal"
local ring = require "ring"
local voicemail = require "voicemail"

local m = {}

-- Why nobody took a call: where it goes then (else to overflow, else to mailbox), and what is said if nowhere.
m.endings = {
  nobody    = { overflow = "overflowNobody",    words = "belfry/group-nobody" },
  loggedOut = { overflow = "overflowLoggedOut", words = "belfry/closed" },
  busy      = { overflow = "overflowBusy",      words = "belfry/group-busy" },
  noAnswer  = { overflow = "overflowNoAnswer",  words = "belfry/no-answer" },
}

-- A group's members as tables: { number, ringFor =, weight = }.
local function members(g)
  local all = {}
  for i, member in ipairs(g.members) do all[i] = type(member) == "table" and member or { member } end
  return all
end

-- Those who could take a call now; if there are none, why.
local function available(g)
  local free, loggedIn, busy, all = {}, 0, 0, members(g)
  for _, member in ipairs(all) do
    local owner = g:isLoggedIn(member[1]) and line(member[1])
    if owner then
      loggedIn = loggedIn + 1
      local yes, why = ring.available(owner, true)
      if yes then free[#free + 1] = member end
      if why == "busy" then busy = busy + 1 end
    end
  end
  return free, #all == 0 and "nobody" or loggedIn == 0 and "loggedOut" or busy > 0 and "busy" or "nobody"
end

-- When a member was last rung for the group, or had its call: kept over calls, for circular and longestIdle.
local function lastTurn(g, member) return store("huntgroup"):get(g.number .. "/" .. member[1]) or 0 end
local function noteTurn(g, member) store("huntgroup"):set(g.number .. "/" .. member[1], now()) end

-- Takes one out of a list by chance; weight says how likely each is.
local function draw(list, weight)
  local total = 0
  for _, member in ipairs(list) do total = total + weight(member) end
  local at = math.random() * total
  for i, member in ipairs(list) do
    at = at - weight(member)
    if at < 0 or i == #list then return table.remove(list, i) end
  end
end

local function drawAll(list, weight)
  local order = {}
  while #list > 0 do order[#order + 1] = draw(list, weight) end
  return order
end

-- By strategy: in which order members ring, one after another.
m.orders = {
  sequential = function(list) return list end,

  circular = function(list, g)                      -- begins after the one who was rung last
    local last, at = 0, 0
    for i, member in ipairs(list) do
      local turn = lastTurn(g, member)
      if turn > last then last, at = turn, i end
    end
    local order = {}
    for i = 1, #list do order[i] = list[(at + i - 1) % #list + 1] end
    return order
  end,

  longestIdle = function(list, g)
    local turns, place = {}, {}
    for i, member in ipairs(list) do turns[member], place[member] = lastTurn(g, member), i end
    table.sort(list, function(a, b)
      if turns[a] == turns[b] then return place[a] < place[b] end
      return turns[a] < turns[b]
    end)
    return list
  end,

  random = function(list) return drawAll(list, function() return 1 end) end,
  weighted = function(list) return drawAll(list, function(member) return member.weight or 1 end) end,
}

local function shownName(call, g)
  local caller = call.from.name ~= "" and call.from.name or call.from.number
  return g.name and g.name .. ": " .. caller or nil
end

-- Rings members one after another, each once, until one answers or the group's time is up.
local function oneByOne(call, g, list)
  local current
  call:onHangup(function() if current then noteTurn(g, current) end end)
  local ends = g.timeout and now() + g.timeout
  local outcome = "busy"
  for _, member in ipairs(m.orders[g.strategy](list, g)) do
    local ringFor = member.ringFor or g.ringFor
    if ends then ringFor = math.min(ringFor, ends - now()) end
    if ringFor <= 0 then return "noAnswer" end
    local owner = line(member[1])
    if owner and ring.available(owner, true) then   -- they may have taken another call meanwhile
      current = member
      noteTurn(g, member)
      local r = call:bridge(member[1], {
        timeout = ringFor, ringback = g.music, announce = g.announce, callerName = shownName(call, g),
      })
      if r.outcome == "answered" then return "answered" end
      if r.outcome ~= "busy" then outcome = "noAnswer" end
    end
  end
  return outcome
end

local function allAtOnce(call, g, list)
  local targets = {}
  for i, member in ipairs(list) do targets[i] = member[1] end
  local outcome = call:bridge(targets, {
    timeout = g.timeout or g.ringFor, ringback = g.music, announce = g.announce, callerName = shownName(call, g),
  }).outcome
  return (outcome == "answered" or outcome == "busy") and outcome or "noAnswer"
end

-- Rings a group; if nobody takes the call, sends it on or says why.
---@param call Call
---@param number string of the group
---@param outside? Outside for a call that goes on to another number: a group without an overflow needs none
function m.call(call, number, outside)
  local g = group(number) or error("group " .. number .. " is not declared")
  local list, outcome = available(g)
  if #list > 0 then
    outcome = (g.strategy == "simultaneous" and allAtOnce or oneByOne)(call, g, list)
  end
  if outcome == "answered" then return end

  local ending = m.endings[outcome]
  log.info("nobody took the group's call", { group = number, why = outcome })
  local onward = g[ending.overflow] or g.overflow
  if onward then return outside:send(call, onward, number) end
  if outcome == "busy" and not g.mailbox then refusal.because(call, "busy") end
  call:playPrompt(ending.words)
  if g.mailbox then voicemail.leave(call, g.mailbox) end
  call:hangup()
end

return m
