-- Taking a call that rings at a colleague's telephone. Only members of a pickup group may take each other's calls.

local m = {}

local function refuse(call, prompt)
  call:playPrompt(prompt)
  call:hangup()
end

-- Takes the call that has rung longest in the caller's own group.
---@param call Call
function m.group(call)
  local group = line(call.from.line).pickupGroup
  if not group then return refuse(call, "belfry/pickup-not-member") end
  call:pickupGroup(group)
  refuse(call, "belfry/pickup-none")
end

-- Takes the call that rings at one telephone of the caller's group.
---@param call Call
---@param number string
function m.one(call, number)
  local mine, other = line(call.from.line).pickupGroup, line(number)
  if not mine then return refuse(call, "belfry/pickup-not-member") end
  if not other or other.pickupGroup ~= mine then return refuse(call, "belfry/pickup-not-allowed") end
  call:pickup(number)
  refuse(call, "belfry/pickup-line-none")
end

return m
