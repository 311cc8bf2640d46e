--- setDnd has
test("whoever wants no calls gets none", function(t)
  t:line("201"):setDnd(true):has { dnd = true, always = false }
  t:call { from = "202", to = "201" }:isRejected("busy")
end)
--- setForward
test("calls for Ana go to Ben", function(t)
  t:line("201"):setForward("always", "202")
  t:phone("202"):answersAfter("1s")
  t:call { from = "203", to = "201" }:isTalkingTo("202")
end)
--- setPermissions
test("Ben may call out once he is allowed to", function(t)
  t:call { from = "202", to = "01865277513" }:isRejected("forbidden")
  t:line("202"):setPermissions("national")
  t:outside("+441865277513"):answersAfter("1s")
  t:call { from = "202", to = "01865277513" }:isTalkingTo("+441865277513")
end)
