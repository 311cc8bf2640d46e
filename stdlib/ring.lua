-- How one extension is rung.
--
--   its calls are forwarded  they go there
--   do not disturb           voicemail, at once
--   no phone is connected    where it forwards to in that case, or voicemail
--   it has a call            likewise; a line with the permission "callWaiting" rings all the same
--   nobody answers           likewise, after ringFor
--
-- A line may forward only to what it may call itself. No extension is tried twice in one call, so forwards never
-- run in a circle. A message is for the person who was called, wherever the call has been since.

local refusal = require "refusal"
local voicemail = require "voicemail"

local m = {}

local longestChain = 5                              -- forwards one call may follow

-- By outcome: the forward that applies. By forward: what the next is told (RFC 5806).
local forwardFor = {
  busy = "busy", rejected = "busy", noAnswer = "noAnswer", cancelled = "noAnswer",
  unreachable = "unregistered", congested = "unregistered",
}
local reasons = { always = "unconditional", busy = "user-busy", noAnswer = "no-answer", unregistered = "unavailable" }

---@class Ring
local Ring = {}
Ring.__index = Ring

---@param options { outside: Outside, ringFor?: Duration }
---@return Ring
function m.new(options)
  local o = check("ring.new", options, { outside = false, ringFor = "25s" })
  return setmetatable({ outside = o.outside, ringFor = o.ringFor, screened = {} }, Ring)
end

-- Says that somebody else takes an extension's calls first: what is forwarded there goes through its own extension.
---@param number string
function Ring:screen(number) self.screened[number] = true end

-- Whether calls to an extension simply ring its phone: no group or room, and nobody takes them first.
---@param number string
---@return boolean
function Ring:isPlain(number) return line(number) ~= nil and group(number) == nil and not self.screened[number] end

-- Whether an extension could take a call now; if not, why.
---@param owner Line
---@param one? boolean never a second call, call waiting or not
---@return boolean
---@return string? outcome "doNotDisturb", "unreachable" or "busy"
function m.available(owner, one)
  if owner.dnd then return false, "doNotDisturb" end
  if not owner.registered then return false, "unreachable" end
  if owner.busy and (one or not owner:hasPermission("callWaiting")) then return false, "busy" end
  return true
end

-- Rings an extension; if nobody takes the call, its voicemail does, or the caller is turned away.
---@param call Call
---@param number string
---@param options? { shown?: string, shownName?: string } whose number is shown, instead of the caller's
function Ring:extension(call, number, options)
  local o = check("ring:extension", options, { shown = false, shownName = false })
  local outcome = self:try(call, number, { hops = 0, shown = o.shown, shownName = o.shownName })
  if outcome == "answered" then return end
  if voicemail.leave(call, number, { busy = outcome == "busy" }) then return end
  refusal.because(call, outcome)
end

-- Rings an extension or whatever it forwards to. It returns the outcome, as bridge has it.
---@private
function Ring:try(call, number, been, diversion)
  local owner = line(number)
  if not owner then return "unobtainable" end
  been[number] = true
  local outcome = self:divert(call, owner, "always", been)
  if outcome then return outcome end

  local free, why = m.available(owner)
  if free then
    outcome = call:bridge(number, {
      timeout = self.ringFor, diversion = diversion, callerNumber = been.shown, callerName = been.shownName,
    }).outcome
  else
    outcome = why
  end
  return self:divert(call, owner, forwardFor[outcome], been) or outcome
end

-- Sends the call where the line forwards to in that case; nil if it does not, may not, or has been there.
---@private
function Ring:divert(call, owner, kind, been)
  local to = kind and owner.forward[kind]
  if not to then return nil end
  local inside = self.outside.numbers:internal(to)
  if been[inside or to] or been.hops == longestChain then
    log.info("not forwarded: it would run in a circle", { line = owner.number, to = to })
    return nil
  end
  if not self.outside:allows(owner, to) or self.outside.numbers:classify(to) == "emergency" then
    log.warn("not forwarded: the line may not call there", { line = owner.number, to = to })
    return nil
  end
  been.hops = been.hops + 1
  local diversion = { number = owner.number, reason = reasons[kind] }
  if not inside then return self.outside:call(call, to, { diversion = diversion, shown = been.shown }) end
  if self:isPlain(inside) then return self:try(call, inside, been, diversion) end
  call:redirect(inside)                             -- a group, a room, an executive: its own extension knows
end

return m
