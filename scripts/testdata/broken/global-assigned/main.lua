team = { "201" }
extension("600", function(call) call:bridge("201") end)
