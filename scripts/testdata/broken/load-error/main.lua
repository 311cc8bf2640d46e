local t = nil
local x = t.y
extension("600", function(call)
  call:answer()
end)
