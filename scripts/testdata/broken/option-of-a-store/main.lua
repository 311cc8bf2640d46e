extension("600", function(call)
  store("guests"):set("a", true, { ttll = "24h" })
  call:hangup()
end)
