-- Voicemail: taking messages, and the owner's menu.
--
--   voicemail.leave(call, "77513")                 -- the caller leaves a message
--   voicemail.readMessages(call, call.from.line)   -- the owner listens to theirs; asks for the PIN
--   voicemail.readMessages(call)                   -- from another phone: asks for the number, then the PIN
--
-- The keys are those that Asterisk made customary, in one table below. What each does is in voicemail/.

local greetings = require "voicemail.greetings"
local listen = require "voicemail.listen"
local login = require "voicemail.login"
local send = require "voicemail.send"

local m = {}

local function leave(visit)
  visit.call:playPrompt("vm-goodbye")
  visit.over = true
end

local function help(visit) listen.tell(visit, "belfry/playing-help") end

-- What each key does, in the main menu and after a message.
m.keys = {
  ["1"] = listen.first,                             -- listen
  ["2"] = listen.changeFolder,                      -- new, saved, deleted
  ["3"] = send.advanced,                            -- reply, call back, caller and time
  ["4"] = listen.previous,
  ["5"] = listen.again,
  ["6"] = listen.next,
  ["7"] = listen.deleteOrRestore,
  ["8"] = send.forward,                             -- with an introduction
  ["9"] = listen.save,
  ["0"] = greetings.menu,                           -- greetings, name, PIN
  ["*"] = help,
  ["#"] = leave,
}
-- While a message plays, other keys apply: listen.playing.

-- Takes a message for a mailbox: greeting, tone, message, menu. false: there is no such mailbox.
---@param call Call
---@param number string
---@param options? { busy?: boolean, greeting?: Prompt, urgent?: boolean, maxLength?: Duration, silence?: Duration, language?: string }
---@return boolean taken
function m.leave(call, number, options)
  if not mailbox(number) then return false end
  local result, err = call:recordVoicemail(number, options)
  if result then
    call:playPrompt("vm-goodbye")
  else
    log.error("no message could be taken", { mailbox = number, error = tostring(err) })
    call:playPrompt("belfry/cannot-take-message")
  end
  call:hangup()
  return true
end

local mainMenu = { "vm-onefor", "vm-INBOX", "vm-messages", "vm-opts", "vm-helpexit" }

-- The owner's menu. number nil: it is asked for. It returns when the owner leaves.
---@param call Call
---@param number? string
function m.readMessages(call, number)
  local box = login.enter(call, number)
  if not box then call:hangup() end
  call:onHangup(function() box:purge() end)         -- until then, what is deleted can be had back
  login.firstTime(call, box)

  local visit = { call = call, box = box }
  listen.open(visit)
  local silences = 0
  while not visit.over do
    local key = visit.key or listen.key(visit, visit.message and listen.menu(visit) or mainMenu)
    visit.key = nil
    local act = choose("voicemail", m.keys, key or "")
    if act then
      silences = 0
      act(visit)
    elseif silences == 2 then
      leave(visit)
    else
      silences = silences + 1
      listen.tell(visit, key and "vm-sorry" or "belfry/no-choice")
    end
  end
  call:hangup()
end

return m
