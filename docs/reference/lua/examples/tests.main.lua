local huntgroup = require "huntgroup"
local menu      = require "menu"
local voicemail = require "voicemail"
local numbers   = require("numbering").new { country = "44", area = "1865", blocks = { ["2xx"] = "200200" } }
local outside   = require("outside").new { numbers = numbers, trunks = { "pstn" } }

local hours = schedule { "mon-fri 09:00-17:30", zone = "Europe/London" }

-- A line, and then its mailbox.
extension("2xx", { from = "any" }, function(call)
  local owner = line(call.dialled)
  if not owner then call:reject("notFound") end
  if list("blocked"):includes(call.from.number) then call:reject("declined") end
  local forward = owner.forward
  if owner.dnd then call:reject("busy") end
  if forward.always then call:redirect(forward.always) end
  local result = call:bridge(call.dialled, { timeout = "20s" })
  if result.outcome == "answered" then return end
  if result.outcome == "rejected" then call:reject("declined") end
  if not voicemail.leave(call, call.dialled, { busy = result.outcome == "busy" }) then call:reject("busy") end
end)

-- The main number: a menu while it is open.
extension("600", { from = "any" }, function(call)
  if not hours:isOpen() then
    call:playPrompt("belfry/closed")
    call:hangup()
  end
  menu.offer(call, { prompt = "basic-pbx-ivr-main", options = { ["1"] = "610", ["2"] = "201" }, giveUp = "201" })
end)

group("610", { name = "Sales", strategy = "sequential", members = { "201", "202" }, ringFor = "10s" })
extension("610", { from = "any" }, function(call) huntgroup.call(call, "610", outside) end)

extension("700", function(call) call:conference("sales") end)
extension("701", function(call) call:conference("sales", { moderator = true }) end)

extension("0z.", { needs = "national" }, function(call) outside:serve(call) end)

extension("*97", function(call) voicemail.readMessages(call, call.from.line) end)
