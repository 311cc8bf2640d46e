extension("600", { from = "trunk:ptsn" }, function(call) call:answer() end)
