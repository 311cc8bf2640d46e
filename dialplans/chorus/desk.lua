-- What managers and assistants do from their phones: the call filter, calls on behalf, the whitelist.

local refusal = require "refusal"
local say     = require "say"
local site    = require "site"

local m = {}

-- The manager that is meant: the one that was dialled, or the only one whose calls this line may see to.
local function managerOf(call, dialled)
  local managers = site.assistants:managersOf(call.from.line)
  if #managers == 0 then return refusal.forbidden(call, "belfry/assistant-none") end
  if #managers == 1 and (dialled == "" or dialled == managers[1]) then return managers[1] end
  if dialled == "" then
    dialled = call:readDigits { prompt = "belfry/assistant-enter-manager", timeout = "10s" }.digits
  end
  for _, manager in ipairs(managers) do
    if manager == dialled then return manager end
  end
  refusal.forbidden(call, "belfry/assistant-not-yours")
end

function m.filter(call, dialled, on)
  local manager = managerOf(call, dialled)
  site.assistants:switch(manager, on, call.from.line)
  if manager == call.from.line then
    call:playPrompt(on and "belfry/assistant-filter-on" or "belfry/assistant-filter-off")
  else
    call:playPrompt(say.join(on and "belfry/assistant-filter-on-for" or "belfry/assistant-filter-off-for", say.digits(manager)))
  end
  call:hangup()
end

function m.callFor(call, number)
  local manager = managerOf(call, "")
  if number == "" then number = call:readDigits { prompt = "belfry/enter-number", timeout = "10s" }.digits end
  site.assistants:callFor(call, manager, number)
end

-- A number of ours is kept as its extension, any other in full, so that it is found however it is presented.
function m.whitelist(call, number, add)
  local manager = managerOf(call, "")
  if number == "" then number = call:readDigits { prompt = "belfry/list-enter-number", timeout = "10s" }.digits end
  local entry = site.numbers:internal(number) or site.numbers:e164(number)
  local vips, done = list("whitelist-" .. manager), nil
  if add then done = vips:add(entry) else done = vips:remove(entry) end
  local words = add and "belfry/list-added" or "belfry/list-removed"
  call:playPrompt(done and words or "belfry/feature-unavailable")
  call:hangup()
end

return m
