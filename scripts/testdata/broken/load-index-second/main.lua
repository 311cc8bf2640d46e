local a, b = { x = { y = 1 } }, {}
local n = a.x.y + b.x.y

extension("600", function(call) call:answer() end)
