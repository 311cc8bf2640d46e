local menu = require "menu"

extension("610", function(call) call:bridge("201") end)

extension("600", function(call)
  menu.offer(call, {
    prompt  = "ext-or-zero",
    options = { ["1"] = "610", ["2"] = "620", ["61x"] = "dialled", ["3"] = function(c) c:hangup() end },
  })
end)
