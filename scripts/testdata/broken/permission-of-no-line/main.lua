extension("700", { needs = "frontDoor" }, function(call) call:bridge("201") end)
extension("701", { needs = "backDoor" }, function(call) call:bridge("201") end)
