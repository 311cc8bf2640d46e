group("600", { members = { "201", "2002" } })
extension("600", function(call)
  call:bridge("201")
end)
