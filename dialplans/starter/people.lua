-- The people of the office, and their voicemail.

local voicemail = require "voicemail"

-- Rings a line; if nobody takes the call, its mailbox does.
extension("20x", { name = "people" }, function(call)
  if not line(call.dialled) then call:reject("notFound") end
  local result = call:bridge(call.dialled, { timeout = "25s" })
  if result.outcome == "answered" then return end
  voicemail.leave(call, call.dialled, { busy = result.outcome == "busy" })
  call:reject("unavailable")                       -- a line without a mailbox
end)

-- Your messages: it asks for your PIN.
extension("*97", { name = "my messages" }, function(call) voicemail.readMessages(call, call.from.line) end)
