extension("600", function(call)
  local r = call:readDigits { prompt = "vm-extension", min = 5, max = 2 }
  if r.outcome == "timeout" then call:hangup() end
end)
