extension("600", function(call)
  call:answer()
  log.info(call.form.number)
end)
