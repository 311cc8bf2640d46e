package scripts

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// states are main.lua files whose handler of 600 returns what it found, after it has changed whatever it can.
func states() map[string]struct{ main, want string } {
	return map[string]struct{ main, want string }{
		"a local of the file": {`local n = 0
			extension("600", function() n = n + 1 return n end)`, "1"},
		"a field of a table": {`local t = { n = 0 }
			extension("600", function() t.n = t.n + 1 t.new = (t.new or 0) + 1 return t.n .. t.new end)`, "11"},
		"an item of a list": {`local t = { 5, 6 }
			extension("600", function() t[#t + 1] = 7 table.insert(t, 8) table.remove(t, 1) return table.concat(t, " ") end)`, "6 7 8"},
		"a table in a table": {`local t = { a = { b = { n = 0 } } }
			extension("600", function() local b = t.a.b b.n = b.n + 1 return b.n end)`, "1"},
		"a parameter": {`local t = { n = 0 }
			local function add(x) x.n = x.n + 1 return x.n end
			extension("600", function() return add(t) end)`, "1"},
		"rawset": {`local t = { n = 0 }
			extension("600", function() rawset(t, "n", t.n + 1) return t.n end)`, "1"},
		"rawset by another name": {`local t, set = { n = 0 }, rawset
			extension("600", function() set(t, "n", t.n + 1) return t.n end)`, "1"},
		"rawset through pcall": {`local t = { n = 0 }
			extension("600", function() pcall(rawset, t, "n", t.n + 1) return t.n end)`, "1"},
		"table.insert by another name": {`local t, insert = {}, table.insert
			extension("600", function() insert(t, 1) return #t end)`, "1"},
		"table.insert kept in a table": {`local t, lib = {}, { add = table.insert }
			extension("600", function() lib.add(t, 1) return #t end)`, "1"},
		"the library by another name": {`local t, lib = {}, table
			extension("600", function() lib.insert(t, 1) return #t end)`, "1"},
		"the library through _G": {`local t = {}
			extension("600", function() _G.table.insert(t, 1) _G["raw" .. "set"](t, 2, 1) return #t end)`, "2"},
		"the library as a value": {`local t = {}
			extension("600", function() local lib = table for name, fn in pairs { insert = lib.insert } do fn(t, name) end return #t end)`, "1"},
		"a sorted list": {`local t = { 3, 1, 2 }
			extension("600", function() local was = t[1] table.sort(t) return was .. t[1] end)`, "31"},
		"a metatable": {`local t = {}
			extension("600", function() local had = t.x setmetatable(t, { __index = function() return 1 end }) return tostring(had) .. t.x end)`, "nil1"},
		"a class": {`local Class = {} Class.__index = Class
			function Class:count() self.n = (self.n or 0) + 1 Class.all = (Class.all or 0) + 1 return self.n .. Class.all end
			local one = setmetatable({}, Class)
			extension("600", function() getmetatable(one).more = (one.more or 0) + 1 return one:count() .. one.more end)`, "111"},
		"what __newindex leads to": {`local t = { n = 0 }
			extension("600", function() local p = setmetatable({}, { __newindex = t, __index = t }) p.n = p.n + 1 return t.n end)`, "1"},
		"a __newindex function": {`local t = { n = 0 }
			extension("600", function() local p = setmetatable({}, { __newindex = function(_, k, v) t[k] = v end }) p.n = 1 return t.n + 1 end)`, "2"},
		"two closures over one local": {`local n = 0
			local function up() n = n + 1 end
			local function read() return n end
			extension("600", function() up() up() return read() end)`, "2"},
		"a closure made while loading": {`local function counter() local n, seen = 0, {} return function() n = n + 1 seen[n] = true return n + #seen end end
			local c = counter()
			extension("600", function() return c() end)`, "2"},
		"a closure that makes closures": {`local t = {}
			local function maker() return function() return function(x) t[#t + 1] = x return #t end end end
			local make = maker()
			extension("600", function() return make()(1) end)`, "1"},
		"an iterator": {`local words = ("a b c"):gmatch("%a")
			extension("600", function() return words() end)`, "a"},
		"a module": {`local m = require "m"
			extension("600", function() m.n = m.n + 1 return m.n .. tostring(require "m" == m) end)`, "1true"},
		"a module required by the handler": {`extension("600", function() local m = require "m" m.n = m.n + 1 return m.n end)`, "1"},
		"a module seen only by another": {`require("n")
			extension("600", function() local m = require "m" m.n = m.n + 1 return m.n .. require("n").read() end)`, "11"},
		"a table as a key": {`local k = {} local t = { [k] = { n = 0 } }
			extension("600", function() k.x = 1 t[k].n = t[k].n + 1 return t[k].n end)`, "1"},
		"a table that holds itself": {`local t = { n = 0 } t.t = t
			extension("600", function() t.t.t.n = t.n + 1 return t.n .. tostring(t == t.t) end)`, "1true"},
		"one table by two ways": {`local t = { n = 0 } local a, b = { t }, { x = t }
			extension("600", function() a[1].n = b.x.n + 1 return b.x.n end)`, "1"},
		"a local that is given another table": {`local a, b = { n = 0 }, { n = 0 }
			extension("600", function() local t = {} for _, x in ipairs { a, b } do t = x end t.n = t.n + 1 return b.n end)`, "1"},
		"a table from a choice": {`local a = { n = 0 }
			extension("600", function() local t = a or {} t.n = t.n + 1 return a.n end)`, "1"},
		"a captured local that is given another table": {`local a = { n = 0 }
			extension("600", function() local t = {} local function set() t.n = t.n + 1 end t = a set() return a.n end)`, "1"},
		"a local that a closure gives another table": {`local a = { n = 0 }
			extension("600", function() local t = {} local function give() t = a end give() t.n = t.n + 1 return a.n end)`, "1"},
		"a table with methods of another": {`local a = { n = 0 } function a:add() self.n = self.n + 1 return self.n end
			extension("600", function() local b = { n = 5, add = a.add } return b:add() .. a:add() end)`, "61"},
		"a record": {`local d = date(0)
			extension("600", function() d.year = d.year + 1 return d.year end)`, "1971"},
		"a list with a hole": {`local t = { 1, nil, 3, x = 1 }
			extension("600", function() t[2] = (t[2] or 0) + 1 local n = 0 for _ in pairs(t) do n = n + 1 end return n .. t[2] end)`, "41"},
		"a local that a closure within a closure assigns": {`local n = 0
			local function maker() return function() n = n + 1 return n end end
			extension("600", function() maker()() return maker()() end)`, "2"},
		"a function that changes nothing": {`local limit = 5 local function over(n) return n > limit end local t = { over = over }
			extension("600", function() return tostring(t.over == over) .. tostring(t.over(6)) end)`, "truetrue"},
		"rawget": {`local t = { n = { 1 } }
			extension("600", function() rawget(t, "n")[2] = 2 return #rawget(t, "n") end)`, "2"},
		"next": {`local t = { { n = 0 } }
			extension("600", function() local _, v = next(t) v.n = v.n + 1 return t[1].n end)`, "1"},
		"pairs": {`local t = { b = { n = 0 }, a = 1 }
			extension("600", function() local all = "" for k, v in pairs(t) do all = all .. k if k == "b" then v.n = v.n + 1 end end return all .. t.b.n end)`, "ba1"},
		"pairs after some were read": {`local t = { c = {}, b = {}, a = {}, 7, {} }
			extension("600", function() local _ = t.a, t.b t.b.x = 1 local all = "" for k in pairs(t) do all = all .. k end return all end)`, "12cba"},
		"the iterator of pairs": {`local t = { a = { n = 0 } }
			extension("600", function() local iterate = pairs {} local _, v = iterate(t) v.n = v.n + 1 return t.a.n end)`, "1"},
		"ipairs": {`local t = { { n = 0 }, { n = 0 } }
			extension("600", function() local n = 0 for _, v in ipairs(t) do v.n = v.n + 1 n = n + t[1].n end return n end)`, "2"},
		"the iterator of ipairs": {`local t = { { n = 0 } }
			extension("600", function() local iterate = ipairs {} local _, v = iterate(t, 0) v.n = v.n + 1 return t[1].n end)`, "1"},
		"unpack": {`local t = { { n = 0 }, 2 }
			extension("600", function() local a, b = unpack(t) a.n = a.n + b return t[1].n .. select("#", unpack(t)) end)`, "22"},
		"the length of a list of tables": {`local t = { {}, {} }
			extension("600", function() local n = #t t[#t + 1] = 1 return n .. #t end)`, "23"},
		"a field that is taken away": {`local t = { a = {}, b = {} }
			extension("600", function() local was = t.a ~= nil t.a = nil return tostring(was) .. tostring(t.a) .. next(t) end)`, "truenilb"},
		"a field that is taken away unread": {`local t = { a = {}, b = {} }
			extension("600", function() t.a = nil return tostring(t.a) .. next(t) end)`, "nilb"},
		"getmetatable": {`local t = { {} }
			extension("600", function() return tostring(getmetatable(t)) .. tostring(getmetatable(t[1])) end)`, "nilnil"},
		"a table that becomes a metatable": {`local mt = { __index = function() return 1 end, __call = function() return 2 end }
			extension("600", function() local t = setmetatable({}, mt) mt.__call = nil return t.x .. tostring(pcall(t)) end)`, "1false"},
		"a table that becomes a class": {`local base = { kind = { "base" } }
			extension("600", function() local t = setmetatable({}, { __index = base }) t.kind[2] = "more" return #base.kind end)`, "2"},
		"gsub with a table": {`local t = { a = "1", b = {} }
			extension("600", function() t.b = "2" return (("abc"):gsub("%a", t)) end)`, "12c"},
		"a long list": {`local t = {} for i = 1, 140000 do t[i] = i end
			extension("600", function() t[140001] = 1 return #t end)`, "140001"},
		"a number as a key": {`local t = { [2.5] = {}, [-1] = 0, [true] = {} }
			extension("600", function() t[2.5].n = 1 t[true] = nil return t[2.5].n .. t[-1] .. tostring(t[true]) end)`, "10nil"},
		"options": {`local known = { a = false, b = 2 } local given = { a = { 1 } }
			extension("600", function() local o = check("x", given, known) o.a[2] = 1 return #given.a .. o.b end)`, "22"},
		"options of the API": {`local given = { zone = "Europe/London", "mon-fri 09:00-17:00" }
			extension("600", function() return type(schedule(given)) end)`, "userdata"},
		"options that are not known": {`local given = { zone = "Europe/London", zoom = {} }
			extension("600", function() local ok, why = pcall(schedule, given) return why end)`, "main.lua:2: schedule has no option 'zoom' (options: zone, closedOn)"},
		"a field that is not there": {`local m = { a = {} }
			extension("600", function() return select(2, pcall(function() return m.b.c end)) end)`, "main.lua:2: attempt to index a non-table object(nil) with key 'c'"},
		"a function that is not there": {`local m = { a = {} }
			extension("600", function() return select(2, pcall(function() return m.b() end)) end)`, "main.lua:2: attempt to call a non-function object"},
		"much read": {`local m = { t = { n = 0 }, f = {} }
			extension("600", function() for _ = 1, 1000 do m.t.n = m.t.n + 1 end m.f = nil return m.t.n .. tostring(m.f) end)`, "1000nil"},
		"nothing at all": {`local t = { a = 1, b = { 2 } }
			extension("600", function() local all = {} for k in pairs(t) do all[#all + 1] = k end return table.concat(all) .. t.b[1] end)`, "ab2"},
	}
}

