--- has isEmpty count
test("two messages", function(t)
  t:mailbox("201"):isEmpty()
  t:call { from = "202", to = "201" }:hears("tone:beep"):speaksFor("4s"):hangsUp()
  t:call { from = "203", to = "201" }:hears("tone:beep"):speaksFor("9s"):hangsUp()
  t:mailbox("201"):count(2):has { from = "202", length = "4s" }:has { from = "203", length = "9s", heard = false }
end)
--- add
test("the lamp tells of a message", function(t)
  t:mailbox("201"):add { from = "202", length = "7s", urgent = true }
  t:lamp("201"):isOn():shows { new = 1, urgent = 1 }
end)
--- setPin isLocked
test("three wrong PINs lock the mailbox", function(t)
  t:mailbox("201"):setPin("274951")
  local ana = t:call { from = "201", to = "*97" }
  for _ = 1, 3 do ana:hears("belfry/enter-pin-hash"):presses("111222#") end
  t:mailbox("201"):isLocked()
end)
--- hasGreeting setGreeting
test("a greeting of her own", function(t)
  t:mailbox("201"):setGreeting("busy", { length = "3s" }):hasGreeting("busy")
  t:phone("201"):isBusy()
  t:call { from = "202", to = "201" }:hearsRecording():hears("tone:beep")
end)
