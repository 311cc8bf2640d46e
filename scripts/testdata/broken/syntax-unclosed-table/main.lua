local team = {
  "201",
  "202"

extension("600", function(call) call:bridge(team) end)
