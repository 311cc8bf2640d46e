package sandbox

import (
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"pgregory.net/rapid"
)

// left is a module with everything in it that can be copied: lists with and without holes, fields in an order that is not
// that of their names, tables within tables, by two ways and in a circle, closures over one local, classes, tables as keys.
const left = `
local total, deep, items = 0, 0, { 5, 6, nil, 8 }
local Class = { kind = "class" } Class.__index = Class
function Class:count() self.n = (self.n or 0) + 1 return self.n end
local key = { "key" }
local m = {
	zulu = 1, alpha = "a", mike = { x = { y = 1 }, 1, 2, 3, w = items }, items = items, words = { "one", "two", "three" },
	up = function() total = total + 1 items[#items + 1] = total return total end,
	read = function() return total end, pure = function(x) return x end, nothing = {}, off = false,
	one = setmetatable({ n = 1, within = { 1 } }, Class), class = Class, keys = { [key] = { 2 }, [2.5] = "half", [true] = items, [-1] = 0 }, key = key,
}
m.self, m.mike.back = m, m
m.more = { maker = function(t) return function() t.made = (t.made or 0) + 1 items.made = t return t.made end end }
m.deeper = function() return function() deep = deep + 1 return deep end end
m.meta = { __index = function(_, k) return "no " .. tostring(k) end, __newindex = m.words, __len = function() return 5 end, __tostring = function() return "meta" end,
	__concat = function() return "joined" end, __call = function() return "called" end }
m.proxy = setmetatable({}, { __index = m.words, __newindex = m.mike })
return m`

// looker shows values so that they can be compared between states: tables and functions by the order in which they are seen.
const looker = `
local ids, count, out = {}, 0, {}
local function show(v)
	if type(v) ~= "table" and type(v) ~= "function" then return (tostring(v):gsub("0x%%x+", "")) end
	if not ids[v] then count = count + 1 ids[v] = type(v) .. count end
	return ids[v]
end
local function say(...)
	local parts = {}
	for i = 1, select("#", ...) do parts[i] = show((select(i, ...))) end
	out[#out + 1] = table.concat(parts, " ")
end
local function try(f) say(pcall(f)) end
local function walk(t, seen)
	if seen[t] then return end
	seen[t] = true
	say("in", t, getmetatable(t), #t)
	for k, v in pairs(t) do say(k, v) if type(v) == "table" then walk(v, seen) end if type(k) == "table" then walk(k, seen) end end
	if type(getmetatable(t)) == "table" then walk(getmetatable(t), seen) end
end
return function(m)
	local r = { %s }
	local function go(i, j, k) local v = r[j][k] if type(v) == "table" then r[i] = v end say(v) end
%s
	walk(m, {})
	return table.concat(out, "\n")
end`

// things that can be done with the tables r[1], r[2] and r[3]; I and J stand for two of these numbers, K for a key, V for a value.
func things() []string {
	return []string{
		`go(I, J, K)`, `go(I, J, K)`, `go(I, J, K)`, `r[I][K] = V`, `r[I][K] = nil`, `r[I][K] = r[J]`, `r[I] = m`, `say(#r[I])`, `say(r[I] == r[J], rawequal(r[I], r[J]))`,
		`for k, v in pairs(r[I]) do say(k, v) end`, `for i, v in ipairs(r[I]) do say(i, v) end`, `say(next(r[I]))`, `say(next(r[I], (next(r[I]))))`,
		`do local iterate = pairs {} say(iterate(r[I])) end`, `do local iterate = ipairs {} say(iterate(r[I], 0)) end`,
		`for k in pairs(r[I]) do r[I][k] = nil end`, `for k, v in pairs(r[I]) do if type(v) == "number" then r[I][k] = v + 1 end end`,
		`say(rawget(r[I], K))`, `rawset(r[I], K, V)`, `say(pcall(rawget, r[I], K))`, `say(getmetatable(r[I]))`,
		`setmetatable(r[I], r[J])`, `setmetatable(r[I], nil)`, `setmetatable(r[I], { __index = r[J] })`, `setmetatable(r[I], { __newindex = r[J] })`,
		`setmetatable(r[I], { __index = function(_, k) return "no " .. tostring(k) end })`,
		`table.insert(r[I], V)`, `table.insert(r[I], 1, V)`, `say(table.remove(r[I]))`, `say(table.remove(r[I], 1))`, `table.sort(r[I])`,
		`say(table.concat(r[I], ","))`, `say(unpack(r[I]))`, `say(select("#", unpack(r[I], 1, 5)))`, `say(("one a"):gsub("%a+", r[I]))`,
		`r[I][#r[I] + 1] = V`, `say(r[I].up())`, `say(m.up(), m.read())`, `say(m.read(), m.pure(V))`, `say(r[I].more.maker(r[J])())`, `do local f = m.more.maker(r[I]) say(f(), f()) end`,
		`say(m.deeper()())`, `setmetatable(r[I], m.meta)`, `setmetatable(r[I], m.meta) go(J, I, K)`, `say(getmetatable(r[I]), tostring(r[I]))`, `say(r[I]:count())`, `say(m.one:count())`, `say(r[I]())`, `say(r[I] .. "x")`, `say(r[I] + 1)`, `say(r[I] < r[J])`, `say(r[I].x.y.z)`, `say(r[I][nil])`, `r[I][nil] = 1`, `r[I][0 / 0] = 1`,
		`for _ = 1, 70 do go(1, 1, K) end`, `for _ = 1, 70 do say(r[I].up) end`, `say(type(r[I]), (tostring(r[I]):gsub("0x%x+", "")))`, `error(r[I])`, `r[I][1000] = 1`, `say(r[I].proxy.within)`,
		`m.proxy[K] = V say(m.proxy[K], m.mike[K])`, `do local t = { [r[I]] = r[J] } say(t[r[I]], t[r[J]]) end`,
	}
}

