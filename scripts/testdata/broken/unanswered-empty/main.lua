extension("600", function(call) end)
