local menu = require "menu"

extension("610", function(call) call:bridge("201") end)

extension("600", function(call)
  menu.offer(call, {
    prompt  = "ext-or-zero",
    timeout = 6000,
    options = { ["1"] = "610" },
  })
end)
