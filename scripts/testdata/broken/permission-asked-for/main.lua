extension("600", function(call)
  local owner = line(call.from.line)
  if owner:hasPermission("frontdoor") then call:bridge("201") else call:reject("forbidden") end
end)
