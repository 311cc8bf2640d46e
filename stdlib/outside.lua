-- Calls to the rest of the world: over which trunk, and which number is shown there.
--
--   local outside = require("outside").new { numbers = numbers, trunks = { "pstn" } }
--   extension("07xxxxxxxxx", { needs = "mobile" }, function(call) outside:serve(call) end)
--
-- The called person sees the caller's full number: 15902 is shown as +441865615902. When one trunk cannot
-- take the call, the next is tried.

local permissions = require "permissions"
local refusal = require "refusal"

local m = {}

---@class Outside
---@field numbers Numbering
local Outside = {}
Outside.__index = Outside

---@param options { numbers: Numbering, trunks: string[], timeout?: Duration }
---@return Outside
function m.new(options)
  local o = check("outside.new", options, { numbers = false, trunks = {}, timeout = "2m" })
  return setmetatable({ numbers = o.numbers, trunks = o.trunks, timeout = o.timeout }, Outside)
end

-- Whether a line may call a number; if not, also what to tell it.
---@param owner Line?
---@param number string
---@return boolean allowed
---@return string? words
function Outside:allows(owner, number)
  return permissions.allows(owner, self.numbers:classify(number))
end

-- Calls a number and returns what became of it. It asks for no permission: that is the caller's affair.
---@param call Call
---@param number string
---@param options? { shown?: string, shownName?: string, diversion?: { number: string, reason: string } }
---shown: the extension whose number is shown, instead of the caller's
---@return string outcome of bridge
function Outside:call(call, number, options)
  local o = check("outside:call", options, { shown = false, shownName = false, diversion = false })
  local shown = o.shown or call.from.line
  local diversion = o.diversion and {
    number = self.numbers:external(o.diversion.number) or o.diversion.number, reason = o.diversion.reason,
  }
  local outcome = "congested"
  for _, trunk in ipairs(self.trunks) do
    outcome = call:bridge("trunk:" .. trunk .. "/" .. self.numbers:e164(number), {
      timeout = self.timeout, callerNumber = shown and self.numbers:external(shown), callerName = o.shownName,
      diversion = diversion,
    }).outcome
    if outcome ~= "congested" and outcome ~= "unreachable" then break end
  end
  return outcome
end

-- Sends a call on to a number that the dialplan itself names, ours or not. Who calls need not be allowed to.
---@param call Call
---@param to string
---@param by string the extension that sends it on
function Outside:send(call, to, by)
  local inside = self.numbers:internal(to)
  if inside then call:redirect(inside) end
  local outcome = self:call(call, to, { diversion = { number = by, reason = "unconditional" } })
  if outcome ~= "answered" then refusal.because(call, outcome) end
end

-- The handler of an extension for numbers outside.
---@param call Call
function Outside:serve(call)
  local outcome = "unobtainable"
  if self.numbers:classify(call.dialled) then outcome = self:call(call, call.dialled) end
  if outcome ~= "answered" then refusal.because(call, outcome) end
end

return m
