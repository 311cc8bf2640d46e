local function count(n)
  for i = 1, 3 do
    local j = 0 repeat j = j + n until j == 0.5
  end
end
count(1)

extension("600", function(call) call:answer() end)
