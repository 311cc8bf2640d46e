package scripts

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// site writes a dialplan's files into a folder.
func site(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// Written beside and renamed over, as editors do.
		if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
}

type prompts []string

func (p prompts) Has(name, _ string) bool   { return slices.Contains(p, name) }
func (p prompts) Names(string) []string     { return p }
func (p prompts) HasMusic(name string) bool { return name == "bells" }
func (p prompts) MusicNames() []string      { return []string{"bells"} }

func library() fs.FS {
	return fstest.MapFS{
		"say.lua":  {Data: []byte(`return { digits = function(s) local t = {} for d in s:gmatch("%d") do t[#t + 1] = "digits/" .. d end return t end }`)},
		"menu.lua": {Data: []byte("return function(call, options)\n  local o = check(\"menu\", options, { prompt = false, timeout = \"5s\", tries = 3 })\n  return o.tries\nend")},
	}
}

func open(t testing.TB, files map[string]string) (*Host, error) {
	t.Helper()
	return Open(Options{Dir: site(t, files), Stdlib: library(), Prompts: prompts{"vm-intro", "digits/1"}})
}

func TestRoutes(t *testing.T) {
	h, err := open(t, map[string]string{
		"main.lua": `
			require "lines"
			extension("999", { from = "any", emergency = true }, function(call) end)
			extension("00.", { needs = "international" }, function(call) end)
			extension("600", { from = { "lines", "trunk:pstn" }, name = "sales" }, function(call) end)`,
		"lines.lua": `
			extension("7xxxx", function(call) call:bridge(call.dialled) end)
			for _, trunk in ipairs { "a", "b" } do
			  extension("277513", { from = "trunk:" .. trunk }, function(call) end)
			end`,
	})
	if err != nil {
		t.Fatal(err)
	}
	line := engine.Party{Line: "77513"}
	for _, c := range []struct {
		from          engine.Party
		number, where string
	}{
		{line, "77514", "lines.lua:2"},
		{line, "999", "main.lua:3"},
		{engine.Party{}, "999", "main.lua:3"},
		{engine.Party{}, "77514", ""},
		{engine.Party{Trunk: "pstn"}, "600", "main.lua:5"},
		{engine.Party{Trunk: "b"}, "277513", "lines.lua:4"},
		{engine.Party{Trunk: "c"}, "277513", ""},
		{line, "0044", "main.lua:4"},
	} {
		r, _, _ := h.Match(c.number, c.from)
		if r.Where != c.where {
			t.Errorf("%s from %+v is taken by %q, want %q", c.number, c.from, r.Where, c.where)
		}
	}
	if !h.Emergency(engine.Party{}, "999") || h.Emergency(line, "600") {
		t.Error("emergency numbers are not told apart")
	}
}

func TestGroups(t *testing.T) {
	h, err := open(t, map[string]string{"main.lua": `
		group("600", { members = { "77513", { "77514", ringFor = "20s", weight = 2 } }, ringFor = "12s", overflow = "77500" })
		local sales = group("600")
		extension("600", function(call) return sales.members end)`})
	if err != nil {
		t.Fatal(err)
	}
	g, ok := h.Group("600")
	if !ok || g.Kind != "hunt" || g.Strategy != "sequential" || g.RingFor.Seconds() != 12 || g.Overflow != "77500" ||
		len(g.Members) != 2 || g.Members[1].Number != "77514" || g.Members[1].RingFor.Seconds() != 20 || g.Members[1].Weight != 2 {
		t.Errorf("%+v", g)
	}
}

