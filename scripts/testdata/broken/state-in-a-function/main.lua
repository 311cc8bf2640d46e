local last

local function remember(number)
  last = number
end

extension("600", function(call)
  remember(call.from.number)
  call:answer()
end)
