extension("600", function(call)
  local r = call:bridge("201")
  if r.outcom == "answered" then return end
  call:hangup()
end)
