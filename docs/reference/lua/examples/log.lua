--- info warn error
extension("600", function(call)
  local result = call:bridge({ "201", "202" })
  if result.outcome == "answered" then
    log.info("the team took a call", { by = result.by })
  elseif result.outcome == "unreachable" then
    log.error("no phone of the team is connected")
  else
    log.warn("nobody was free", { outcome = result.outcome })
  end
end)
--- main_test.lua
test("one of the team answers", function(t)
  t:phone("202"):answersAfter("3s")
  t:call { from = "203", to = "600" }:isTalkingTo("202")
end)
