local t = {}
for _, x in ipairs({}) do log.info(x) end for _, x in ipairs(t.team) do log.info(x) end

extension("600", function(call) call:answer() end)
