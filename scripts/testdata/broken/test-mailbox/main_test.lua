test("a message", function(t)
  t:mailbox("201"):isEmpty()
  t:mailbox("202"):isEmpty()
end)
