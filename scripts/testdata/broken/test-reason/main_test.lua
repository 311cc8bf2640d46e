test("busy", function(t)
  t:call { from = "202", to = "600" }:isRejected("engaged")
end)
