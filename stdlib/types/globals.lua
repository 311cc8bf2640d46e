---@meta
-- Generated from scripts/api. Do not edit.

---@alias Duration string|number "20s", "1m30s", "250ms", or seconds
---@alias Digits string a telephone number
---@alias Prompt string|Recording|(string|Recording)[] a name, "tone:busy", "number:77513", "count:5", "time:…", "silence:2s", a recording, or a list
---@alias Music string a file of the folder music, "tone:…" or "silence:2s"
---@alias Route string|fun(call: Call) a number, as if it had been dialled, or what to do
---@alias Routes table<string, Route> by what the caller dials: digits, or a pattern of x and n, which may lead to "dialled"
---@alias Targets string|string[] "77513", "trunk:NAME/NUMBER", "sip:user@host", or a list
---@alias Texts string|string[]
---@alias Keys string|boolean keys of a telephone; true: any, false: none
---@alias Time number seconds since 1970, UTC
---@alias Diverted { number: string, reason?: string }
---@alias Members (string|{ [1]: string, ringFor?: Duration, weight?: number })[]

---@class extension.Options
---@field from? Texts Who may reach it: "lines", "any", "trunk:NAME", or a list. Default: "lines".
---@field needs? string A permission the calling line must hold: "national", "international" …
---@field refused? Prompt What a line without that permission hears before it is rejected. Default: that the code is restricted.
---@field name? string For traces, logs and the portal.
---@field emergency? boolean Never refused, whatever the caller may not do; each call is audited. Default: false.

--- Registers who answers a number. The most specific pattern wins, place by place.
---
--- ```lua
--- extension("7xxxx", { name = "lines" }, function(call) call:bridge(call.dialled) end)
--- ```
---@param pattern string Digits * # + as they are; x any digit, z 1-9, n 2-9, [2-5] a set, a final . one or more of anything.
---@param options? extension.Options
---@param handler fun(call: Call)
---@overload fun(pattern: string, handler: fun(call: Call))
function extension(pattern, options, handler) end

--- A line of this exchange, or nil.
---
--- ```lua
--- local owner = line("77513")
--- ```
---@param number Digits Its number.
---@return Line?
function line(number) end

---@class group.Options
---@field kind? "hunt"|"pickup"|"assistant" What it is for. Default: "hunt".
---@field name? string For people.
---@field strategy? "sequential"|"simultaneous"|"circular"|"longestIdle"|"random"|"weighted" In which order members ring. Default: "sequential".
---@field members? Members Numbers, or tables { number, ringFor =, weight = }.
---@field ringFor? Duration Each member. Default: "15s".
---@field timeout? Duration In all.
---@field overflow? Digits Where a call goes that nobody takes.
---@field overflowNobody? Digits … because no member could be rung.
---@field overflowLoggedOut? Digits … because all members are logged out.
---@field overflowBusy? Digits … because all members are busy.
---@field overflowNoAnswer? Digits … because nobody answered.
---@field mailbox? Digits Where a message goes that nobody takes.
---@field manager? Digits Of an assistant group: whose calls the members take.
---@field fallback? string Of an assistant group: who takes calls while no member is there.
---@field music? Prompt What callers hear while members ring.
---@field announce? Prompt What a member hears before being joined.

--- A group. With options, while the dialplan is loaded, it declares one; with the number alone it reads one.
---
--- ```lua
--- group("600", { kind = "hunt", strategy = "sequential", members = { "77513", "77514" }, ringFor = "12s" })
--- ```
---@param number Digits Its number.
---@param options? group.Options
---@return Group?
function group(number, options) end

--- A mailbox, or nil.
---
--- ```lua
--- local box = mailbox(call.from.line)
--- ```
---@param number Digits Whose.
---@return Mailbox?
function mailbox(number) end

--- A conference that somebody is in, or nil.
---
--- ```lua
--- local here = room("physics")
--- ```
---@param name string As given to call:conference.
---@return Room?
function room(name) end

--- A list of numbers by its name; it need not exist yet.
---
--- ```lua
--- local vips = list("vips/77513")
--- ```
---@param name string Its name.
---@return List
function list(name) end

--- Values that outlive calls and reloads, by name.
---
--- ```lua
--- local turns = store("turns")
--- ```
---@param name string Its name.
---@return Store
function store(name) end

---@class schedule.Options
---@field zone? string The time zone. Default: the machine's.
---@field closedOn? Texts Days that are closed: "2026-12-25", or "12-25" every year.
---@field [integer] string

--- Hours: a list of texts such as "mon-fri 09:00-17:30", "sat 10:00-13:00", "sun".
---
--- ```lua
--- local hours = schedule { "mon-fri 09:00-17:30", zone = "Europe/London", closedOn = { "12-25", "2026-08-31" } }
--- ```
---@param options? schedule.Options
---@return Schedule
function schedule(options) end

--- The time.
---
--- ```lua
--- local today = date(now()).weekday
--- ```
---@return Time
function now() end

---@class date.Options
---@field zone? string The time zone. Default: the machine's.

--- Takes a time apart.
---
--- ```lua
--- if date().hour < 12 then call:playPrompt("good-morning") end
--- ```
---@param time? Time Which.
---@param options? date.Options
---@return Date
function date(time, options) end

--- A test of the dialplan, in a file x_test.lua. It runs under belfry test and is ignored elsewhere.
---
--- ```lua
--- test("the second person answers", function(t) t:phone("77513"):isBusy() end)
--- ```
---@param name string What is true.
---@param fn fun(t: Test) Shows it.
function test(name, fn) end

--- For modules: checks an options table as the built-in verbs do, at the caller's line, and returns it with defaults filled in.
---
--- ```lua
--- local o = check("menu", options, { prompt = "", timeout = "5s", tries = 3 })
--- ```
---@param what string Whose options.
---@param given? any What the caller gave; nil: nothing.
---@param known table Every option with its default; false for one that has none.
---@return table
function check(what, given, known) end

--- What digits stand for in a table of choices: exactly those digits, or else the most specific pattern they fit; nil if there is none. belfry test --cover tells which choices no test makes.
---
--- ```lua
--- local what = choose("my menu", { ["1"] = "600", ["7xxxx"] = "dialled" }, r.digits)
--- ```
---@param name string What people call the menu.
---@param choices table By digits or patterns, as for extension.
---@param digits string What was dialled.
---@return any?
function choose(name, choices, digits) end

--- A module: a file of the dialplan's folder, or of the standard library.
---
--- ```lua
--- local menu = require "menu"
--- ```
---@param name string Without .lua; folders by dots or slashes.
---@return any
function require(name) end

--- Writes to the exchange's log, with the call's id and the line in the script.
log = {}

--- Something happened.
---
--- ```lua
--- log.info("nobody was free", { team = "sales" })
--- ```
---@param text any What to say.
---@param options? table
function log.info(text, options) end

--- Something is not as it should be.
---
--- ```lua
--- log.warn("nobody was free", { team = "sales" })
--- ```
---@param text any What to say.
---@param options? table
function log.warn(text, options) end

--- Something is wrong.
---
--- ```lua
--- log.error("nobody was free", { team = "sales" })
--- ```
---@param text any What to say.
---@param options? table
function log.error(text, options) end
