--- markHeard save delete undelete
extension("600", function(call)
  local box = mailbox(call.from.line)
  local message = box and box:messages("new")[1]
  if not message then
    call:playPrompt("belfry/no-new-messages")
    call:hangup()
  end
  call:playPrompt(message.sound)
  message:markHeard()
  local r = call:readDigits { prompt = "belfry/message-menu", max = 1 }
  if r.digits ~= "7" then
    message:save()
    call:playPrompt("belfry/message-saved")
    call:hangup()
  end
  message:delete()
  if call:readDigits({ prompt = "belfry/message-deleted", max = 1 }).digits == "7" then
    message:undelete()
    call:playPrompt("belfry/message-restored")
  end
end)
--- main_test.lua
test("deleted, and brought back", function(t)
  t:mailbox("201"):add { from = "202" }
  local caller = t:call { from = "201", to = "600" }
  caller:hearsRecording():hears("belfry/message-menu"):presses("7")
  caller:hears("belfry/message-deleted"):presses("7"):hears("belfry/message-restored")
  t:mailbox("201"):count(1)
end)
--- forward
extension("600", function(call)
  local box = mailbox(call.from.line)
  local message = box and box:messages("new")[1]
  if not message then call:reject("unavailable") end
  local words = call:record { prompt = "vm-record-prepend", maxLength = "30s", silence = "2s" }
  local done, err = message:forward("202", { introduction = words })
  if not done then log.warn("not forwarded", { why = err.message }) end
  call:playPrompt("vm-msgforwarded")
end)
--- main_test.lua
test("202 gets a copy", function(t)
  t:mailbox("201"):add { from = "203" }
  t:call { from = "201", to = "600" }:hears("vm-record-prepend"):speaksFor("3s"):hears("vm-msgforwarded")
  t:mailbox("202"):has { from = "203" }
end)
