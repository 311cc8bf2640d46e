-- The smallest useful exchange: two lines with voicemail, and a menu that finds them.

local menu      = require "menu"
local voicemail = require "voicemail"

-- Rings a line; if nobody takes the call, its mailbox does.
local function ring(call)
  local result = call:bridge(call.dialled, { timeout = "25s" })
  if result.outcome == "answered" then return end
  if voicemail.leave(call, call.dialled, { busy = result.outcome == "busy" }) then return end
  call:reject(result.outcome == "busy" and "busy" or "unavailable")
end

extension("201", { name = "Ana" }, ring)
extension("202", { name = "Ben" }, ring)

-- "Please enter an extension, or nought for the operator."
extension("600", { name = "main menu" }, function(call)
  menu.offer(call, {
    prompt  = "ext-or-zero",
    options = { ["0"] = "201", ["20x"] = "dialled" },
    giveUp  = "201",
  })
end)

extension("*97", { name = "my messages" }, function(call) voicemail.readMessages(call, call.from.line) end)
