local ok, err = pcall(function() local t = nil; return t.x end)
if not ok then error(err, 0) end

extension("600", function(call) call:answer() end)
