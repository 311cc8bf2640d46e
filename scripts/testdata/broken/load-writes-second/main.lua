local vips = list("vips")
local n = { #vips.name, add = 1, vips:add("201") }

extension("600", function(call) call:answer() end)
