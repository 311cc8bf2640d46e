-- Sales: one number for whoever is free.

local huntgroup = require "huntgroup"

group("610", { name = "Sales", members = { "201", "202" }, ringFor = "15s", mailbox = "201" })

extension("610", { name = "sales" }, function(call) huntgroup.call(call, "610") end)
