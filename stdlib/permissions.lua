-- What a line must be allowed before it may call a class of numbers, and what it hears otherwise.
--
-- Permissions are steps of a ladder: internal, local, national, mobile, international, premium. A line that
-- holds one holds those before it. Emergency numbers need none.

local m = {}

-- By class of number (numbering): the permission it needs.
m.needs = {
  internal      = "internal",
  ["local"]     = "local",
  short         = "local",
  national      = "national",
  nonGeographic = "national",
  mobile        = "mobile",
  international = "international",
  premium       = "premium",
}

-- By permission: what a line without it hears. For extension(…, { needs = , refused = }).
m.refusals = {
  ["local"]     = "belfry/not-authorised-external",
  national      = "belfry/not-authorised-national",
  mobile        = "belfry/not-authorised-mobile",
  international = "belfry/not-authorised-international",
  premium       = "belfry/not-authorised-premium",
}

-- Whether a line may call numbers of a class; if not, also what to tell it.
---@param owner Line?
---@param class string? of numbering:classify; nil: a number that cannot exist
---@return boolean allowed
---@return string? words
function m.allows(owner, class)
  if class == "emergency" then return true end
  if not class then return false, "belfry/number-unobtainable" end
  local needed = m.needs[class]
  if owner and owner:hasPermission(needed) then return true end
  return false, m.refusals[needed] or "belfry/restricted-code"
end

return m
