-- What the load generator dials, a number for each kind of load.

local generator = { from = "trunk:bench" }

local function options(name)
  return { from = generator.from, name = name }
end

-- Joins the caller to the generator's own phone.
extension("2000", options "bridge", function(call) call:bridge("trunk:bench/2000") end)

-- One room for all.
extension("2001", options "one room", function(call)
  call:conference("everybody", { announce = false, maxMembers = 2000 })
end)

-- Rooms of five: every fifth caller opens the next one.
extension("2002", options "rooms of five", function(call)
  local callers = store("load"):update("callers", function(n) return (n or 0) + 1 end)
  call:conference("five-" .. math.floor((callers - 1) / 5), { announce = false })
end)

-- A prompt, again and again.
extension("2003", options "prompt", function(call)
  call:playPrompt("demo-congrats", { times = 1000 })
end)

-- Sends back what it hears.
extension("2004", options "echo", function(call) call:echo() end)
