local t = { n = 1 }
if 1 < 2 and t.n < t.m then log.info("less") end

extension("600", function(call) call:answer() end)
