local t = {}
local text = "a" .. "b" .. t.c .. "d"

extension("600", function(call) call:answer() end)
