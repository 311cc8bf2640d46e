-- Sending on what is in a mailbox: a reply, a call back, a copy to somebody else.

local greetings = require "voicemail.greetings"
local listen = require "voicemail.listen"
local menu = require "menu"

local m = {}

local introduction = { ask = "belfry/forward-record", most = "1m", review = "belfry/recording-menu" }

-- A message into the sender's own mailbox.
local function reply(visit)
  local sender = visit.message.from
  if sender == "" or not mailbox(sender) then return visit.call:playPrompt("belfry/reply-impossible") end
  visit.call:recordVoicemail(sender, { greeting = "belfry/reply-record" })
end

-- A call to the sender, as if the number had been dialled here: this phone's permissions decide.
local function callBack(visit)
  local sender = visit.message.from
  if sender == "" then return visit.call:playPrompt("belfry/call-back-impossible") end
  visit.call:playPrompt("belfry/calling-sender")
  visit.call:redirect(sender)
end

local function envelope(visit)
  listen.tell(visit, listen.envelope(visit.message))
end

local choices = { ["1"] = reply, ["2"] = callBack, ["3"] = envelope }

-- Key 3: other options for the message at hand.
function m.advanced(visit)
  if not visit.message then return listen.tell(visit, "belfry/no-messages") end
  local choice = choices[menu.key(visit.call, "belfry/message-menu-reply", "123*", "voicemail, reply")]
  if choice then choice(visit) end
end

-- Key 8: a copy for another mailbox, with an introduction if wanted.
function m.forward(visit)
  local call = visit.call
  if not visit.message then return listen.tell(visit, "belfry/no-messages") end
  local to = call:readDigits { prompt = "belfry/forward-to", timeout = "10s" }.digits
  if to == "" then return end
  if not mailbox(to) then return call:playPrompt("belfry/forward-impossible") end
  local key = menu.key(call, "belfry/forward-introduction", "12", "voicemail, introduction")
  if not key then return end
  local sent = visit.message:forward(to, { introduction = key == "1" and greetings.take(call, introduction) or nil })
  call:playPrompt(sent and "belfry/forward-sent" or "belfry/feature-unavailable")
end

return m
