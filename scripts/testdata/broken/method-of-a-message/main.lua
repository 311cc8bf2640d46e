extension("600", function(call)
  call:answer()
  for _, message in ipairs(mailbox("201"):messages("new")) do
    message:remove()
  end
end)
