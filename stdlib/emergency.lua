-- Emergency calls. Nothing stands in their way: no permission, no lock, no do-not-disturb, no forward.
--
--   local emergency = require("emergency").new { numbers = numbers, trunks = { "pstn", "backup" }, notify = { "77500" } }
--   extension("999", { emergency = true }, function(call) emergency:serve(call) end)
--
-- The line's own number is shown, so that the services can call back. Every trunk is tried, three times over.
-- Each call is written to the log twice, when it begins and when it is over, with the line, its name and
-- department, and the people to be told.

local m = {}

---@class Emergency
local Emergency = {}
Emergency.__index = Emergency

---@param options { numbers: Numbering, trunks: string[], notify?: string[], rounds?: integer }
---@return Emergency
function m.new(options)
  local o = check("emergency.new", options, { numbers = false, trunks = {}, notify = {}, rounds = 3 })
  return setmetatable(o, Emergency)
end

-- Writes to the audit log.
---@private
function Emergency:audit(call, what, more)
  local owner = call.from.line and line(call.from.line)
  log.warn(what, {
    audit = "emergency", dialled = call.dialled, from = call.from.number,
    name = owner and owner.name or call.from.name, department = owner and owner.department or "",
    notify = table.concat(self.notify, " "), outcome = more,
  })
end

-- The handler of an emergency number.
---@param call Call
function Emergency:serve(call)
  local outcome = "given up"
  self:audit(call, "emergency call", "begins")
  call:onHangup(function() log.warn("emergency call over", { audit = "emergency", outcome = outcome }) end)

  for round = 1, self.rounds do
    for _, trunk in ipairs(self.trunks) do
      outcome = call:bridge("trunk:" .. trunk .. "/" .. call.dialled, {
        timeout = "2m",
        callerNumber = call.from.line and self.numbers:external(call.from.line),
      }).outcome
      if outcome == "answered" then return end
      self:audit(call, "emergency call not connected", trunk .. ": " .. outcome)
    end
    if round < self.rounds then call:playPrompt("belfry/emergency-trying-again") end
  end
  call:playPrompt("belfry/emergency-failed")
  call:reject("congested")
end

return m
