-- How British English says things. The prompts are those of Asterisk's core sets, and a few of Belfry's.

local m = {}

local function add(list, ...)
  for _, prompt in ipairs { ... } do list[#list + 1] = prompt end
end

local function addAll(list, more)
  for _, prompt in ipairs(more) do list[#list + 1] = prompt end
end

local function digit(n) return "digits/" .. n end

-- 0 to 99, and 0 to 999.
local function tens(list, n)
  if n <= 20 or n % 10 == 0 then return add(list, digit(n)) end
  add(list, digit(n - n % 10), digit(n % 10))
end

local function hundreds(list, n)
  if n >= 100 then add(list, digit(math.floor(n / 100)), "digits/hundred") end
  if n > 100 and n % 100 > 0 then add(list, "digits/and") end
  if n < 100 or n % 100 > 0 then tens(list, n % 100) end
end

local scale = { { 1e9, "digits/billion" }, { 1e6, "digits/million" }, { 1e3, "digits/thousand" } }

function m.number(n)
  local list = {}
  if n < 0 then add(list, "digits/minus") end
  local rest = math.floor(math.abs(n))
  for _, step in ipairs(scale) do
    if rest >= step[1] then
      hundreds(list, math.floor(rest / step[1]))
      add(list, step[2])
      rest = rest % step[1]
    end
  end
  local large = #list > 0 and list[#list] ~= "digits/minus"
  if large and rest > 0 and rest < 100 then add(list, "digits/and") end
  if rest > 0 or not large then hundreds(list, rest) end
  return list
end

-- The last word of the number becomes an ordinal: twenty, third.
function m.ordinal(n)
  local list = m.number(n)
  local last = list[#list]:match("^digits/(.*)$")
  list[#list] = "digits/h-" .. last
  return list
end

-- How numbers of the United Kingdom are grouped: what they begin with, and the groups.
local groups = {
  { "^02",    3, 4, 4 },                            -- 020 7946 0018
  { "^0[389]", 4, 3, 4 },                           -- 0800 123 4567
  { "^0",     5, 3, 3 },                            -- 01865 277 513, 07700 900 123
  { "^......$", 3, 3 },                             -- 277 513
}

local signs = { ["+"] = "letters/plus", ["*"] = "digits/star", ["#"] = "digits/pound" }

function m.digits(number)
  number = number:gsub("^%+44", "0")
  local list, sizes, size, said = {}, { math.huge }, 1, 0
  for _, group in ipairs(groups) do
    if number:match(group[1]) then
      sizes = { unpack(group, 2) }
      break
    end
  end
  for char in number:gmatch("[%d%+%*#]") do
    if said == (sizes[size] or math.huge) then
      add(list, "silence:200ms")
      size, said = size + 1, 0
    end
    add(list, signs[char] or digit(char))
    said = said + 1
  end
  return list
end

local weekdays = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }

local function year(list, y)
  if y >= 2000 and y < 2010 or y < 1100 then return addAll(list, m.number(y)) end
  tens(list, math.floor(y / 100))
  if y % 100 == 0 then return add(list, "digits/hundred") end
  if y % 100 < 10 then add(list, "digits/oh") end
  tens(list, y % 100)
end

function m.date(d, withYear)
  local list = { "digits/day-" .. weekdays[d.weekday] }
  addAll(list, m.ordinal(d.day))
  add(list, "digits/mon-" .. (d.month - 1))
  if withYear then year(list, d.year) end
  return list
end

function m.time(d)
  if d.minute == 0 and d.hour == 0 then return { "digits/midnight" } end
  if d.minute == 0 and d.hour == 12 then return { "digits/noon" } end
  local list = { digit((d.hour + 11) % 12 + 1) }
  if d.minute > 0 and d.minute < 10 then add(list, "digits/oh") end
  if d.minute > 0 then tens(list, d.minute) end
  add(list, d.hour < 12 and "digits/a-m" or "digits/p-m")
  return list
end

function m.dateTime(d, daysAgo, withYear)
  local list = {}
  if daysAgo == 0 then add(list, "digits/today")
  elseif daysAgo == 1 then add(list, "digits/yesterday")
  elseif daysAgo > 1 and daysAgo < 7 then add(list, "digits/day-" .. weekdays[d.weekday])
  else addAll(list, m.date(d, withYear)) end
  add(list, "digits/at")
  addAll(list, m.time(d))
  return list
end

local kinds = {                                     -- one, several
  new     = { { "vm-INBOX", "vm-message" }, { "vm-INBOX", "vm-messages" } },
  saved   = { { "belfry/saved-message" }, { "belfry/saved-messages" } },
  deleted = { { "belfry/deleted-message" }, { "belfry/deleted-messages" } },
}

function m.messages(n, kind)
  local list = n == 0 and { "vm-no" } or m.number(n)
  addAll(list, kinds[kind][n == 1 and 1 or 2])
  return list
end

return m
