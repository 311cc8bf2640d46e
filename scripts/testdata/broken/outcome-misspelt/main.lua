extension("600", function(call)
  local r = call:bridge("201")
  if r.outcome == "noanswer" then call:hangup() end
end)
