extension("00.", { needs = "internationl" }, function(call) call:bridge("trunk:pstn/" .. call.dialled) end)
