test("goodbye", function(t)
  local caller = t:call { from = "202", to = "600" }
  caller:hears("vm-goodby")
end)
