-- Words out of recorded prompts: numbers, telephone numbers, dates and times, as lists for playPrompt.
--
--   call:playPrompt { "vm-received", say.dateTime(message.time) }
--
-- What is said, and in which order, is a language's own affair: say/en.lua. Another language is a file
-- like it and a line in m.languages. Times are the site's unless m.zone says otherwise.

local m = {}

m.languages = { en = require "say.en" }
m.zone = nil                                        ---@type string? such as "Europe/London"

-- The rules for "en", "en-GB" or nil; English where there are none.
local function rules(language)
  return m.languages[language or "en"] or m.languages[(language or ""):match("^%a+")] or m.languages.en
end

-- Which day it is, counted from an arbitrary one, so that days can be subtracted.
local function dayNumber(d)
  local year, month = d.year, d.month - 3           -- years that begin in March end in the leap day
  if month < 0 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * month + 2) / 5) + d.day
end

-- A time taken apart, and how many days ago it was.
local function calendar(epoch)
  local then_, today = date(epoch, { zone = m.zone }), date(now(), { zone = m.zone })
  return then_, dayNumber(today) - dayNumber(then_), today
end

-- 115: "one hundred and fifteen".
---@param n integer
---@param language? string
---@return string[]
function m.number(n, language) return rules(language).number(n) end

-- 3: "third".
---@param n integer
---@param language? string
---@return string[]
function m.ordinal(n, language) return rules(language).ordinal(n) end

-- A telephone number, digit by digit, in the groups in which people say it.
---@param number string
---@param language? string
---@return string[]
function m.digits(number, language) return rules(language).digits(number) end

-- "Friday third April", with the year unless it is this one.
---@param epoch number
---@param language? string
---@return string[]
function m.date(epoch, language)
  local d, _, today = calendar(epoch)
  return rules(language).date(d, d.year ~= today.year)
end

-- "three fifteen p m".
---@param epoch number
---@param language? string
---@return string[]
function m.time(epoch, language) return rules(language).time((calendar(epoch))) end

-- "today at three fifteen p m", "yesterday at …", "Monday at …" within a week, or the date.
---@param epoch number
---@param language? string
---@return string[]
function m.dateTime(epoch, language)
  local d, daysAgo, today = calendar(epoch)
  return rules(language).dateTime(d, daysAgo, d.year ~= today.year)
end

-- "three new messages". kind is "new", "saved" or "deleted".
---@param n integer
---@param kind string
---@param language? string
---@return string[]
function m.messages(n, kind, language) return rules(language).messages(n, kind) end

-- One list out of lists and prompts, as playPrompt takes it.
---@param ... Prompt
---@return Prompt[]
function m.join(...)
  local all = {}
  for _, part in ipairs { ... } do
    if type(part) == "table" then
      for _, prompt in ipairs(part) do all[#all + 1] = prompt end
    else
      all[#all + 1] = part
    end
  end
  return all
end

return m
