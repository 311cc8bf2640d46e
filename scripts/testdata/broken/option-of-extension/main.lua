extension("600", { form = "any" }, function(call) call:answer() end)
