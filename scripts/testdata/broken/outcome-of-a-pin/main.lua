extension("600", function(call)
  local verdict = mailbox("201"):checkPin("1234")
  if verdict == "good" then call:answer() else call:reject() end
end)
