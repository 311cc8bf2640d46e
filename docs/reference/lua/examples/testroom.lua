--- has count isEmpty
test("a moderator and a member", function(t)
  t:room("sales"):isEmpty()
  t:call { from = "201", to = "701" }:isAnswered()
  t:call { from = "202", to = "700" }:isAnswered()
  t:room("sales"):count(2):has("201", { moderator = true }):has("202", { moderator = false, muted = false })
end)
--- isLocked
extension("700", function(call) call:conference("sales", { moderator = call.from.line == "201" }) end)

extension("701", function(call)
  local meeting = room("sales")
  if not meeting then call:reject("notFound") end
  meeting:lock(true)
  call:playPrompt("conf-lockednow")
end)
--- main_test.lua
test("nobody else comes in", function(t)
  t:call { from = "201", to = "700" }:isAnswered()
  t:call { from = "202", to = "701" }:hears("conf-lockednow")
  t:room("sales"):isLocked()
end)
