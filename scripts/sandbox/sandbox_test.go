package sandbox

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

func compile(t testing.TB, src string) *lua.FunctionProto {
	t.Helper()
	chunk, err := Parse([]byte(src), "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(chunk, "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t testing.TB, src string) (lua.LValue, error) {
	t.Helper()
	s := New(t.Context(), Options{Library: "stdlib/"})
	defer s.Close()
	return s.Call(s.Load(compile(t, src)))
}

// What must be true of Lua, with the replaced functions and the rewritten operators.
func TestLanguage(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`"a" .. 1 .. "b"`, "a1b"},
		{`("x"):rep(3) .. ("y"):upper()`, "xxxY"},
		{`(setmetatable({}, { __concat = function(a, b) return "meta" end })) .. "x"`, "meta"},
		{`"x" .. "y" .. setmetatable({}, { __concat = function(a, b) return a .. "!" end })`, "xy!"},
		{`("hello world"):find("o w")`, "5"},
		{`("hello"):match("l+")`, "ll"},
		{`("01865 277513"):gsub("%s", "")`, "01865277513"},
		{`"x" .. ("abc"):gsub("b", "c")`, "xacc"},
		{`"x" .. (function(...) return "y" .. ... end)("z", "no")`, "xyz"},
		{`("a=1,b=2"):gsub("(%w)=(%w)", "%2=%1")`, "1=a,2=b"},
		{`("abc"):gsub("", "-")`, "-a-b-c-"},
		{`("abc"):gsub("%w", { a = "1", b = true and "2" })`, "12c"},
		{`("abc"):gsub("b", function(c) return nil end)`, "abc"},
		{`("f(a(b)c)d"):match("%b()")`, "(a(b)c)"},
		{`("THE (quick) fox"):find("%f[%a]%a+%f[%A]", 5)`, "6"},
		{`("abab"):match("^(ab)%1$")`, "ab"},
		{`("x-y"):match("[^%-]+$")`, "y"},
		{`("a]b"):match("[]]")`, "]"},
		{`("a-z"):match("[a%-]+")`, "a-"},
		{`(" trim "):match("^%s*(.-)%s*$") .. "|"`, "trim|"},
		{`("abc"):sub(-2)`, "bc"},
		{`("abc"):sub(2, 2)`, "b"},
		{`("abc"):sub(3, 2)`, ""},
		{`("abc"):byte(-1)`, "99"},
		{`#("abc"):reverse()`, "3"},
		{`string.char(72, 105)`, "Hi"},
		{`string.format("%05.1f|%d|%s|%q|%5s|%-5s|%x|%%", 3.14159, 42, "x", 'a"b', "r", "l", 255)`, `003.1|42|x|"a\"b"|    r|l    |ff|%`},
		{`string.format("%g", 0.1)`, "0.1"},
		{`table.concat({ 1, 2, 3 }, ",")`, "1,2,3"},
		{`(function() local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return table.concat(t) end)()`, "321"},
		{`(function() local t = { 1, 2, 3 } table.insert(t, 2, 9) table.remove(t, 1) return table.concat(t) end)()`, "923"},
		{`(function() local t = {} t[1], t[2] = "a", "b" t[1], t[2] = t[2], t[1] return table.concat(t) end)()`, "ba"},
		{`(function() local n = 0 for k, v in pairs({ a = 1, b = 2 }) do n = n + v end return n end)()`, "3"},
		{`(function() local s = "" for a, b in ("k=v, x=y"):gmatch("(%w)=(%w)") do s = s .. a .. b end return s end)()`, "kvxy"},
		{`select("#", unpack({ 1, 2, 3 }))`, "3"},
		{`tostring(pcall(error, "x"))`, "false"},
		{`tostring({}) .. " " .. tostring(print) .. " " .. string.format("%s", {})`, "table function table"}, // no address of memory
		{`tostring(setmetatable({}, { __tostring = function() return "me" end }))`, "me"},
		{`math.floor(2.7) + math.max(1, 5, 3) + math.fmod(7, 4)`, "10"},
		{`(function() local r = math.random(3, 5) return r >= 3 and r <= 5 end)()`, "true"},
		{`(function() local t = {} t[70] = 1 t.x = 2 t["y" .. 1] = 3 return t[70] + t.x + t.y1 end)()`, "6"},
		{`type(_G.string.rep)`, "function"},
	} {
		v, err := run(t, "return "+c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
		} else if v.String() != c.want {
			t.Errorf("%s = %q, want %q", c.expr, v, c.want)
		}
	}
}

