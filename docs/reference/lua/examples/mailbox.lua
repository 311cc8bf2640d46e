--- checkPin mustChangePin
extension("*98", { name = "a mailbox" }, function(call)
  local box = mailbox("201")
  local pin = call:readDigits { prompt = "vm-password", max = 6 }
  if box:checkPin(pin.digits) ~= "ok" then
    call:playPrompt("vm-incorrect")
    call:hangup()
  end
  call:playPrompt(box:mustChangePin() and "vm-newpassword" or "vm-youhave")
end)
--- main_test.lua
test("the wrong PIN", function(t)
  t:mailbox("201"):setPin("274951")
  t:call { from = "202", to = "*98" }:hears("vm-password"):presses("111222"):hears("vm-incorrect")
end)
--- setPin
extension("600", function(call)
  local box = mailbox(call.from.line)
  if not box then call:reject("unavailable") end
  local first = call:readDigits { prompt = "vm-newpassword", min = 6, max = 6 }
  local again = call:readDigits { prompt = "vm-reenterpassword", min = 6, max = 6 }
  if first.digits == again.digits and box:setPin(first.digits) then
    call:playPrompt("vm-passchanged")
  else
    call:playPrompt("vm-mismatch")
  end
end)
--- main_test.lua
test("twice the same", function(t)
  t:call { from = "201", to = "600" }:hears("vm-newpassword"):presses("294857"):hears("vm-reenterpassword"):presses("294857"):hears("vm-passchanged")
end)
--- messages
extension("600", function(call)
  local box = mailbox(call.from.line)
  if not box then call:reject("unavailable") end
  for _, message in ipairs(box:messages("new")) do
    call:playPrompt({ "vm-from", "number:" .. message.from, message.sound })
    message:markHeard()
  end
  call:playPrompt("vm-nomore")
end)
--- main_test.lua
test("a message is heard", function(t)
  t:mailbox("201"):add { from = "202", length = "7s" }
  t:call { from = "201", to = "600" }:hears("vm-from"):hearsRecording():hears("vm-nomore")
  t:mailbox("201"):has { from = "202", heard = true }
  t:lamp("201"):isOff()
end)
--- purge
extension("600", function(call)
  local box = mailbox(call.from.line)
  if not box then call:reject("unavailable") end
  for _, message in ipairs(box:messages("saved")) do message:delete() end
  box:purge()
  call:playPrompt("belfry/messages-emptied")
end)
--- main_test.lua
test("what was saved is gone", function(t)
  t:call { from = "201", to = "600" }:hears("belfry/messages-emptied")
end)
--- greeting setGreeting
extension("600", function(call)
  local box = mailbox(call.from.line)
  if not box then call:reject("unavailable") end
  box:setGreeting("name", call:record { prompt = "vm-rec-name", maxLength = "5s", silence = "2s" })
  call:playPrompt({ "belfry/name-saved", box:greeting("name") })
end)
--- main_test.lua
test("the name is kept", function(t)
  t:call { from = "201", to = "600" }:hears("vm-rec-name"):speaksFor("2s"):hears("belfry/name-saved"):hearsRecording()
  t:mailbox("201"):hasGreeting("name")
end)
