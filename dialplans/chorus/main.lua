-- Chorus: the telephone system of a university. Which number is answered by what.
--
-- Five digits are an extension: 7xxxx, 1xxxx and 8xxxx. No 9 for an outside line. Numbers of ours that are dialled
-- as from outside stay inside. What a line may call is decided by its permissions; emergency numbers need none.
-- The most specific pattern wins, so that a group or a room may lie among the extensions.

local codes       = require "codes"
local groups      = require "groups"
local huntgroup   = require "huntgroup"
local permissions = require "permissions"
local refusal     = require "refusal"
local rooms       = require "rooms"
local say         = require "say"
local site        = require "site"

say.zone = "Europe/London"

-- Registers one of our own numbers: for our lines, which need the permission "internal", and for callers from outside.
local function ours(pattern, name, handler)
  extension(pattern, { name = name, needs = "internal" }, handler)
  extension(pattern, { name = name, from = "trunk:pstn" }, handler)
end

-- Emergency numbers.

for _, number in ipairs(site.numbers:patterns "emergency") do
  extension(number, { name = "emergency", emergency = true }, function(call) site.emergency:serve(call) end)
end

-- Extensions: an executive's calls go to the assistants first.

for _, pattern in ipairs { "7xxxx", "1xxxx", "8xxxx" } do
  ours(pattern, "extension", function(call)
    if site.assistants:answer(call, call.dialled) then return end
    site.ring:extension(call, call.dialled)
  end)
end

-- The same numbers, dialled as from outside.

for _, pattern in ipairs(site.numbers:forms()) do
  extension(pattern, { name = "our number in full", from = site.inbound }, function(call)
    call:redirect(site.numbers:internal(call.dialled))
  end)
end

-- Hunt groups and conference rooms.

for number, options in pairs(groups) do
  group(number, options)
  ours(number, options.name, function(call) huntgroup.call(call, number, site.outside) end)
end

for number, list in pairs(require "conferences") do
  ours(number, "conferences", function(call) rooms.enter(call, list) end)
end

-- The rest of the world, each class of number with the permission it needs. +44 7700 … is 07700 … first.

for _, pattern in ipairs(site.numbers:variants()) do
  extension(pattern, { name = "national number in full" }, function(call)
    if not site.numbers:classify(call.dialled) then refusal.because(call, "unobtainable") end
    call:redirect(site.numbers:national(call.dialled))
  end)
end

for _, class in ipairs { "local", "national", "mobile", "nonGeographic", "short", "international", "premium" } do
  local needed = permissions.needs[class]
  for _, pattern in ipairs(site.numbers:patterns(class)) do
    extension(pattern, { name = class, needs = needed, refused = permissions.refusals[needed] }, function(call)
      site.outside:serve(call)
    end)
  end
end

-- Feature codes.

for pattern, code in pairs(codes) do
  extension(pattern, { name = code.name }, function(call) code.serve(call, call.matched) end)
end

-- 01865 610888 tells callers from outside that we are here, and which number they present.

extension("10888", { name = "test number", from = "trunk:pstn" }, function(call)
  local number = call.from.number
  call:playPrompt(say.join("demo-congrats", "belfry/caller-number-is",
    number ~= "" and say.digits(number) or "belfry/number-withheld"))
  call:hangup()
end)

-- Whatever else is dialled.

extension(".", { name = "no such number" }, function(call) refusal.because(call, "unobtainable") end)
