--- isDown isUp
test("the trunk comes back", function(t)
  t:trunk("pstn"):isDown()
  t:call { from = "201", to = "01865277513" }:hasEnded()
  t:trunk("pstn"):isUp()
  t:outside("+441865277513"):answersAfter("1s")
  t:call { from = "201", to = "01865277513" }:isTalkingTo("+441865277513")
end)
--- rejects
test("the trunk has no line free", function(t)
  t:trunk("pstn"):rejects(503)
  t:call { from = "201", to = "01865277513" }:hasEnded()
end)