// Every mistake is found when the dialplan is loaded, with its line, a caret, and what to do.
func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"unknown global", `extesion("600", function(call) end)`, "main.lua:1:1: nothing is called 'extesion' [E010] did you mean 'extension'?"},
		{"unknown method", `extension("600", function(call) call:playPromt("vm-intro") end)`, "main.lua:1:38: a call has no method 'playPromt' [E011] did you mean 'playPrompt'?"},
		{"underscore", `extension("600", function(call) call:play_prompt("vm-intro") end)`, "main.lua:1:38: a call has no method 'play_prompt' [E011] did you mean 'playPrompt'?"},
		{"any name of the call", `extension("600", function(c) c:anser() end)`, "main.lua:1:32: a call has no method 'anser' [E011] did you mean 'answer'?"},
		{"unknown option", "extension(\"600\", function(call)\n  call:bridge(\"77513\", {\n    timout = \"12s\",\n  })\nend)", "main.lua:3:5: call:bridge has no option 'timout' [E012] did you mean 'timeout'? (options:"},
		{"unknown field", `extension("600", function(call) return call.form end)`, "main.lua:1:45: a call has no 'form' [E011] did you mean 'from'?"},
		{"dot for colon", `extension("600", function(call) call.answer() end)`, "main.lua:1:38: answer is called with a colon [E011] write call:answer(…)"},
		{"missing prompt", `extension("600", function(call) call:playPrompt { "vm-intro", "vm-intr0" } end)`, "main.lua:1:64: there is no prompt \"vm-intr0\" [E014] did you mean 'vm-intro'?"},
		{"unknown tone", `extension("600", function(call) call:playPrompt("tone:bussy") end)`, "there is no tone \"bussy\" [E014] did you mean 'busy'?"},
		{"bad duration", `extension("600", function(call) call:sleep("2 s") end)`, "call:sleep: time cannot be \"2 s\" [E013]"},
		{"number for text", `extension("600", function(call) call:bridge(77513) end)`, "telephone numbers are texts, and 77513 is a number [E013] write \"77513\""},
		{"closed set", `extension("600", function(call) call:reject("bussy") end)`, "call:reject: reason cannot be \"bussy\" [E013] did you mean 'busy'?"},
		{"missing module", `require "mneu"`, "main.lua:1:10: there is no module 'mneu' [E015] did you mean 'menu'?"},
		{"bad pattern", `extension("7XXX", function(call) end)`, "write X in lower case [E016]"},
		{"no handler", `extension("600", { name = "x" })`, "extension needs a handler [E013]"},
		{"unknown extension option", `extension("600", { form = "any" }, function(call) end)`, "extension has no option 'form' [E012] did you mean 'from'?"},
		{"bad from", `extension("600", { from = "line" }, function(call) end)`, "from = \"line\" is neither \"lines\", \"any\" nor \"trunk:NAME\" [E012]"},
		{"conflict", "extension(\"600\", function(call) end)\nextension(\"600\", { from = \"any\" }, function(call) end)", "main.lua:2:11: extension \"600\" takes the same calls as the one at main.lua:1 [E017]"},
		{"conflict of sets", "extension(\"7[12]\", function(call) end)\nextension(\"7[23]\", function(call) end)", "neither is more specific [E017]"},
		{"global assigned", "team = { \"77513\" }\nextension(\"600\", function(call) end)", "main.lua:1:1: 'team' is not a local name, and globals cannot be assigned [E019] write local"},
		{"global function", "function help() end", "main.lua:1:10: 'help' is not a local name"},
		{"io", `local f = io.open("x")`, "nothing is called 'io' [E010] scripts have no files"},
		{"write at load", `list("vips"):add("77513")`, "main.lua:1:14: list:add can only be used while handling a call [E018]"},
		{"store at load", `store("x"):set("a", 1)`, "store:set can only be used while handling a call [E018]"},
		{"read at load", `local n = line("77513").name`, "a line can be named while the dialplan is loaded, but not looked at [E018]"},
		{"error at load", "local t = nil\nlocal x = t.y", "main.lua:2:13: what stands before 'y' here is nil, which has no fields [E020]"},
		{"error raised", `error("no team")`, "main.lua:1:1: no team [E020]"},
		{"loop at load", `while true do end`, "main.lua:1:1: the script ran too long without waiting for anybody (an endless loop?) [E021]"},
		{"unclosed if", "if true then\n  local x = 1\n", "main.lua:1:1: this 'if' is never closed [E002] every 'if … then' needs an 'end'"},
		{"unclosed bracket", "extension(\"600\", function(call)\n  call:answer(\nend)", "main.lua:2:14: this '(' is never closed [E002] add ')'"},
		{"unclosed for in function", "extension(\"600\", function(call)\n  for i = 1, 3 do\n    call:answer()\nend)", "main.lua:2:3: this 'for' is never closed [E002]"},
		{"not equal", "if 1 != 2 then end", "'not equal' is written"},
		{"requires itself", `require "a"`, "module 'a' requires itself [E015]"},
		{"bad schedule", `schedule { "mon-fir 09:00-17:00" }`, "\"mon-fir\" is not a day"},
		{"schedule option", `schedule { "mon", zoen = "Europe/London" }`, "schedule has no option 'zoen' [E012] did you mean 'zone'?"},
		{"group twice", "group(\"600\", { members = {} })\ngroup(\"600\", { members = {} })", "group 600 is declared twice, first at main.lua:1"},
		{"group option", `group("600", { strategy = "rondom" })`, "group: strategy cannot be \"rondom\" [E013] did you mean 'random'?"},
		{"library's options", `require "menu" (nil, { tires = 2 })`, "main.lua:1:24: menu has no option 'tires' [E012] did you mean 'tries'?"},
		{"allowed", "extension(\"600\", function(call) call:anser() end) -- lint: allow E011", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := open(t, map[string]string{"main.lua": c.src, "a.lua": `return require "a"`, "x_test.lua": "this is not Lua"})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("generation %d was made of it", h.Generation())
			}
			var all []string
			for _, p := range Problems(err) {
				place, _, _ := strings.Cut(p.Error(), ": ")
				all = append(all, fmt.Sprintf("%s: %s [%s] %s", place, p.Message, p.Code, p.Hint))
				if p.Line > 0 && !strings.Contains(p.String(), " > ") {
					t.Errorf("no source line:\n%s", p)
				}
				if p.Effect != "this dialplan was not loaded" {
					t.Errorf("effect %q", p.Effect)
				}
			}
			if !strings.Contains(strings.Join(all, "\n"), c.want) {
				t.Errorf("got\n%s\nwant\n%s\nerror %v", strings.Join(all, "\n"), c.want, err)
			}
		})
	}
}

