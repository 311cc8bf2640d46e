local huntgroup = require "huntgroup"
local outside = require("outside").new { trunks = {} }

group("610", { members = { "201" } })

extension("610", function(call) huntgroup.call(call, "601", outside) end)
