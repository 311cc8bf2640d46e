--- play muteAll lock kick kickLast close
-- 700 is a meeting; 701 is for whoever runs it.
extension("700", function(call) call:conference("sales") end)

extension("701", function(call)
  local meeting = room("sales")
  if not meeting then call:reject("notFound") end
  local key = call:readDigits({ prompt = "belfry/please-choose", max = 1 }).digits
  if key == "1" then meeting:muteAll(true) end
  if key == "2" then meeting:lock(true) end
  if key == "3" then meeting:play("belfry/room-five-minutes") end
  if key == "4" then meeting:kickLast() end
  if key == "5" then meeting:kick(meeting.members[1].call) end
  if key == "6" then meeting:close() end
  call:playPrompt("belfry/confirmed")
end)
--- main_test.lua
test("the meeting is closed", function(t)
  local member = t:call { from = "201", to = "700" }
  member:isAnswered()
  t:call { from = "202", to = "701" }:hears("belfry/please-choose"):presses("6"):hears("belfry/confirmed")
  member:hasEnded()
  t:room("sales"):isEmpty()
end)
