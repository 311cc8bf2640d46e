local menu = require "mneu"
extension("600", function(call)
  menu.offer(call, {})
end)
