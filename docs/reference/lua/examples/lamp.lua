--- isOn isOff shows
test("lit by a message", function(t)
  t:lamp("201"):isOff()
  t:mailbox("201"):add { from = "202" }
  t:lamp("201"):isOn():shows { new = 1, old = 0 }
end)
