extension("600", function(call)
  local r = call:readDigits { prompt = "vm-intro" }
  if r.outcome == "answered" then call:redirect("600") end
end)
