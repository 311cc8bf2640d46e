-- A little of everything, for the tests of the language of tests.

local voicemail = require "voicemail"

for _, from in ipairs { "lines", "trunk:pstn" } do
  extension("20x", { from = from }, function(call)
    local result = call:bridge(call.dialled, { timeout = "20s", diversion = call.diversion })
    if result.outcome == "answered" then return end
    if result.outcome == "busy" then call:reject("busy") end
    if not voicemail.leave(call, call.dialled) then call:reject("unavailable") end
  end)
end

extension("07x.", function(call)
  local result = call:bridge("trunk:pstn/" .. call.dialled, { timeout = "20s" })
  if result.outcome ~= "answered" then call:reject(result.outcome == "congested" and "congested" or "unavailable") end
end)

extension("300", function(call)                     -- asks, and says what was answered
  call:answer()
  local r = call:readDigits { prompt = { "vm-youhave", "number:12" }, max = 2, timeout = "5s" }
  if r.digits == "" then call:playPrompt("vm-goodbye") call:hangup() end
  call:playPrompt("number:" .. r.digits)
  call:hangup()
end)

extension("301", function(call)                     -- music for a minute
  call:answer()
  call:startMusic("bells")
  call:sleep("1m")
end)

extension("302", function(call)                     -- plays back what is said
  local r = call:record { maxLength = "30s", silence = "2s", beep = false }
  call:playPrompt(r)
  call:sleep("10s")
end)

extension("303", function(call)                     -- a conference
  call:conference("hall", { announce = false, moderator = call.from.number == "201" })
end)

extension("304", function(call)                     -- rings, and nothing else
  call:ring()
  call:sleep("30s")
  call:reject("declined")
end)

extension("305", function(call)                     -- changes settings
  line("201"):setDnd(true)
  line("201"):setForward("busy", "202")
  list("vips"):add("202")
  group("400"):logout("202")
  call:answer()
end)

extension("306", function(call)                     -- is wrong
  call:answer()
  local nobody = nil
  nobody.name = "x"
end)

group("400", { members = { "201", "202" } })
