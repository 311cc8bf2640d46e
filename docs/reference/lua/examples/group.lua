--- login logout isLoggedIn isMember
group("610", { name = "Sales", members = { "201", "202" } })

extension("*45", { name = "in or out of Sales" }, function(call)
  local sales = group("610")
  if not sales:isMember(call.from.line) then call:reject("forbidden") end
  if sales:isLoggedIn(call.from.line) then
    sales:logout(call.from.line)
    call:playPrompt("agent-loggedoff")
  else
    sales:login(call.from.line)
    call:playPrompt("agent-loginok")
  end
end)
--- main_test.lua
test("out, and in again", function(t)
  t:call { from = "201", to = "*45" }:hears("agent-loggedoff"):hasEnded()
  t:group("610"):hasLoggedOut("201")
  t:call { from = "201", to = "*45" }:hears("agent-loginok")
  t:group("610"):hasLoggedIn("201")
end)

test("203 is no member", function(t)
  t:call { from = "203", to = "*45" }:isRejected("forbidden")
end)
