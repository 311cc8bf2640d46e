package stdlib_test

import (
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/pattern"
)

// fakes is an exchange whose people do what a test says, and which writes down what happens to a
// caller. It knows nothing of time or sound: what it is good for is the order of things.
const fakes = `
lines, boxes, groups, lists, stores, steps, outside = {}, {}, {}, {}, {}, {}, {}
local ladder = { internal = 1, ["local"] = 2, national = 3, mobile = 4, international = 5, premium = 6 }

local function step(...) steps[#steps + 1] = table.concat({ ... }, " ") end

function addLine(number, fields)
  lines[number] = { number = number, name = "L" .. number, kind = "person", may = "international", forward = {}, last = {},
    registered = true, busy = false, dnd = false, department = "" }
  for k, v in pairs(fields or {}) do lines[number][k] = v end
  if lines[number].voicemail ~= false then
    boxes[number] = { number = number, pin = "274951", greetings = { name = recording("name of " .. number) }, new = {}, saved = {}, deleted = {} }
  end
end

local Line = {
  hasPermission = function(self, p) return p == self.word or (ladder[p] or 9) <= (ladder[self.may] or 0) end,
  setForward = function(self, kind, to)
    if to then lines[self.number].last[kind] = to end
    lines[self.number].forward[kind] = to
    step("forward", self.number, kind, tostring(to))
    return true
  end,
  lastForward = function(self, kind) return lines[self.number].last[kind] end,
  calls = function(self, o) return lines[self.number].log or {} end,
  setDnd = function(self, on) step("dnd", self.number, tostring(on)) return true end,
}
function line(number)
  assert(type(number) == "string", "line takes a text")
  return lines[number] and setmetatable({}, { __index = function(_, k) if Line[k] then return Line[k] end return lines[number][k] end })
end

function message(from, fields)
  local m = { id = "m" .. from, from = from, name = "", time = clock - 3600, urgent = false, interrupted = false, sound = recording("message of " .. from) }
  for k, v in pairs(fields or {}) do m[k] = v end
  for _, verb in ipairs { "markHeard", "save", "delete", "undelete" } do
    m[verb] = function(self) step(verb, self.id) return true end
  end
  m.forward = function(self, to, o) step("forward", self.id, to, o.introduction and "with introduction" or "plain") return true end
  return m
end

local Box = {
  checkPin = function(self, pin) return self.locked and "locked" or self.notReady and "notReady" or pin == self.pin and "ok" or "wrong" end,
  mustChangePin = function(self) return self.default or false end,
  messages = function(self, folder) return self[folder] end,
  purge = function(self) self.deleted = {} return true end,
  greeting = function(self, kind) return self.greetings[kind] end,
  setGreeting = function(self, kind, r) step("greeting", kind, r and r.recording or "erased") return true end,
  setPin = function(self, pin)
    assert(#pin == 6)
    if pin == "000000" then return nil, { code = "invalid" } end
    step("pin", pin)
    return true
  end,
}
function mailbox(number)
  assert(type(number) == "string", "mailbox takes a text")
  return boxes[number] and setmetatable(boxes[number], { __index = Box })
end

function group(number, fields)
  if fields then
    fields.number, fields.out = number, fields.out or {}
    groups[number] = setmetatable(fields, { __index = {
      isLoggedIn = function(self, n) return not self.out[n] end,
      login = function(self, n) self.out[n] = nil step("in", self.number, n) return true end,
      logout = function(self, n) self.out[n] = true step("out", self.number, n) return true end,
    } })
  end
  return groups[number]
end

function list(name)
  lists[name] = lists[name] or {}
  return {
    includes = function(_, n) return lists[name][n] or (lists[name].internal and lines[n] ~= nil) or false end,
    add = function(_, n) lists[name][n] = true step("list", name, "+" .. n) return true end,
    remove = function(_, n) lists[name][n] = nil step("list", name, "-" .. n) return true end,
  }
end
function store(name)
  stores[name] = stores[name] or {}
  return { get = function(_, k) return stores[name][k] end, set = function(_, k, v) stores[name][k] = v clock = clock + 1 return true end }
end
log = { info = function() end, warn = function(text, f) step("log", text, f.line or "", f.outcome or "") end, error = function(text) step("log", text) end }

local conference
local function words(prompt)
  if type(prompt) == "string" then
    assert(promptNames[prompt] or prompt:match("^tone:") or prompt:match("^silence:"), "no prompt " .. prompt)
    return prompt
  end
  if type(prompt) == "userdata" then return "<" .. prompt.recording .. ">" end
  local all = {}
  for i, p in ipairs(prompt) do all[i] = words(p) end
  return table.concat(all, "+")
end

function room(name)
  return conference and conference.name == name and setmetatable({ name = name, locked = conference.locked, members = conference.members }, { __index = {
    muteAll = function(_, on) step("muteAll", tostring(on)) end,
    lock = function(_, on) conference.locked = on step("lock", tostring(on)) end,
    kickLast = function() step("kickLast") return true end,
    play = function(_, p) step("room hears", words(p)) end,
    close = function() step("close") conference.outcome = "ended" end,
  } }) or nil
end

local Call = {}
local ending = {}
local function over(...) step(...) error(ending) end

local function known(options, names)
  for k in pairs(options or {}) do
    if type(k) == "string" then assert((" " .. names .. " "):find(" " .. k .. " ", 1, true), "no option " .. k) end
  end
end

function Call:playPrompt(prompt, o)
  known(o, "interrupt volume language times back forward pause restart skip")
  self.state = "answered"
  step("play", words(prompt))
  if o and o.interrupt and type(prompt) == "userdata" and (self.keys[1] or ""):match("^!") then
    return { outcome = "interrupted", digit = table.remove(self.keys, 1):sub(2) }
  end
  return { outcome = "played" }
end
function Call:readDigits(o)
  known(o, "prompt min max terminator timeout between tries invalid secret language")
  self.state = "answered"
  if o.prompt then step("ask", words(o.prompt)) end
  local digits = table.remove(self.keys, 1)
  if not digits then over("caller hangs up") end
  return { outcome = digits == "" and "timeout" or "digits", digits = digits }
end
function Call:record(o)
  known(o, "prompt maxLength silence terminator beep language")
  step("record", o.prompt and words(o.prompt) or "")
  return recording("what was said")
end
function Call:recordVoicemail(number, o)
  known(o, "greeting maxLength silence urgent busy language")
  self.state = "answered"
  step("voicemail", number .. (o and o.busy and " busy" or ""))
  return { outcome = "saved", message = "m1" }
end
function Call:bridge(targets, o)
  known(o, "strategy timeout ringFor ringback callerName callerNumber announce answerTo limit diversion language")
  o = o or {}
  local best
  for _, target in ipairs(type(targets) == "table" and targets or { targets }) do
    local what = (outside[target] or lines[target] and lines[target].outcome) or "noAnswer"
    if what == "answered" or not best then best = what end
  end
  local text = type(targets) == "table" and table.concat(targets, ",") or targets
  if o.strategy then text = text .. " " .. o.strategy end
  if o.callerNumber then text = text .. " as " .. o.callerNumber end
  if o.callerName then text = text .. " named " .. o.callerName end
  if o.diversion then text = text .. " diverted by " .. o.diversion.number .. " " .. o.diversion.reason end
  step("bridge", text .. ":", best)
  if best == "answered" then self.state = "answered" end
  return { outcome = best, by = text, seconds = 10 }
end
function Call:conference(name, o)
  known(o, "pin moderator muted announce quiet waitForModerator endWithMe maxMembers language")
  step("conference", name .. (o.moderator and " moderator" or "") .. (o.endWithMe and " endWithMe" or ""))
  conference = { name = name, members = { { number = self.from.number }, { number = "77514" } }, locked = false, outcome = "left" }
  while self.keys[1] and conference.outcome == "left" do self.onDigit { digit = table.remove(self.keys, 1) } end
  local outcome = conference.outcome
  conference = nil
  return { outcome = outcome }
end
function Call:on(event, fn) self.onDigit = fn end
function Call:onHangup(fn) self.after = fn end
function Call:isMuted() return self.muted or false end
function Call:setMuted(on) self.muted = on step("muted", tostring(on)) end
function Call:leave() step("leave") end
function Call:sleep() end
function Call:echo() step("echo") end
function Call:tone(name) step("tone", name) end
function Call:hangup() over("hangup") end
function Call:reject(why) over("reject", why or "declined") end
function Call:redirect(to) self.dialled = to step("redirect", to) error({ redirect = to }) end

-- from is a line's number, or "+44…" for a caller from outside, "" for one who withholds it.
function newCall(from, to, ...)
  return setmetatable({ id = "c1", dialled = to, matched = "", state = "ringing", keys = { ... },
    from = { number = from, name = lines[from] and lines[from].name or "", line = lines[from] and from, trunk = not lines[from] and "pstn" or nil } },
    { __index = Call })
end

function place(call)
  for _ = 1, 10 do
    local handler, matched, needs = route(call.dialled, call.from.line or "")
    if not handler then step("404") break end
    if needs ~= "" and not line(call.from.line):hasPermission(needs) then step("needs", needs) break end
    call.matched = matched
    local ok, err = pcall(handler, call)
    if not ok and not (type(err) == "table" and (err == ending or err.redirect)) then error(err, 0) end
    if ok or not err.redirect then break end
  end
  if call.after then call.after() end
end
`

