--- ring
extension("600", function(call)
  call:ring()
  call:sleep("3s")
  call:reject("unavailable")
end)
--- main_test.lua
test("the caller hears ringing first", function(t)
  local caller = t:call { from = "201", to = "600" }
  caller:hearsRinging()
  caller:isRejected("unavailable")
  t:elapsed("3s")
end)
--- answer
extension("600", function(call)
  call:answer()
  call:sleep("1s")
  call:playPrompt("hello-world")
end)
--- main_test.lua
test("the call is answered before anything is heard", function(t)
  t:call { from = "201", to = "600" }:isAnswered():hears("hello-world")
end)
--- reject
extension("600", { from = "any" }, function(call)
  if call.from.number == "" then call:reject("forbidden") end
  call:bridge("201")
end)
--- main_test.lua
test("those who withhold their number are turned away", function(t)
  t:call { from = "anonymous", to = "600" }:isRejected("forbidden")
end)
--- hangup
extension("600", function(call)
  call:playPrompt("vm-goodbye")
  call:hangup()
end)
--- main_test.lua
test("goodbye, and the call is over", function(t)
  t:call { from = "201", to = "600" }:hears("vm-goodbye"):hasEnded()
end)
--- playPrompt
extension("600", function(call)
  local r = call:playPrompt({ "vm-youhave", "number:3", "vm-messages" }, { interrupt = "#" })
  if r.outcome == "interrupted" then call:playPrompt("vm-goodbye") end
end)
--- main_test.lua
test("hash ends it", function(t)
  t:call { from = "201", to = "600" }:hears("vm-youhave"):presses("#"):hears("vm-goodbye")
end)
--- readDigits
extension("600", function(call)
  local r = call:readDigits { prompt = "enter-ext-of-person", max = 3, tries = 2, invalid = "pbx-invalid" }
  if r.outcome == "digits" then call:redirect(r.digits) end
  call:playPrompt("vm-goodbye")
end)

extension("2xx", function(call) call:bridge(call.dialled) end)
--- main_test.lua
test("a caller who knows an extension reaches it", function(t)
  t:phone("202"):answersAfter("1s")
  t:call { from = "201", to = "600" }:hears("enter-ext-of-person"):presses("202"):isTalkingTo("202")
end)

test("who presses nothing hears goodbye", function(t)
  t:call { from = "201", to = "600" }:hears("enter-ext-of-person"):hears("vm-goodbye")
end)
--- record
extension("600", function(call)
  local name = call:record { prompt = "vm-rec-name", maxLength = "5s", silence = "2s" }
  call:playPrompt({ name, "vm-received" })
end)
--- main_test.lua
test("what was said is heard again", function(t)
  t:call { from = "201", to = "600" }:hears("vm-rec-name"):speaksFor("2s"):hearsRecording():hears("vm-received")
end)
--- recordVoicemail
extension("600", { from = "any" }, function(call)
  local r, err = call:recordVoicemail("201", { maxLength = "2m" })
  if not r then
    log.warn("no message was taken", { why = err.code })
    call:reject("unavailable")
  end
end)
--- main_test.lua
test("a message is taken", function(t)
  t:call { from = "+447700900123", to = "600" }:hears("tone:beep"):speaksFor("7s"):hangsUp()
  t:mailbox("201"):has { from = "+447700900123", length = "7s" }
  t:lamp("201"):isOn()
end)
--- bridge
extension("600", function(call)
  local r = call:bridge({ "201", "202" }, { strategy = "sequential", ringFor = "12s" })
  if r.outcome == "answered" then return end
  call:bridge("trunk:pstn/+447700900123", { timeout = "30s" })
end)
--- main_test.lua
test("one after another", function(t)
  t:phone("202"):answersAfter("3s")
  t:call { from = "203", to = "600" }:isTalkingTo("202")
  t:elapsed("15s", { within = "1s" })
end)

test("at last, out by the trunk", function(t)
  t:phone("201"):isBusy()
  t:phone("202"):isBusy()
  t:outside("+447700900123"):answersAfter("4s")
  t:call { from = "203", to = "600" }:isTalkingTo("+447700900123")
end)
--- hold unhold
-- While they talk, a caller who presses * has the other side wait, and takes the call back with a second *.
extension("600", function(call)
  local waiting = false
  call:on("digit", function(event)
    if event.digit ~= "*" then return end
    waiting = not waiting
    if waiting then call:hold { music = "bells" } else call:unhold() end
  end)
  call:bridge("201")
end)
--- main_test.lua
test("a star holds and a star takes back", function(t)
  t:phone("201"):answersAfter("1s")
  local caller = t:call { from = "202", to = "600" }
  caller:isTalkingTo("201"):presses("*")
  t:wait("5s")
  caller:presses("*"):isTalkingTo("201")
end)
--- transfer
extension("600", function(call)
  call:playPrompt("pbx-transfer")
  call:transfer("201")
end)

