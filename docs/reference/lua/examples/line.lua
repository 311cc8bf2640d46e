--- setDnd
extension("*78", { name = "do not disturb" }, function(call)
  local owner = line(call.from.line)
  local on = not owner.dnd
  owner:setDnd(on)
  call:playPrompt(on and "belfry/dnd-on" or "belfry/dnd-off")
end)
--- main_test.lua
test("*78 switches it on", function(t)
  t:call { from = "201", to = "*78" }:hears("belfry/dnd-on")
  t:line("201"):has { dnd = true }
end)
--- setForward lastForward
extension("*72", { name = "forward to where it went last" }, function(call)
  local owner = line(call.from.line)
  local to = owner:lastForward("always")
  if to and owner:setForward("always", to) then
    call:playPrompt("belfry/confirmed")
  else
    call:playPrompt("belfry/forwarding-no-last")
  end
end)

extension("*73", { name = "forward no more" }, function(call)
  line(call.from.line):setForward("always", nil)
  call:playPrompt("belfry/forwarding-off")
end)
--- main_test.lua
test("off, and on again", function(t)
  t:line("201"):setForward("always", "202")
  t:call { from = "201", to = "*73" }:hears("belfry/forwarding-off"):hasEnded()
  t:line("201"):has { always = false }
  t:call { from = "201", to = "*72" }:hears("belfry/confirmed")
  t:line("201"):has { always = "202" }
end)
--- hasPermission
extension("600", function(call)
  if line(call.from.line):hasPermission("international") then
    call:bridge("trunk:pstn/+33123456789")
  else
    call:reject("forbidden")
  end
end)
--- main_test.lua
test("202 may not", function(t)
  t:call { from = "202", to = "600" }:isRejected("forbidden")
end)
--- calls
extension("*69", { name = "call return" }, function(call)
  local missed = line(call.from.line):calls({ kind = "missed", limit = 1 })[1]
  if not missed then
    call:playPrompt("belfry/last-caller-none")
    call:hangup()
  end
  call:redirect(missed.number)
end)

extension("2xx", function(call) call:bridge(call.dialled, { timeout = "10s" }) end)
--- main_test.lua
test("nobody has called", function(t)
  t:call { from = "201", to = "*69" }:hears("belfry/last-caller-none")
end)

test("who called is called", function(t)
  t:call { from = "202", to = "201" }:hasEnded()
  t:phone("202"):answersAfter("1s")
  t:call { from = "201", to = "*69" }:isTalkingTo("202")
end)
