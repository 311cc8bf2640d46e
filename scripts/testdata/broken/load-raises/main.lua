local function need(x) if not x then error("a team is missing", 2) end end
need(1) need(nil) need(1)

extension("600", function(call) call:answer() end)
