extension("7XXX", function(call) call:answer() end)