func TestProblemAsPrinted(t *testing.T) {
	_, err := open(t, map[string]string{"main.lua": "local team = { \"77513\" }\nextension(\"600\", function(call)\n  call:bridge(team, {\n    timout = \"12s\",\n  })\nend)\n"})
	want := `main.lua:4:5: call:bridge has no option 'timout'  [E012]

     3 |   call:bridge(team, {
 >   4 |     timout = "12s",
       |     ^^^^^^
     5 |   })

   hint: did you mean 'timeout'? (options: strategy, timeout, ringFor, ringback, callerName, callerNumber, announce, answerTo, limit, diversion, language)

   this dialplan was not loaded
`
	if p := Problems(err); len(p) != 1 || p[0].String() != want {
		t.Errorf("got\n%v\nwant\n%s", p, want)
	}
}

func TestReload(t *testing.T) {
	dir := site(t, map[string]string{"main.lua": `extension("600", function(call) end)`})
	h, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Reload(t.Context())
	if err != nil || !r.Unchanged || r.Generation != 1 {
		t.Errorf("the same files: %+v, %v", r, err)
	}
	write(t, dir, map[string]string{"main.lua": `extension("600", function(call)`})
	if _, err = h.Reload(t.Context()); err == nil || h.Generation() != 1 {
		t.Fatalf("a broken file: generation %d, %v", h.Generation(), err)
	}
	if p := Problems(err); len(p) != 1 || p[0].Effect != "this dialplan was not loaded; generation 1 keeps serving" {
		t.Errorf("%+v", p)
	}
	write(t, dir, map[string]string{"main.lua": `require "sales"`, "sales.lua": `extension("601", function(call) end)`})
	r, err = h.Reload(t.Context())
	if err != nil || r.Generation != 2 || !slices.Equal(r.Changed, []string{"main.lua", "sales.lua"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, _, ok := h.Match("601", engine.Party{Line: "1"}); !ok {
		t.Error("the new extension is not there")
	}
	if s := r.String(); !strings.HasPrefix(s, "dialplans: generation 2 live in ") || !strings.HasSuffix(s, " ms (main.lua, sales.lua changed)") {
		t.Errorf("%q", s)
	}
}

func TestReportNamesCallsOnOlderGenerations(t *testing.T) {
	r := Report{Generation: 8, Took: 41e6, Changed: []string{"sales.lua"}, Finishing: []Finishing{{7, 3}}}
	if want := "dialplans: generation 8 live in 41 ms (sales.lua changed) · 3 calls finishing on 7"; r.String() != want {
		t.Errorf("%q", r)
	}
}

// A generation goes when its last call does; a redirected call stays on its own.
func TestCallsHoldTheirGeneration(t *testing.T) {
	dir := site(t, map[string]string{"main.lua": `extension("600", function(call) end)`})
	h, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var hangUp []func()
	on := func(fn func()) { hangUp = append(hangUp, fn) }
	first := h.hold("a", on)
	write(t, dir, map[string]string{"main.lua": `extension("601", function(call) end)`})
	r, err := h.Reload(t.Context())
	if err != nil || !slices.Equal(r.Finishing, []Finishing{{1, 1}}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if h.hold("a", on) != first || h.hold("b", on) == first {
		t.Error("a call is not on the generation it began with")
	}
	for _, fn := range hangUp {
		fn()
	}
	if r := h.report(); len(r.Finishing) != 0 || len(h.old) != 0 || len(h.byCall) != 0 {
		t.Errorf("something is left of calls that are over: %+v", r)
	}
}

func TestCheckLooksAtTestsToo(t *testing.T) {
	problems, err := Check(context.Background(), Options{Dir: site(t, map[string]string{
		"main.lua": `extension("600", function(call) call:answer() end)`, "main_test.lua": "test(\"x\", function(t)\n  t:phone(\"1\"):isBusy()\n  nope()\nend)"})})
	if err != nil || len(problems) != 1 || problems[0].Code != diag.CodeGlobal || problems[0].Line != 3 {
		t.Errorf("%v, %v", problems, err)
	}
}

// What the API promises is there, and nothing else.
func TestBindingsAndAPIAgree(t *testing.T) {
	a, b := api.Belfry(), bindings(nil)
	want := map[string]bool{}
	for _, f := range a.Funcs {
		if f.Name != "require" && f.Name != "extension" {
			want[f.Name] = true
		}
	}
	for _, m := range a.Modules {
		for _, f := range m.Funcs {
			want[m.Name+"."+f.Name] = true
		}
	}
	for _, c := range a.Classes {
		if c.Tests {
			continue
		}
		for _, f := range c.Methods {
			want[c.Name+":"+f.Name] = true
		}
		if len(c.Methods) == 0 && c.Name != "Recording" && c.Name != "Error" {
			continue // a plain table
		}
		for _, f := range c.Fields {
			if b.fields[c.Name+"."+f.Name] == nil {
				t.Errorf("nothing reads %s.%s", c.Name, f.Name)
			}
		}
	}
	for name := range want {
		if b.funcs[name] == nil {
			t.Errorf("nothing does %s", name)
		}
	}
	for name := range b.funcs {
		if !want[name] {
			t.Errorf("%s is not in the API", name)
		}
	}
}
