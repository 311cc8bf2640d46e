local t = {}
local n = 1 + 2 * t.three - 4

extension("600", function(call) call:answer() end)
