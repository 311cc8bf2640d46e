-- How a call ends that could not be connected: what the caller hears, and what their phone is told.
--
-- A caller who is not yet answered pays nothing: the phone is told the reason and makes the tone itself, or
-- hears ours before it. A caller in the middle of something (a menu, a mailbox) is told in words.

local m = {}

-- By outcome: the reason for reject, the tone before it, the words.
m.endings = {
  busy         = { "busy",        words = "belfry/number-engaged" },
  noAnswer     = { "unavailable", words = "belfry/no-answer" },
  cancelled    = { "unavailable", words = "belfry/no-answer" },
  doNotDisturb = { "unavailable", words = "belfry/person-unavailable" },
  unreachable  = { "unavailable", words = "belfry/line-not-connected" },
  rejected     = { "declined",    words = "belfry/call-declined" },
  congested    = { "congested",   words = "belfry/lines-busy",          tone = "congestion" },
  unobtainable = { "notFound",    words = "belfry/number-unobtainable", tone = "unobtainable" },
}

-- Ends the call for what became of it.
---@param call Call
---@param outcome string of bridge, or "doNotDisturb", "unobtainable"
function m.because(call, outcome)
  local ending = m.endings[outcome] or m.endings.noAnswer
  if call.state ~= "ringing" then
    call:playPrompt(ending.words)
    call:hangup()
  end
  if ending.tone then
    call:tone(ending.tone)
    call:sleep("4s")
  end
  call:reject(ending[1])
end

-- Ends a call that the caller may not make, and says why.
---@param call Call
---@param words? Prompt
function m.forbidden(call, words)
  call:playPrompt(words or "belfry/restricted-code")
  call:reject("forbidden")
end

return m
