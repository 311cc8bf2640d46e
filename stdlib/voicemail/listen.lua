-- Listening to messages: folders, what is said before each, and the keys that go from one to the next.
--
-- A visit is one owner's time in their mailbox: { call, box, messages, at, message, deleted, key, over }. messages
-- are those of the folder when it was opened, so that nothing changes place under the listener; deleted says, by
-- id, which are.

local say = require "say"

local m = {}

-- While a message plays: # forward, * back, 0 pause, 2 from its start; any other key ends it and does what it does.
m.playing = { forward = "#", back = "*", pause = "0", restart = "2", skip = "3s", interrupt = "13456789" }

local folders = { ["1"] = "new", ["2"] = "saved", ["3"] = "deleted" }

local folderMenu = {
  "vm-changeto",
  "vm-press", "digits/1", "vm-for", "vm-INBOX", "vm-messages",
  "vm-press", "digits/2", "vm-for", "belfry/saved-messages",
  "vm-press", "digits/3", "vm-for", "belfry/deleted-messages",
}

-- Says something. A key pressed meanwhile is the next choice: who knows the way need not wait.
function m.tell(visit, prompt)
  visit.key = visit.call:playPrompt(prompt, { interrupt = true }).digit
end

-- Reads one key; nil: none was pressed.
function m.key(visit, prompt)
  local r = visit.call:readDigits { prompt = prompt, max = 1, terminator = false, timeout = "6s" }
  if r.digits ~= "" then return r.digits end
end

-- The choices after the message at hand.
function m.menu(visit)
  return visit.deleted[visit.message.id] and "belfry/message-menu-deleted" or "belfry/message-menu"
end

local function openFolder(visit, folder)
  visit.messages, visit.at, visit.message, visit.deleted = visit.box:messages(folder) or {}, 0, nil, {}
  for _, message in ipairs(visit.messages) do visit.deleted[message.id] = folder == "deleted" end
  return #visit.messages
end

-- Says what there is, and opens the folder with something in it.
function m.open(visit)
  local saved = openFolder(visit, "saved")
  local new = openFolder(visit, "new")
  local counts = say.join("vm-youhave", say.messages(new, "new"), "vm-and", say.messages(saved, "saved"))
  m.tell(visit, new + saved == 0 and "belfry/no-messages" or counts)
  if new == 0 and saved > 0 then openFolder(visit, "saved") end
end

-- Key 2.
function m.changeFolder(visit)
  local folder = choose("voicemail, folders", folders, m.key(visit, folderMenu) or "")
  if not folder then return end
  m.tell(visit, say.join("vm-youhave", say.messages(openFolder(visit, folder), folder)))
end

-- Who a message is from: the recorded name of an extension, and the number.
function m.sender(message)
  if message.from == "" then return { "vm-unknown-caller" } end
  local box = mailbox(message.from)
  return say.join("belfry/message-from", box and box:greeting("name") or {}, say.digits(message.from))
end

local function position(visit)
  if visit.at == 1 then return { "belfry/first-message" } end
  if visit.at == #visit.messages then return { "belfry/last-message" } end
  return say.join("belfry/message-number", say.number(visit.at))
end

-- Caller and time, as key 3 then 3 says them again; and who forwarded the message, if somebody did.
function m.envelope(message)
  local by = message.forwardedBy
  return say.join(message.urgent and "belfry/urgent-message" or {}, m.sender(message),
    "vm-received", say.dateTime(message.time), by and say.join("belfry/message-forwarded-by", say.digits(by)) or {})
end

-- Plays the message at hand. It counts as heard once it begins: the lamp goes out with the last.
local function play(visit)
  local call, message = visit.call, visit.message
  local header = call:playPrompt(say.join(position(visit), m.envelope(message)), { interrupt = true })
  if header.outcome == "interrupted" and not ("12#"):find(header.digit, 1, true) then
    visit.key = header.digit                        -- 1, 2 and # go straight to the message
    return
  end
  message:markHeard()
  visit.key = call:playPrompt(message.sound, m.playing).digit
  if message.interrupted and not visit.key then m.tell(visit, "belfry/message-cut-short") end
end

local function go(visit, at, beyond)
  if not visit.messages[at] then
    return m.tell(visit, #visit.messages == 0 and "belfry/no-messages" or beyond)
  end
  visit.at, visit.message = at, visit.messages[at]
  play(visit)
end

-- Keys 1, 4, 5 and 6.
function m.first(visit) go(visit, 1, "belfry/no-messages") end
function m.previous(visit) go(visit, visit.at - 1, "belfry/no-earlier-message") end
function m.again(visit) go(visit, math.max(visit.at, 1), "belfry/no-messages") end
function m.next(visit) go(visit, visit.at + 1, "belfry/no-later-message") end

-- Says what came of a change to the message at hand.
local function report(visit, done, words) m.tell(visit, done and words or "belfry/feature-unavailable") end

-- Key 7, and 7 again.
function m.deleteOrRestore(visit)
  local message = visit.message
  if not message then return m.tell(visit, "belfry/no-messages") end
  local gone = visit.deleted[message.id]
  local done
  if gone then done = message:undelete() else done = message:delete() end
  if done then visit.deleted[message.id] = not gone end
  report(visit, done, gone and "belfry/message-restored" or "belfry/message-deleted")
end

-- Key 9.
function m.save(visit)
  local message = visit.message
  if not message then return m.tell(visit, "belfry/no-messages") end
  local done = message:save()
  if done then visit.deleted[message.id] = false end
  report(visit, done, "belfry/message-saved")
end

return m
