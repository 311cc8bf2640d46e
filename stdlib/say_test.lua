-- What numbers, dates and times sound like.

local say = require "say"

-- What is said, in one line, without what all digits begin with.
local function sounds(list, want)
  local got = table.concat(list, " "):gsub("digits/", "")
  assert(got == want, got .. ", not " .. want)
end

test("numbers", function(t)
  for n, words in pairs {
    ["0"] = "0", ["7"] = "7", ["20"] = "20", ["21"] = "20 1", ["100"] = "1 hundred", ["101"] = "1 hundred and 1", ["115"] = "1 hundred and 15",
    ["342"] = "3 hundred and 40 2", ["1000"] = "1 thousand", ["1001"] = "1 thousand and 1", ["1100"] = "1 thousand 1 hundred",
    ["21345"] = "20 1 thousand 3 hundred and 40 5", ["1234567"] = "1 million 2 hundred and 30 4 thousand 5 hundred and 60 7",
    ["2500000"] = "2 million 5 hundred thousand", ["1000000007"] = "1 billion and 7", ["-5"] = "minus 5", ["-1200"] = "minus 1 thousand 2 hundred",
  } do sounds(say.number(tonumber(n)), words) end
end)

test("ordinals", function(t)
  for n, words in pairs {
    ["1"] = "h-1", ["12"] = "h-12", ["20"] = "h-20", ["23"] = "20 h-3", ["31"] = "30 h-1", ["100"] = "1 h-hundred", ["105"] = "1 hundred and h-5",
  } do sounds(say.ordinal(tonumber(n)), words) end
end)

test("telephone numbers, in the groups in which people say them", function(t)
  local pause = " silence:200ms "
  for number, words in pairs {
    ["77502"] = "7 7 5 0 2",
    ["277513"] = "2 7 7" .. pause .. "5 1 3",
    ["02079460018"] = "0 2 0" .. pause .. "7 9 4 6" .. pause .. "0 0 1 8",
    ["08001234567"] = "0 8 0 0" .. pause .. "1 2 3" .. pause .. "4 5 6 7",
    ["+441865277513"] = "0 1 8 6 5" .. pause .. "2 7 7" .. pause .. "5 1 3",
    ["+12025550123"] = "letters/plus 1 2 0 2 5 5 5 0 1 2 3",
    ["03069990123"] = "0 3 0 6" .. pause .. "9 9 9" .. pause .. "0 1 2 3",
    ["*97#"] = "star 9 7 pound",
    ["999"] = "9 9 9",
    [""] = "",
  } do sounds(say.digits(number), words) end
end)

test("times of day", function(t)
  for hour, words in pairs {
    ["00:00"] = "midnight", ["12:00"] = "noon", ["00:30"] = "12 30 a-m", ["09:05"] = "9 oh 5 a-m", ["12:01"] = "12 oh 1 p-m",
    ["15:15"] = "3 15 p-m", ["17:00"] = "5 p-m", ["23:59"] = "11 50 9 p-m",
  } do
    t:at(hour, { zone = "Europe/London" })
    sounds(say.time(now()), words)
  end
end)

test("summer time is the site's", function(t)
  t:at("2026-07-01 12:00", { zone = "UTC" })
  sounds(say.time(now()), "1 p-m")
end)

-- When a message came, and what is said of it on Wednesday 4 March 2026 at noon.
for came, words in pairs {
  ["2026-03-04 12:00"] = "today at noon", ["2026-03-04 09:00"] = "today at 9 a-m", ["2026-03-03 12:00"] = "yesterday at noon",
  ["2026-03-03 00:00"] = "yesterday at midnight", ["2026-03-02 23:00"] = "day-1 at 11 p-m", ["2026-02-26 12:00"] = "day-4 at noon",
  ["2026-02-25 12:00"] = "day-3 20 h-5 mon-1 at noon", ["2025-11-24 12:00"] = "day-1 20 h-4 mon-10 20 20 5 at noon",
} do
  test("on 4 March: what came at " .. came, function(t)
    t:at(came, { zone = "Europe/London" })
    local then_ = now()
    t:at("2026-03-04 12:00", { zone = "Europe/London" })
    sounds(say.dateTime(then_), words)
  end)
end

test("dates have their year unless it is this one", function(t)
  for day, words in pairs {
    ["2026-03-04"] = "day-3 h-4 mon-2", ["2025-03-04"] = "day-2 h-4 mon-2 20 20 5", ["2000-03-04"] = "day-6 h-4 mon-2 2 thousand",
    ["2005-03-01"] = "day-2 h-1 mon-2 2 thousand and 5", ["1999-12-31"] = "day-5 30 h-1 mon-11 19 90 9", ["1905-05-05"] = "day-5 h-5 mon-4 19 oh 5",
    ["1900-01-01"] = "day-1 h-1 mon-0 19 hundred",
  } do
    t:at(day .. " 12:00", { zone = "Europe/London" })
    local then_ = now()
    t:at("2026-03-04 12:00", { zone = "Europe/London" })
    sounds(say.date(then_), words)
  end
end)

test("yesterday is yesterday all year round, whatever the month, the year or the clocks do", function(t)
  t:at("2023-12-25 23:50", { zone = "Europe/London" })
  for _ = 1, 2 * 366 do
    local before = now()
    t:at("00:10", { zone = "Europe/London" })
    sounds(say.dateTime(before), "yesterday at 11 50 p-m")
    t:at("23:50", { zone = "Europe/London" })
    sounds(say.dateTime(now()), "today at 11 50 p-m")
  end
end)

test("how many messages", function(t)
  sounds(say.messages(0, "new"), "vm-no vm-INBOX vm-messages")
  sounds(say.messages(1, "new"), "1 vm-INBOX vm-message")
  sounds(say.messages(21, "saved"), "20 1 belfry/saved-messages")
  sounds(say.messages(1, "deleted", "en-GB"), "1 belfry/deleted-message")
end)

test("a language there are no rules for is said in English", function(t)
  sounds(say.number(21, "en-GB"), "20 1")
  sounds(say.number(21, "xx"), "20 1")
end)

test("lists and prompts become one list", function(t)
  sounds(say.join("a", { "b", "c" }, {}, "d"), "a b c d")
end)
