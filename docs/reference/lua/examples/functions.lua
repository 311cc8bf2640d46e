--- extension
-- 2 and two digits is somebody's line; 299 is not, though the pattern takes it too: the more specific one wins.
extension("2xx", { name = "lines" }, function(call)
  call:bridge(call.dialled)
end)

extension("299", { name = "nobody" }, function(call)
  call:reject("notFound")
end)
--- main_test.lua
test("a line is rung", function(t)
  t:phone("201"):answersAfter("2s")
  t:call { from = "202", to = "201" }:isTalkingTo("201")
end)

test("299 is nobody", function(t)
  t:call { from = "202", to = "299" }:isRejected("notFound")
end)
--- line
extension("600", function(call)
  local owner = line(call.from.line)
  if owner.voicemail then
    call:playPrompt("vm-youhave")
  else
    call:playPrompt("belfry/no-mailbox")
  end
end)
--- main_test.lua
test("202 has a mailbox, 203 has none", function(t)
  t:call { from = "202", to = "600" }:hears("vm-youhave")
  t:call { from = "203", to = "600" }:hears("belfry/no-mailbox")
end)
--- group
local huntgroup = require "huntgroup"
local numbers = require("numbering").new { country = "44", area = "1865", blocks = { ["2xx"] = "200200" } }
local outside = require("outside").new { numbers = numbers, trunks = { "pstn" } }

group("610", { name = "Sales", strategy = "sequential", members = { "201", "202" }, ringFor = "10s", mailbox = "201" })

extension("610", function(call) huntgroup.call(call, "610", outside) end)
--- main_test.lua
test("the second member answers when the first does not", function(t)
  t:phone("202"):answersAfter("2s")
  t:call { from = "203", to = "610" }:isTalkingTo("202")
  t:elapsed("12s", { within = "1s" })
end)
--- mailbox
extension("600", function(call)
  local box = mailbox(call.from.line)
  if not box then call:reject("unavailable") end
  call:playPrompt(#box:messages("new") > 0 and "vm-youhave" or "belfry/no-new-messages")
end)
--- main_test.lua
test("one is told whether there are new messages", function(t)
  t:mailbox("201"):add { from = "202" }
  t:call { from = "201", to = "600" }:hears("vm-youhave")
  t:call { from = "202", to = "600" }:hears("belfry/no-new-messages")
end)
--- room
extension("700", function(call)
  local here = room("sales")
  if here and #here.members >= 2 then call:reject("busy") end
  call:conference("sales")
end)
--- main_test.lua
test("there is room for two", function(t)
  t:call { from = "201", to = "700" }:isAnswered()
  t:call { from = "202", to = "700" }:isAnswered()
  t:room("sales"):count(2)
  t:call { from = "203", to = "700" }:isRejected("busy")
end)
--- list
local vips = list("vips")

extension("600", { from = "any" }, function(call)
  if vips:includes(call.from.number) then call:bridge("201") end
  call:reject("unavailable")
end)
--- main_test.lua
test("whoever is in the list comes through", function(t)
  t:phone("201"):answersAfter("1s")
  t:list("vips"):add("+447700900123")
  t:call { from = "+447700900123", to = "600" }:isTalkingTo("201"):hangsUp()
  t:call { from = "+447700900999", to = "600" }:isRejected("unavailable")
end)
--- store
local counts = store("counts")

extension("600", function(call)
  local nth = counts:update("calls", function(n) return (n or 0) + 1 end)
  call:playPrompt("number:" .. nth)
end)
--- main_test.lua
test("the second caller hears two", function(t)
  t:call { from = "201", to = "600" }:hears("digits/1"):hangsUp()
  t:call { from = "202", to = "600" }:hears("digits/2")
end)
--- schedule
local hours = schedule { "mon-fri 09:00-17:30", "sat 10:00-13:00", zone = "Europe/London", closedOn = { "12-25", "12-26" } }

extension("600", { from = "any" }, function(call)
  if hours:isOpen() then
    call:bridge("201")
  else
    call:playPrompt("belfry/closed")
  end
end)
--- main_test.lua
test("closed on Saturday afternoon", function(t)
  t:at("sat 14:00", { zone = "Europe/London" })
  t:call { from = "+447700900123", to = "600" }:hears("belfry/closed")
end)
--- now
extension("600", function(call)
  local before = now()
  call:bridge("201", { timeout = "20s" })
  log.info("that took", { seconds = now() - before })
end)
--- date
extension("600", function(call)
  call:playPrompt(date(now(), { zone = "Europe/London" }).hour < 12 and "good-morning" or "good-afternoon")
end)
--- main_test.lua
test("in the morning", function(t)
  t:at("09:30", { zone = "Europe/London" })
  t:call { from = "201", to = "600" }:hears("good-morning")
end)
--- test
extension("600", function(call) call:bridge("201", { timeout = "15s" }) end)
--- main_test.lua
test("201 is rung for 15 seconds", function(t)
  local caller = t:call { from = "202", to = "600" }
  t:phone("201"):isRinging()
  caller:hasEnded()
  t:elapsed("15s", { within = "1s" })
end)
--- check
-- A function of one's own whose options are checked as those of a verb are: an unknown one raises at the caller's line.
local function greet(call, options)
  local o = check("greet", options, { prompt = "hello-world", times = 1 })
  call:playPrompt(o.prompt, { times = o.times })
end

extension("600", function(call) greet(call, { times = 2 }) end)
--- main_test.lua
test("the greeting is heard twice", function(t)
  t:call { from = "201", to = "600" }:hears("hello-world"):hears("hello-world"):hasEnded()
end)
--- choose
-- What the keys mean. belfry test --cover tells that no test presses 9.
local departments = { ["1"] = "201", ["2"] = "202", ["9"] = "203", ["20x"] = "dialled" }

extension("600", function(call)
  local digits = call:readDigits({ prompt = "ext-or-zero", max = 3, between = "2s" }).digits
  local to = choose("departments", departments, digits)
  if not to then call:reject("notFound") end
  call:bridge(to == "dialled" and digits or to)
end)
--- main_test.lua
test("a key, and an extension", function(t)
  t:phone("202"):answersAfter("1s")
  t:call { from = "201", to = "600" }:hears("ext-or-zero"):presses("2"):isTalkingTo("202"):hangsUp()
  t:call { from = "201", to = "600" }:hears("ext-or-zero"):presses("202"):isTalkingTo("202")
end)
--- require
local voicemail = require "voicemail"

extension("*97", function(call) voicemail.readMessages(call, call.from.line) end)
--- main_test.lua
test("the owner is asked for the PIN", function(t)
  t:call { from = "201", to = "*97" }:hears("belfry/enter-pin-hash")
end)
