-- Feature codes: what each is called, and what it does with the caller and with the digits after it. Codes that
-- Chorus never had are the customary ones of FreePBX.

local features  = require "features"
local pickup    = require "pickup"
local site      = require "site"
local voicemail = require "voicemail"

local m = {}

-- A code that stands alone, or is followed by a number.
local function code(digits, name, serve)
  m[digits] = { name = name, serve = serve }
end

local function codeWithNumber(digits, name, serve)
  code(digits, name, serve)
  m[digits .. "."] = { name = name, serve = serve }
end

-- Forwarding: the code and a number, or the code alone for where calls went the last time.

for on, forward in pairs {
  ["*72"] = { kind = "always",   off = "*73", name = "forward all calls" },
  ["*90"] = { kind = "busy",     off = "*91", name = "forward when busy" },
  ["*52"] = { kind = "noAnswer", off = "*53", name = "forward on no answer" },
} do
  codeWithNumber(on, forward.name, function(call, number) features.forwardOn(call, forward.kind, number, site.outside) end)
  code(forward.off, forward.name .. ": off", function(call) features.forwardOff(call, forward.kind) end)
end

code("*78", "do not disturb",      function(call) features.doNotDisturb(call, true) end)
code("*79", "do not disturb: off", function(call) features.doNotDisturb(call, false) end)

-- Voicemail: mine, or any.

code("*97", "my messages", function(call) voicemail.readMessages(call, mailbox(call.from.line) and call.from.line) end)
codeWithNumber("*98", "any mailbox", function(call, number) voicemail.readMessages(call, number ~= "" and number or nil) end)

-- Pickup: a call that rings in my group, or at one telephone of it.

code("**3", "group pickup", pickup.group)
for _, pattern in ipairs { "7xxxx", "1xxxx", "8xxxx" } do
  code("**" .. pattern, "directed pickup", function(call) pickup.one(call, call.dialled:sub(3)) end)
end

-- Hunt groups: in if I am out, out if I am in.

codeWithNumber("*45", "group log-in", function(call, number) features.groupLogin(call, number) end)

-- Executives and assistants: with several managers, the manager's number follows the code.

local desk = require "desk"
codeWithNumber("*84", "call filter on",  function(call, manager) desk.filter(call, manager, true) end)
codeWithNumber("*85", "call filter off", function(call, manager) desk.filter(call, manager, false) end)
codeWithNumber("*86", "call on behalf",  function(call, number) desk.callFor(call, number) end)
codeWithNumber("*87", "whitelist: add",    function(call, number) desk.whitelist(call, number, true) end)
codeWithNumber("*88", "whitelist: remove", function(call, number) desk.whitelist(call, number, false) end)

-- Small services.

code("*43", "echo test",       features.echoTest)
code("*60", "speaking clock",  features.clock)
code("*65", "my own number",   function(call) features.whoAmI(call, site.numbers) end)
code("*69", "call return",     features.callReturn)

return m
