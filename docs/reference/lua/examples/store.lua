--- get set
-- Guests get in for eight hours with what 600 tells them.
extension("600", function(call)
  store("guests"):set("4711", call.from.line, { ttl = "8h" })
  call:playPrompt("number:4711")
end)

extension("601", { from = "any" }, function(call)
  local pin = call:readDigits({ prompt = "vm-password", max = 4 }).digits
  local host = pin ~= "" and store("guests"):get(pin)
  if not host then
    call:playPrompt("vm-incorrect")
    call:hangup()
  end
  call:bridge(host)
end)
--- main_test.lua
test("a guest comes through", function(t)
  t:phone("201"):answersAfter("1s")
  t:call { from = "201", to = "600" }:hears({ "digits/4", "digits/7", "digits/1", "digits/1" }):hangsUp()
  t:call { from = "+447700900123", to = "601" }:hears("vm-password"):presses("4711"):isTalkingTo("201")
end)

test("not after eight hours", function(t)
  t:call { from = "201", to = "600" }:hears("digits/4"):hangsUp()
  t:wait("8h")
  t:call { from = "+447700900123", to = "601" }:hears("vm-password"):presses("4711"):hears("vm-incorrect")
end)
--- update
-- Ana and Ben take turns.
extension("600", function(call)
  local turn = store("turns"):update("600", function(n) return (n or 0) % 2 + 1 end)
  call:bridge(({ "201", "202" })[turn])
end)
--- main_test.lua
test("first Ana, then Ben", function(t)
  t:phone("201"):answersAfter("1s")
  t:phone("202"):answersAfter("1s")
  t:call { from = "203", to = "600" }:isTalkingTo("201"):hangsUp()
  t:call { from = "203", to = "600" }:isTalkingTo("202")
end)