func modules(main string) map[string]string {
	return map[string]string{"main.lua": main, "m.lua": `return { n = 0 }`, "n.lua": `local m = require "m" return { read = function() return m.n end }`}
}

// answer runs the handler of 600 in a call of its own and returns what it returns.
func answer(t testing.TB, h *Host) (string, error) {
	t.Helper()
	g := h.current()
	sc := newScript(t.Context(), g.host, g, nil)
	defer sc.close()
	v, err := sc.s.Call(sc.s.Value(g.routes[0].handler))
	if err != nil {
		return "", err
	}
	if v.Type() == lua.LTNumber {
		return fmt.Sprint(v), nil
	}
	return v.String(), nil
}

// Whatever a call does to what main.lua left behind, the next call and those at the same time find it as it was.
func TestEveryCallBeginsWithWhatMainLeft(t *testing.T) {
	for name, c := range states() {
		t.Run(name, func(t *testing.T) {
			h, err := open(t, modules(c.main))
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 5 {
						if got, err := answer(t, h); err != nil || got != c.want {
							t.Errorf("%q, %v; want %q", got, err, c.want)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// Globals, libraries and the metatables of texts and objects are shared by calls: none can change them.
func TestSharedThingsCannotBeChanged(t *testing.T) {
	for _, what := range []string{
		`x = 1`, `_G.x = 1`, `rawset(_G, "x", 1)`, `string.rep = nil`, `rawset(string, "rep", nil)`, `table.insert(string, 1)`,
		`table.insert(_G, 1)`, `table.insert(log, 1)`, `getmetatable("").__index = {}`, `setmetatable(_G, {})`, `log.info = nil`,
		`getmetatable(list("x")).x = 1`, `getmetatable(date(0)).x = 1`, `getmetatable(_G).x = 1`,
	} {
		h, err := open(t, map[string]string{"main.lua": "extension(\"600\", function()\n" + what + "\nend) -- lint: allow global"})
		if err != nil {
			continue // found before it ran
		}
		if got, err := answer(t, h); err == nil {
			t.Errorf("%s: no error, %q", what, got)
		}
	}
}

// A call has its whole budget, whatever main.lua and other calls have used, and no more than that.
func TestEveryCallHasItsOwnBudget(t *testing.T) {
	const spin = "local function spin(n) for _ = 1, n do end end\nspin(200000)\nextension(\"600\", function() spin(%d) return 1 end)"
	for n, want := range map[int]error{200000: nil, 600000: sandbox.ErrSteps} {
		h, err := Open(Options{Dir: site(t, map[string]string{"main.lua": fmt.Sprintf(spin, n)}), Limits: sandbox.Limits{Steps: 300000}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := answer(t, h); !errors.Is(err, want) {
				t.Errorf("%d turns: %v, want %v", n, err, want)
			}
		}
	}
}

// A call goes on with what its own generation left, whatever has been loaded since.
func TestCallsKeepWhatTheirGenerationLeft(t *testing.T) {
	main := func(n int) map[string]string {
		return modules(fmt.Sprintf("local n = %d\nextension(\"600\", function() return n + require(\"m\").n end)", n))
	}
	dir := site(t, main(1))
	h, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	old := h.current()
	begun := newScript(t.Context(), old.host, old, nil)
	defer begun.close()
	write(t, dir, main(2))
	if _, err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := begun.s.Call(begun.s.Value(old.routes[0].handler)); err != nil || v != lua.LNumber(1) {
		t.Errorf("the call that had begun: %v, %v", v, err)
	}
	if got, err := answer(t, h); err != nil || got != "2" {
		t.Errorf("the next call: %v, %v", got, err)
	}
}
