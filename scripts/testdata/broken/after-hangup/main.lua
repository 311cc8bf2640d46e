extension("600", function(call)
  call:hangup()
  log.info("over")
end)
