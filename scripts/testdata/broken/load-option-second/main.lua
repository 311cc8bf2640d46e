local function add(options) group("610", { members = { "201" } }) group("611", options) end
add { members = { "201" }, strateggy = "random" }

extension("600", function(call) call:answer() end)