// program is any sequence of such things, beginning with any tables.
func program(t *rapid.T) string {
	table := rapid.SampledFrom([]string{"m", "m.words", "m.mike", "m.items", "m.keys", "m.nothing", "m.meta", "m.mike.x", "m.class", "m.one", "m.proxy"})
	begin := table.Draw(t, "r1") + ", " + table.Draw(t, "r2") + ", " + table.Draw(t, "r3")
	thing := rapid.SampledFrom(things())
	number := rapid.SampledFrom([]string{"1", "2", "3"})
	key := rapid.SampledFrom([]string{`"zulu"`, `"mike"`, `"items"`, `"words"`, `"x"`, `"w"`, `"back"`, `"one"`, `"within"`, `"class"`, `"kind"`, `"__index"`, `"keys"`, `m.key`,
		`"up"`, `"more"`, `"self"`, `"nothing"`, `"off"`, `"proxy"`, `"new"`, `1`, `2`, `3`, `4`, `5`, `-1`, `2.5`, `true`, `r[2]`})
	value := rapid.SampledFrom([]string{`7`, `"text"`, `true`, `r[3]`, `{ 1 }`, `function() return 3 end`, `nil`})
	var b strings.Builder
	for range rapid.IntRange(1, 25).Draw(t, "length") {
		fill := strings.NewReplacer("I", number.Draw(t, "I"), "J", number.Draw(t, "J"), "K", key.Draw(t, "K"), "V", value.Draw(t, "V"))
		fmt.Fprintf(&b, "\ttry(function() %s end)\n", fill.Replace(thing.Draw(t, "thing")))
	}
	return fmt.Sprintf(looker, begin, b.String())
}

// A copy that is filled as it is used cannot be told from the module as it is when it has just been made.
func TestCopiesAreLikeTheirOriginals(t *testing.T) {
	made := compile(t, left)
	s := New(t.Context(), Options{})
	m, err := s.Call(s.Load(made))
	if err != nil {
		t.Fatal(err)
	}
	img := s.Freeze([]lua.LValue{m}, nil)
	rapid.Check(t, func(r *rapid.T) {
		program := program(r)
		proto := compile(t, program)
		answer := func(s *State, m lua.LValue) string {
			do, err := s.Call(s.Load(proto))
			if err != nil {
				r.Fatal(err)
			}
			v, err := s.Call(do, m)
			if err != nil {
				return err.Error()
			}
			return v.String()
		}
		fresh := New(t.Context(), Options{})
		defer fresh.Close()
		m2, err := fresh.Call(fresh.Load(made))
		if err != nil {
			r.Fatal(err)
		}
		want := answer(fresh, m2)
		fork := img.Fork(t.Context(), Options{})
		defer fork.Close()
		if got := answer(fork, fork.Value(m)); got != want {
			a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					r.Fatalf("%sgives %q, not %q", program, a[i], b[i])
				}
			}
			r.Fatalf("%sgives %d lines, not %d", program, len(a), len(b))
		}
	})
}
