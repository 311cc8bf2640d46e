extension("7[2-5", function(call) call:answer() end)