type route struct {
	pattern     pattern.Pattern
	from, needs string
	handler     *lua.LFunction
}

// exchange is a state with a dialplan loaded.
func exchange(t *testing.T, folder string) *lua.LState {
	t.Helper()
	l := state(t)
	names := l.NewTable()
	for name := range prompts(t) {
		names.RawSetString(name, lua.LTrue)
	}
	l.SetGlobal("promptNames", names)
	var routes []route
	l.SetGlobal("extension", l.NewFunction(func(l *lua.LState) int {
		p, err := pattern.Parse(l.CheckString(1))
		if err != nil {
			l.RaiseError("%s", err)
		}
		r := route{pattern: p, from: "lines", handler: l.CheckFunction(l.GetTop())}
		if l.GetTop() == 3 {
			o := l.CheckTable(2)
			r.needs = text(o.RawGetString("needs"))
			if from, ok := o.RawGetString("from").(*lua.LTable); ok {
				r.from = from.RawGetInt(1).String() + " " + from.RawGetInt(2).String()
			} else if from := text(o.RawGetString("from")); from != "" {
				r.from = from
			}
		}
		for _, other := range routes {
			if pattern.Compare(other.pattern, p) == 0 && pattern.Overlaps(other.pattern, p) && other.from == r.from {
				l.RaiseError("%s and %s take the same calls", other.pattern, p)
			}
		}
		routes = append(routes, r)
		return 0
	}))
	l.SetGlobal("route", l.NewFunction(func(l *lua.LState) int {
		dialled, caller := l.CheckString(1), "trunk:pstn"
		if l.CheckString(2) != "" {
			caller = "lines"
		}
		var best *route
		var matched string
		for _, r := range routes {
			if m, ok := r.pattern.Match(dialled); ok && strings.Contains(r.from, caller) &&
				(best == nil || pattern.Compare(r.pattern, best.pattern) < 0) {
				best, matched = &r, m
			}
		}
		if best == nil {
			return 0
		}
		l.Push(best.handler)
		l.Push(lua.LString(matched))
		l.Push(lua.LString(best.needs))
		return 3
	}))
	sounds := l.NewTypeMetatable("recording")
	l.SetGlobal("recording", l.NewFunction(func(l *lua.LState) int {
		ud := l.NewUserData()
		ud.Value, ud.Metatable = l.CheckString(1), sounds
		l.Push(ud)
		return 1
	}))
	l.SetField(sounds, "__index", l.NewFunction(func(l *lua.LState) int {
		switch l.CheckString(2) {
		case "recording":
			l.Push(lua.LString(l.CheckUserData(1).Value.(string)))
		case "length":
			l.Push(lua.LNumber(4))
		case "outcome":
			l.Push(lua.LString("recorded"))
		default:
			l.RaiseError("a recording has no %s", l.CheckString(2))
		}
		return 1
	}))
	run(t, l, fakes)
	for _, module := range []string{"assistants", "conferences", "groups", "site", "desk", "codes"} {
		preload(t, l, folder, module)
	}
	text, err := os.ReadFile("../dialplans/" + folder + "/main.lua")
	if err != nil {
		t.Fatal(err)
	}
	run(t, l, string(text))
	run(t, l, `store("assistant")`) // as in force before any call
	return l
}

