-- The exchange in which the library's own tests run (belfry test stdlib): a little of everything it can do. Nobody
-- else loads this file; a module's tests are beside it, huntgroup_test.lua beside huntgroup.lua.

local assistant   = require "assistant"
local emergency   = require "emergency"
local features    = require "features"
local huntgroup   = require "huntgroup"
local menu        = require "menu"
local numbering   = require "numbering"
local outside     = require "outside"
local permissions = require "permissions"
local pickup      = require "pickup"
local refusal     = require "refusal"
local ring        = require "ring"
local rooms       = require "rooms"
local say         = require "say"
local voicemail   = require "voicemail"

say.zone = "Europe/London"

local numbers = numbering.new { country = "44", area = "01865", blocks = { ["7"] = "2", ["1"] = "6" } }
local world = outside.new { numbers = numbers, trunks = { "pstn", "backup" } }
local rings = ring.new { outside = world }
local services = emergency.new { numbers = numbers, trunks = { "pstn", "backup" }, notify = { "77500" } }
local anyone = { "lines", "trunk:pstn", "trunk:backup" }

-- Extensions, and executives with assistants. The last team rings all at once and has a deputy out in the world.

local assistants = assistant.new { ring = rings, outside = world, teams = {
  ["77600"] = { assistants = { "77601", "77602" }, strategy = "sequential", ringFor = "15s", whenAbsent = "mailbox" },
  ["77610"] = { assistants = { "77601" } },
  ["77620"] = { assistants = { "77601", "77602" }, ringFor = "10s", whenAbsent = "77501" },
  ["77630"] = { assistants = { "77602" }, whenAbsent = "07700900555" },
  ["77690"] = { assistants = { "77602" }, whenAbsent = "mailbox" },            -- who has no mailbox
} }

extension("7xxxx", { from = anyone }, function(call)
  if not assistants:answer(call, call.dialled) then rings:extension(call, call.dialled) end
end)

for _, pattern in ipairs(numbers:forms()) do
  extension(pattern, { from = anyone }, function(call) call:redirect(numbers:internal(call.dialled)) end)
end

-- Groups: one for each strategy, and one for each way a call goes that nobody takes.

local hunts = {
  ["15001"] = { strategy = "sequential", name = "Desk" },
  ["15002"] = { strategy = "simultaneous", name = "Porters" },
  ["15003"] = { strategy = "circular" },
  ["15004"] = { strategy = "longestIdle" },
  ["15005"] = { strategy = "random" },
  ["15006"] = { strategy = "weighted", members = { "77502", { "77503", weight = 9 } } },
  ["15007"] = { strategy = "sequential", timeout = "35s", members = { "77502", { "77503", ringFor = "20s" }, "77504", "77511" }, music = "demo-congrats" },
  ["15011"] = { overflowBusy = "77511", overflowNoAnswer = "77512", overflowLoggedOut = "77513", overflowNobody = "77514" },
  ["15012"] = { overflow = "07700900555" },
  ["15013"] = { mailbox = "77501" },
  ["15014"] = {},
  ["15015"] = { members = {} },
}
for number, options in pairs(hunts) do
  options.members = options.members or { "77502", "77503", "77504" }
  if number ~= "15014" then options.ringFor = "10s" end
  group(number, options)
  extension(number, { from = anyone }, function(call) huntgroup.call(call, number, world) end)
end

-- Menus.

extension("16001", { from = anyone }, function(call)
  menu.offer(call, {
    prompt = "basic-pbx-ivr-main", giveUp = "77501",
    options = {
      ["1"] = "77502",
      ["2"] = function(c) c:playPrompt("vm-goodbye") end,
      ["7xxxx"] = "dialled",
      ["#"] = "77503",
    },
  })
end)
extension("16002", function(call)
  menu.offer(call, { prompt = "basic-pbx-ivr-main", invalid = "pbx-invalid", tries = 2, timeout = "4s", options = { ["1"] = "77502" } })
end)

-- Rooms: two behind one number, one without a PIN, and one whose moderator alone has one.

local faculty = { name = "faculty", pin = "246810", moderatorPin = "975310", waitForModerator = true, endsWithModerator = true }
local seminar = { name = "seminar", pin = "864213", moderatorPin = "531864", maxMembers = 3 }
extension("16100", { from = anyone }, function(call) rooms.enter(call, { faculty, seminar }) end)
extension("16102", function(call) rooms.enter(call, { { name = "lecture", moderatorPin = "420931" } }) end)
extension("16101", { from = anyone }, function(call) rooms.enter(call, { { name = "open", names = false } }) end)

-- The rest of the world, as a site does it.

for _, pattern in ipairs(numbers:variants()) do
  extension(pattern, function(call) call:redirect(numbers:national(call.dialled)) end)
end
for _, class in ipairs { "local", "national", "mobile", "nonGeographic", "short", "international", "premium" } do
  local needed = permissions.needs[class]
  for _, pattern in ipairs(numbers:patterns(class)) do
    extension(pattern, { needs = needed, refused = permissions.refusals[needed] }, function(call) world:serve(call) end)
  end
end
for _, number in ipairs(numbers:patterns "emergency") do
  extension(number, { emergency = true }, function(call) services:serve(call) end)
end

-- Codes.

local kinds = { ["1"] = "always", ["2"] = "busy", ["3"] = "noAnswer", ["4"] = "unregistered" }
for key, kind in pairs(kinds) do                    -- *711 and a number: forward all calls; *721: no more
  extension("*71" .. key, function(call) features.forwardOn(call, kind, "", world) end)
  extension("*71" .. key .. ".", function(call) features.forwardOn(call, kind, call.matched, world) end)
  extension("*72" .. key, function(call) features.forwardOff(call, kind) end)
end
extension("*78", function(call) features.doNotDisturb(call, true) end)
extension("*79", function(call) features.doNotDisturb(call, false) end)
extension("*45", function(call) features.groupLogin(call, "") end)
extension("*45.", function(call) features.groupLogin(call, call.matched) end)
extension("*43", features.echoTest)
extension("*60", features.clock)
extension("*65", function(call) features.whoAmI(call, numbers) end)
extension("*69", features.callReturn)
extension("**3", pickup.group)
extension("**7xxxx", function(call) pickup.one(call, call.dialled:sub(3)) end)
extension("*97", function(call) voicemail.readMessages(call, call.from.line) end)
extension("*98", function(call) voicemail.readMessages(call) end)
extension("*84.", function(call) assistants:switch(call.matched, true, call.from.line) call:answer() end)
extension("*85.", function(call) assistants:switch(call.matched, false, call.from.line) call:answer() end)
extension("*86.", function(call)                    -- the first manager of whoever calls
  assistants:callFor(call, assistants:managersOf(call.from.line)[1], call.matched)
end)

-- Each way a call ends that could not be connected: *91 before it is answered, *92 in the middle of something.

local outcomes = { "busy", "noAnswer", "cancelled", "doNotDisturb", "unreachable", "rejected", "congested", "unobtainable" }
for i, outcome in ipairs(outcomes) do
  extension("*91" .. i, function(call) refusal.because(call, outcome) end)
  extension("*92" .. i, function(call) call:answer() refusal.because(call, outcome) end)
end
extension("*930", function(call) refusal.forbidden(call) end)
extension("*931", function(call) refusal.forbidden(call, "belfry/not-authorised-premium") end)
