-- This exchange among others: its numbers, the trunks to the rest of the world, and how its extensions ring. All
-- other files ask here.

local numbers = require("numbering").new {
  country = "44", area = "01865",
  blocks = {                                        -- an extension's first digit, and what the world dials before it
    ["7"] = "2",                                    -- 77513 is 01865 277513
    ["1"] = "6",                                    -- 15902 is 01865 615902
    ["8"] = "2",                                    -- 89000 is 01865 289000
  },
}

local trunks = { "pstn" }                           -- tried in this order; each is described in settings.lua

local outside = require("outside").new { numbers = numbers, trunks = trunks }
local ring = require("ring").new { outside = outside, ringFor = "25s" }

return {
  numbers = numbers,
  outside = outside,
  ring = ring,
  inbound = { "lines", "trunk:pstn" },              -- who may call our own numbers
  emergency = require("emergency").new { numbers = numbers, trunks = trunks, notify = { "77500" } },
  assistants = require("assistant").new { ring = ring, outside = outside, teams = require "assistants" },
}