// preload lets require find a module of the dialplan's own folder.
func preload(t *testing.T, l *lua.LState, folder, module string) {
	t.Helper()
	text, err := os.ReadFile("../dialplans/" + folder + "/" + module + ".lua")
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	fn, err := l.Load(strings.NewReader(string(text)), module+".lua")
	if err != nil {
		t.Fatal(err)
	}
	library := l.GetGlobal("require")
	var loaded lua.LValue
	l.SetGlobal("require", l.NewFunction(func(l *lua.LState) int {
		if l.CheckString(1) != module {
			l.Push(library)
			l.Push(l.Get(1))
			l.Call(1, 1)
			return 1
		}
		if loaded == nil {
			l.Push(fn)
			l.Call(0, 1)
			loaded = l.Get(-1)
			l.Pop(1)
		}
		l.Push(loaded)
		return 1
	}))
}

func text(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return string(s)
	}
	return ""
}

// dial places a call and returns what happened, a line each. keys are what the caller presses each
// time something is asked; "" is silence, "!7" a key during a message.
func dial(t *testing.T, l *lua.LState, from, to string, keys ...string) string {
	t.Helper()
	quoted := ""
	for _, k := range keys {
		quoted += `, "` + k + `"`
	}
	run(t, l, `steps = {} ; place(newCall("`+from+`", "`+to+`"`+quoted+`)) ; happened = table.concat(steps, "\n")`)
	return l.GetGlobal("happened").String()
}

func happens(t *testing.T, got string, want ...string) {
	t.Helper()
	if got != strings.Join(want, "\n") {
		t.Errorf("happened:\n  %s\nwanted:\n  %s", strings.ReplaceAll(got, "\n", "\n  "), strings.Join(want, "\n  "))
	}
}

func chorus(t *testing.T) *lua.LState {
	t.Helper()
	l := exchange(t, "chorus")
	run(t, l, `
		for _, n in ipairs { "77513", "77514", "15902", "77600", "77601", "77602", "77610", "77611", "77612" } do addLine(n) end
		addLine("77620", { voicemail = false, kind = "nonPerson", may = "local" })
		boxes["15000"] = { number = "15000", greetings = {}, new = {}, saved = {}, deleted = {} }`)
	return l
}