extension("201", function(call) call:bridge("201") end)
--- main_test.lua
test("the caller is sent to 201", function(t)
  t:phone("201"):answersAfter("2s")
  t:call { from = "202", to = "600" }:hears("pbx-transfer"):isTalkingTo("201")
end)
--- redirect
extension("0", { name = "operator" }, function(call) call:redirect("201") end)

extension("201", function(call) call:bridge("201") end)
--- main_test.lua
test("nought is 201", function(t)
  t:phone("201"):answersAfter("2s")
  t:call { from = "202", to = "0" }:isTalkingTo("201")
end)
--- pickup pickupGroup
-- ** and a number takes a call that rings there; **3 the one that has rung longest in one's own pickup group.
extension("**2xx", function(call)
  call:pickup(call.dialled:sub(3))
  call:playPrompt("belfry/pickup-none")
end)

extension("**3", function(call)
  local team = line(call.from.line).pickupGroup
  if team then call:pickupGroup(team) end
  call:playPrompt("belfry/pickup-none")
end)

extension("2xx", function(call) call:bridge(call.dialled) end)
--- main_test.lua
test("Ben takes Ana's call", function(t)
  local caller = t:call { from = "203", to = "201" }
  t:phone("201"):isRinging()
  t:phone("202"):calls("**201"):isTalkingTo("203")
  caller:isTalkingTo("202")
end)

test("nothing rings", function(t)
  t:call { from = "201", to = "**3" }:hears("belfry/pickup-none")
end)
--- conference
extension("700", function(call)
  local r = call:conference("sales", { announce = true, maxMembers = 10 })
  if r.outcome == "full" then call:playPrompt("conf-full") end
end)
--- main_test.lua
test("two meet", function(t)
  t:call { from = "201", to = "700" }:isAnswered()
  t:call { from = "202", to = "700" }:isTalkingTo("201")
  t:room("sales"):has("202")
end)
--- startRecording stopRecording
extension("600", function(call)
  call:playPrompt("conf-now-recording")
  local file, err = call:startRecording { format = "wav" }
  if not file then log.error("not recorded", { why = err.message }) end
  call:bridge("201")
  call:stopRecording()
  call:playPrompt("vm-goodbye")
end)
--- sleep
extension("600", function(call)
  call:answer()
  call:sleep("2s")
  call:playPrompt("hello-world")
end)
--- main_test.lua
test("two seconds pass", function(t)
  t:call { from = "201", to = "600" }:hears("hello-world")
  t:elapsed("2s")
end)
--- sendDigits
extension("600", function(call)
  call:answer()
  call:sleep("1s")
  call:sendDigits("12#")
end)
--- startMusic stopMusic
extension("600", function(call)
  call:answer()
  call:startMusic("bells")
  call:sleep("30s")
  call:stopMusic()
  call:playPrompt("vm-goodbye")
end)
--- main_test.lua
test("music, and then goodbye", function(t)
  t:call { from = "201", to = "600" }:hearsMusic():hears("vm-goodbye")
  t:elapsed("30s")
end)
--- tone
extension("600", function(call)
  call:tone("busy")
  call:sleep("10s")
  call:hangup()
end)
--- main_test.lua
test("ten seconds of the busy tone", function(t)
  t:call { from = "201", to = "600" }:hears("tone:busy"):hasEnded()
end)
--- echo
extension("*43", { name = "echo test" }, function(call)
  call:playPrompt("demo-echotest")
  call:echo("30s")
  call:playPrompt("demo-echodone")
end)
--- main_test.lua
test("for half a minute", function(t)
  t:call { from = "201", to = "*43" }:hears("demo-echotest"):hears("demo-echodone")
end)
--- on
extension("600", function(call)
  call:on("digit", function(event) log.info("pressed", { key = event.digit }) end)
  call:bridge("201")
end)
--- setMuted isMuted
extension("700", function(call)
  call:on("digit", function(event)
    if event.digit == "1" then call:setMuted(not call:isMuted()) end
  end)
  call:conference("sales")
end)
--- main_test.lua
test("1 mutes, and 1 again unmutes", function(t)
  local caller = t:call { from = "201", to = "700" }
  caller:hears("conf-onlyperson"):hearsNothing():presses("1")
  t:room("sales"):has("201", { muted = true })
  caller:presses("1")
  t:room("sales"):has("201", { muted = false })
end)
--- leave
extension("700", function(call)
  call:on("digit", function(event)
    if event.digit == "#" then call:leave() end
  end)
  call:conference("sales")
  call:playPrompt("vm-goodbye")
end)
--- main_test.lua
test("hash leaves the room", function(t)
  t:call { from = "201", to = "700" }:hears("conf-onlyperson"):hearsNothing():presses("#"):hears("vm-goodbye")
end)
--- onHangup
local waiting = store("waiting")

extension("600", function(call)
  waiting:set(call.id, true)
  call:onHangup(function() waiting:set(call.id, nil) end)
  call:bridge("201")
end)
