-- What a dialled number means: one of ours, or whose else, in any form that people write it.
--
--   local numbers = require("numbering").new {
--     country = "44", area = "01865",
--     blocks = { ["7"] = "2", ["1"] = "6" },       -- 77513 is 01865 2 77513, 15902 is 01865 6 15902
--   }
--   numbers:external("15902")         --> "+441865615902"
--   numbers:internal("01865277513")   --> "77513"
--   numbers:classify("07700900123")   --> "mobile"

local m = {}

m.plans = { ["44"] = require "numbering.uk" }       -- by country code

-- A pattern of digits, x, n and sets, as in extension(), as one of Lua's.
local function luaPattern(pattern) return (pattern:gsub("x", "%%d"):gsub("n", "[2-9]")) end

-- Whether a number has the form of a pattern.
---@param number string
---@param pattern string
---@return boolean
function m.fits(number, pattern) return number:match("^" .. luaPattern(pattern) .. "$") ~= nil end

local function fitsAny(number, patterns)
  for _, pattern in ipairs(patterns) do
    if m.fits(number, pattern) then return true end
  end
  return false
end

-- Whether a number begins as a pattern says.
local function begins(number, pattern) return number:match("^" .. luaPattern(pattern)) ~= nil end

-- What follows prefix, or nil.
local function after(number, prefix)
  if number:sub(1, #prefix) == prefix then return number:sub(#prefix + 1) end
end

---@class Numbering
local Numbering = {}
Numbering.__index = Numbering

---@param options { country: string, area: string, blocks: table<string, string>, length?: integer, subscriber?: integer }
---blocks: the first digit of an extension → what stands before it in its subscriber number;
---length: digits of an extension (5); subscriber: digits of a number in our area, dialled without its code (6)
---@return Numbering
function m.new(options)
  local o = check("numbering.new", options, { country = "", area = "", blocks = {}, length = 5, subscriber = 6 })
  local plan = m.plans[o.country] or error("there is no numbering plan for country " .. o.country)
  local self = setmetatable({
    country = o.country, blocks = o.blocks, plan = plan, length = o.length, subscriber = o.subscriber,
    area = after(o.area, plan.trunk) or o.area,
  }, Numbering)
  self.kinds = { { self.area, "local", #self.area + self.subscriber } }
  for _, kind in ipairs(plan.numbers) do self.kinds[#self.kinds + 1] = kind end
  return self
end

-- An extension as the world knows it; nil for what is no extension.
---@param extension string
---@return string?
function Numbering:external(extension)
  local before = self.blocks[extension:sub(1, 1)]
  if before and #extension == self.length and extension:match("^%d+$") then
    return "+" .. self.country .. self.area .. before .. extension
  end
end

-- Our extension behind a number in any form, dialled or presented; nil for a number that is not ours.
---@param number string
---@return string?
function Numbering:internal(number)
  if self:external(number) then return number end
  local subscriber = after(self:significant(number) or "", self.area)
  if not subscriber then return nil end
  local extension = subscriber:sub(-self.length)
  if self:external(extension) == "+" .. self.country .. self.area .. subscriber then return extension end
end

-- A national number without 0 or country code; nil for any other.
---@param number string
---@return string?
function Numbering:significant(number)
  if not number:match("^%+?%d+$") then return nil end
  if m.fits(number, "n" .. ("x"):rep(self.subscriber - 1)) then return self.area .. number end
  local abroad = after(number, "+") or after(number, self.plan.international)
  if abroad then
    local rest = after(abroad, self.country)
    return rest and (after(rest, self.plan.trunk) or rest)          -- +44 (0)1865 …
  end
  local bare = #number > #self.area + self.subscriber and after(number, self.country)
  if bare then return bare end
  return after(number, self.plan.trunk)
end

-- The number as a trunk takes it, +44… or +1…; short codes stay as they are.
---@param number string
---@return string
function Numbering:e164(number)
  local significant = self:significant(number)
  if significant then return "+" .. self.country .. significant end
  local abroad = after(number, self.plan.international)
  return abroad and "+" .. abroad or self:external(number) or number
end

-- The number as it is dialled within the country, 01865 …; nil for one elsewhere.
---@param number string
---@return string?
function Numbering:national(number)
  local significant = self:significant(number)
  return significant and self.plan.trunk .. significant
end

-- What kind of number it is; nil for one that cannot exist.
---@param number string
---@return "emergency"|"internal"|"local"|"national"|"mobile"|"nonGeographic"|"premium"|"international"|"short"|nil
function Numbering:classify(number)
  if self:internal(number) then return "internal" end
  for class, codes in pairs(self.plan.codes) do
    if fitsAny(number, codes) then return class end
  end
  local significant = self:significant(number)
  if significant then return self:kindOf(significant) end
  local abroad = after(number, "+") or after(number, self.plan.international)
  if not abroad or not abroad:match("^[1-9]%d+$") or #abroad < 7 or #abroad > 15 then return nil end
  for _, prefix in ipairs(self.plan.premiumAbroad) do
    if begins(abroad, prefix) then return "premium" end
  end
  return "international"
end

---@private
function Numbering:kindOf(significant)
  for _, kind in ipairs(self.kinds) do
    if begins(significant, kind[1]) then
      for i = 3, #kind do
        if #significant == kind[i] then return kind[2] end
      end
      return nil
    end
  end
end

-- The patterns of our own numbers as they are dialled from outside, for extension().
---@return string[]
function Numbering:forms()
  local plan, patterns = self.plan, {}
  local prefixes = { plan.trunk, self.country }
  for _, sign in ipairs { "+", plan.international } do
    prefixes[#prefixes + 1] = sign .. self.country
    prefixes[#prefixes + 1] = sign .. self.country .. plan.trunk
  end
  for first, before in pairs(self.blocks) do
    local subscriber = before .. first .. ("x"):rep(self.length - 1)
    patterns[#patterns + 1] = subscriber
    for _, prefix in ipairs(prefixes) do patterns[#patterns + 1] = prefix .. self.area .. subscriber end
  end
  table.sort(patterns)
  return patterns
end

-- The patterns of national numbers that are written with the country's code, for extension(): national says how
-- each is written at home, where it is told by class.
---@return string[]
function Numbering:variants()
  local bare = self.country .. ("x"):rep(#self.area + self.subscriber)
  return { "+" .. self.country .. ".", self.plan.international .. self.country .. ".", bare, bare:sub(1, -2) }
end

-- The patterns of all numbers of a class, for extension(), as they are written at home. The most specific decides,
-- as it does in classify, which also says which of them cannot exist.
---@param class string
---@return string[]
function Numbering:patterns(class)
  local patterns = {}
  local function add(pattern) patterns[#patterns + 1] = pattern end
  for _, kind in ipairs(self.kinds) do
    if kind[2] == class then add(self.plan.trunk .. kind[1] .. ".") end
  end
  if class == "local" then add("n" .. ("x"):rep(self.subscriber - 1)) end
  for _, code in ipairs(self.plan.codes[class] or {}) do add(code) end
  for _, sign in ipairs { "+", self.plan.international } do
    if class == "international" then add(sign .. "z.") end
    for _, code in ipairs(class == "premium" and self.plan.premiumAbroad or {}) do add(sign .. code .. ".") end
  end
  return patterns
end

return m
