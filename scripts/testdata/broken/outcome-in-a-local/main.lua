extension("600", function(call)
  local outcome = call:bridge("201").outcome
  if outcome ~= "Answered" then call:hangup() end
end)