// Each of these ran without bound in the bare virtual machine, or might. Each must end by
// itself, within twice the Busy limit and 16 MiB, and pcall must not save it.
func TestGreedyScriptsEnd(t *testing.T) {
	for name, src := range map[string]string{
		"endless loop":          `while true do end`,
		"caught endless loop":   `while true do pcall(function() while true do end end) end`,
		"xpcall":                `while true do xpcall(function() while true do end end, function() while true do end end) end`,
		"table growth":          `local t = {} while true do t[#t + 1] = {} end`,
		"hash growth":           `local t, i = {}, 0 while true do i = i + 1 t["k" .. i] = i end`,
		"text doubling":         `local s = "x" while true do s = s .. s end`,
		"caught text doubling":  `while true do pcall(function() local s = "x" while true do s = s .. s end end) end`,
		"string.rep":            `return string.rep("x", 1e9)`,
		"string.rep kept":       `local t = {} while true do t[#t + 1] = string.rep("x", 100000) end`,
		"gsub":                  `local s = ("x"):rep(1000000) while true do s:gsub(".", "yy") end`,
		"find a?":               `return string.find(string.rep("a", 28), string.rep("a?", 28) .. string.rep("a", 28))`,
		"caught find":           `while true do pcall(string.find, ("a"):rep(28), ("a?"):rep(28) .. ("a"):rep(28)) end`,
		"find .-.-.-":           `return string.find(string.rep("a", 220), ".-.-.-.-.-.-b")`,
		"gmatch":                `for a in ("a"):rep(300):gmatch(".-.-.-.-b") do end`,
		"far index":             `while true do local t = {} t[131072] = 1 end`,
		"far index in a table":  `while true do local t = { [131072] = 1 } end`,
		"far index by rawset":   `while true do rawset({}, 131072, 1) end`,
		"table.concat":          `local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1000) end while true do table.concat(t) end`,
		"format":                `while true do string.format("%s%s", ("x"):rep(400000), ("x"):rep(400000)) end`,
		"front insertion":       `local t = {} while true do table.insert(t, 1, 1) end`,
		"sort":                  `local t = {} for i = 1, 100000 do t[i] = i end while true do table.sort(t) end`,
		"closures":              `local t = {} while true do t[#t + 1] = function() return t end end`,
		"tostring recursion":    `local m = {} m.__tostring = function(x) return tostring(x) end while true do pcall(tostring, setmetatable({}, m)) end`,
		"metatable loop":        `local t = setmetatable({}, {}) getmetatable(t).__index = t while true do pcall(function() return t.x end) end`,
		"upper of a long text":  `local s = ("x"):rep(1000000) while true do s:upper() end`,
		"unpack":                `local t = {} for i = 1, 4000 do t[i] = i end while true do pcall(function() return { unpack(t) } end) end`,
		"comparing long texts":  `local a, b = ("x"):rep(1000000), ("x"):rep(1000000) while true do if a ~= b then return end end`,
		"text kept in closures": `local list while true do local s, n = ("x"):rep(50000), list list = function() return s, n end end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proto := compile(t, src)
			s := New(t.Context(), Options{Limits: Limits{Busy: time.Second}})
			defer s.Close()
			began := time.Now()
			_, err := s.Call(s.Load(proto))
			if !errors.Is(err, ErrSteps) && !errors.Is(err, ErrMemory) && !errors.Is(err, ErrText) {
				t.Fatalf("ended with %v", err)
			}
			// The machine may be busy with other things: the bound is on what cannot be load.
			if d := time.Since(began); d > time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestDeepRecursionIsAnError(t *testing.T) {
	_, err := run(t, "local function f() return 1 + f() end\nreturn f()")
	var script *ScriptError
	if !errors.As(err, &script) || !strings.Contains(err.Error(), "too deeply") {
		t.Fatalf("%v", err)
	}
}

// A hog must not take more memory than its limit allows on the way to being stopped.
func TestMemoryStaysBounded(t *testing.T) {
	for name, src := range map[string]string{
		"tables": `local t = {} while true do t[#t + 1] = { 1 } end`,
		"texts":  `local t = {} while true do t[#t + 1] = ("x"):rep(10000) end`,
		"sparse": `local all = {} while true do local t = {} t[100000] = 1 all[#all + 1] = t end`,
	} {
		t.Run(name, func(t *testing.T) {
			proto := compile(t, src)
			s := New(t.Context(), Options{Limits: Limits{Steps: 1 << 40}})
			defer s.Close()
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			most := uint64(0)
			measure := s.Meter.measure
			s.Meter.measure = func(limit int) int {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
				return measure(limit)
			}
			_, err := s.Call(s.Load(proto))
			if !errors.Is(err, ErrMemory) {
				t.Fatalf("ended with %v", err)
			}
			if most > 16<<20 {
				t.Errorf("held %d MiB before it was stopped", most>>20)
			}
		})
	}
}

func TestNothingToEscapeBy(t *testing.T) {
	for _, name := range []string{"io", "os", "debug", "load", "loadstring", "loadfile", "dofile", "collectgarbage", "newproxy",
		"getfenv", "setfenv", "module", "package", "coroutine", "_printregs"} {
		if _, err := run(t, "return "+name); err == nil {
			t.Errorf("there is a global %s", name)
		}
	}
	for name, src := range map[string]string{
		"string.dump":           `return string.dump`,
		"assigning a global":    `x = 1`,
		"overwriting a global":  `pairs = nil`,
		"adding to _G":          `_G.x = 1`,
		"rawset on _G":          `rawset(_G, "x", 1)`,
		"changing a library":    `string.rep = nil`,
		"rawset on a library":   `rawset(string, "rep", nil)`,
		"metatable of texts":    `getmetatable("").__index = {}`,
		"metatable of _G":       `setmetatable(_G, {})`,
		"metatable of a text":   `setmetatable("", {})`,
		"method on a text":      `return ("x"):nothing()`,
		"table.maxn":            `return table.maxn`,
		"randomseed":            `math.randomseed(1)`,
		"format of a function":  `string.format("%d", print)`,
		"random of nothing":     `math.random(0)`,
		"far index":             `local t = {} t[67000000] = 1`,
		"index in constructor":  `local t = { [60000000] = 1 }`,
		"unpack of very many":   `unpack({}, 1, 1e8)`,
		"unpack to the end":     `unpack({}, -1e308, 1e308)`,
		"reading absent global": `local a = nothingLikeThis`,
		"negative rep":          `return #("x"):rep(-1e300) + nil`,
		"table.concat too far":  `table.concat({}, "", 1, 1e9)`,
	} {
		if _, err := run(t, src); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Parse([]byte("\x1bLuaQ"), "x.lua"); err == nil {
		t.Error("bytecode was accepted")
	}
}

// One state cannot be seen from another, though they share prototypes.
func TestStatesShareNothing(t *testing.T) {
	proto := compile(t, `local n = 0 return function() n = n + 1 return n end`)
	for range 2 {
		s := New(t.Context(), Options{})
		fn, err := s.Call(s.Load(proto))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := s.Call(fn); v.String() != "1" {
			t.Errorf("counted to %s in a fresh state", v)
		}
		s.Close()
	}
}

// Hanging up unwinds a script that catches everything.
func TestEndOfContextCannotBeCaught(t *testing.T) {
	gone := errors.New("hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := New(ctx, Options{})
	defer s.Close()
	waiting := make(chan struct{})
	s.SetGlobal("wait", s.L.NewFunction(func(*lua.LState) int {
		s.Meter.Wait(time.Now, func() {
			select {
			case waiting <- struct{}{}:
			case <-ctx.Done():
			}
			<-ctx.Done()
		})
		return 0
	}))
	after := false
	s.SetGlobal("after", s.L.NewFunction(func(*lua.LState) int { after = true; return 0 }))
	go func() {
		<-waiting
		cancel(gone)
	}()
	_, err := s.Call(s.Load(compile(t, `while true do pcall(pcall, wait) pcall(after) after() end`)))
	if !errors.Is(err, gone) || after {
		t.Fatalf("ended with %v; went on: %v", err, after)
	}
	// The state still works under a context of its own: that is what onHangup needs.
	s.SetContext(t.Context())
	if v, err := s.Call(s.Load(compile(t, `return 1 + 1`))); err != nil || v.String() != "2" {
		t.Fatalf("afterwards: %v, %v", v, err)
	}
}

func TestStepsAreWonBackByWaiting(t *testing.T) {
	now := time.Unix(0, 0)
	s := New(t.Context(), Options{Limits: Limits{Steps: 10_000, StepsPerSecond: 1000}, Now: func() time.Time { return now }})
	defer s.Close()
	s.SetGlobal("sleep", s.L.NewFunction(func(*lua.LState) int {
		s.Meter.Wait(func() time.Time { return now }, func() { now = now.Add(10 * time.Second) })
		return 0
	}))
	if _, err := s.Call(s.Load(compile(t, `for i = 1, 100 do for j = 1, 1000 do end sleep() end`))); err != nil {
		t.Errorf("a script that works a little and waits a lot ended with %v", err)
	}
	if _, err := s.Call(s.Load(compile(t, `for i = 1, 100 do for j = 1, 1000 do end end`))); !errors.Is(err, ErrSteps) {
		t.Errorf("the same without waiting ended with %v", err)
	}
}

func TestErrorsAreAtTheAuthorsLine(t *testing.T) {
	s := New(t.Context(), Options{Library: "stdlib/"})
	defer s.Close()
	lib, err := Parse([]byte("return function()\n  check()\nend"), "stdlib/menu.lua")
	if err != nil {
		t.Fatal(err)
	}
	proto, err := Compile(lib, "stdlib/menu.lua")
	if err != nil {
		t.Fatal(err)
	}
	menu, err := s.Call(s.Load(proto))
	if err != nil {
		t.Fatal(err)
	}
	s.SetGlobal("menu", menu)
	s.SetGlobal("check", s.L.NewFunction(func(*lua.LState) int {
		s.Raise(Raised{Message: "no prompt 'x'", Hint: "record it"})
		return 0
	}))
	_, err = s.Call(s.Load(compile(t, "local a = 1\nmenu()\nreturn a")))
	var script *ScriptError
	if !errors.As(err, &script) {
		t.Fatal(err)
	}
	if r := script.Raised; r.File != "main.lua" || r.Line != 2 || len(r.Path) < 2 || r.Path[0].File != "stdlib/menu.lua" {
		t.Errorf("%+v", r)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("01865 277513", "^(%d+) ?(%d-)$")
	f.Add("a?a", "%b()%f[%w][^]-x]*")
	f.Fuzz(func(t *testing.T, src, pat string) {
		left := 100_000
		m := &matcher{src: src, pat: pat, charge: func(n int) bool { left -= n; return left > 0 }}
		from, to, err := m.find(0)
		if err == nil && from >= 0 && (from > to || to > len(src)) {
			t.Errorf("%q on %q: %d to %d", pat, src, from, to)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	proto := compile(b, "return 1")
	b.ReportAllocs()
	for b.Loop() {
		s := New(b.Context(), Options{})
		if _, err := s.Call(s.Load(proto)); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// What a script catches speaks of lines, however the machine counts.
func TestWhatIsCaughtSpeaksOfLines(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"local ok, err = pcall(function() local t; return t.x end)\nreturn err", "main.lua:1: attempt to index a non-table object(nil) with key 'x'"},
		{"local ok, err = pcall(function()\n error('no') end)\nreturn err", "main.lua:2: no"},
		{"local ok, err = pcall(error, 'no', 0)\nreturn err", "no"},
		{"local ok, err = xpcall(function()\n\n return 1 < {} end, function(e) return 'caught ' .. e end)\nreturn err", "caught main.lua:3: attempt to compare number with table"},
		{"local ok, n = pcall(function() return false, 'x' end)\nreturn tostring(n)", "false"},
		{"local ok, err = pcall(error, { code = 7 })\nreturn tostring(err.code)", "7"},
	} {
		v, err := run(t, c.text)
		if err != nil || v.String() != c.want {
			t.Errorf("%s: %v %v, want %q", c.text, v, err, c.want)
		}
	}
}
