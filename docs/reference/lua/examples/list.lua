--- includes add remove entries
extension("*30", { name = "block or unblock 202" }, function(call)
  local blocked = list("blocked")
  if blocked:includes("202") then
    blocked:remove("202")
    call:playPrompt("belfry/list-removed")
  else
    blocked:add("202")
    call:playPrompt({ "belfry/list-added", "count:" .. #blocked:entries() })
  end
end)
--- main_test.lua
test("blocked, and unblocked", function(t)
  t:call { from = "201", to = "*30" }:hears("belfry/list-added"):hasEnded()
  t:list("blocked"):includes("202")
  t:call { from = "201", to = "*30" }:hears("belfry/list-removed")
  t:list("blocked"):doesNotInclude("202")
end)
