--- add remove includes doesNotInclude
test("blocked, and no more", function(t)
  t:list("blocked"):add("202"):includes("202")
  t:call { from = "202", to = "201" }:isRejected("declined")
  t:list("blocked"):remove("202"):doesNotInclude("202")
  t:call { from = "202", to = "201" }:hearsRinging()
end)
