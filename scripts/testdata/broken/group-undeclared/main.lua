group("600", { members = { "201" } })
extension("600", function(call)
  local g = group("601")
  if g and g:isLoggedIn("201") then call:bridge("201") else call:reject() end
end)
