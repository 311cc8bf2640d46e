extension("600", function(call) call:answer() end) extension("600", function(call) call:hangup() end)
