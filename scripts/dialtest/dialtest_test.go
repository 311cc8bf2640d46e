package dialtest_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func simulate(t testing.TB, dir string) *site.Simulation {
	t.Helper()
	s, err := site.Simulate(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func run(t testing.TB, s *site.Simulation, change ...func(*dialtest.Options)) *dialtest.Report {
	t.Helper()
	o := dialtest.Options{Host: s.Host(), Open: s.Open, Seed: 1}
	for _, f := range change {
		f(&o)
	}
	report, err := dialtest.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func printed(r *dialtest.Report, files ...string) string {
	var b strings.Builder
	some := &dialtest.Report{}
	for _, f := range r.Files {
		if len(files) == 0 || f.Name == files[0] {
			some.Files = append(some.Files, f)
		}
	}
	some.Print(&b, dialtest.Style{})
	return b.String()
}

const verbs = "testdata/verbs"

// Every verb passes where it should, and where it should not it fails with its message.
func TestVerbs(t *testing.T) {
	report := run(t, simulate(t, verbs))
	for _, f := range report.Files {
		for _, r := range f.Results {
			if want := f.Name == "pass_test.lua"; r.OK() != want {
				t.Errorf("%s: %q: passed is %v", f.Name, r.Name, r.OK())
			}
			if r.Unsteady {
				t.Errorf("%s: %q does not always do the same", f.Name, r.Name)
			}
		}
	}
	if got := printed(report, "pass_test.lua"); strings.Contains(got, "FAIL") {
		t.Error(got)
	}
	golden := filepath.Join(verbs, "fail.txt")
	got := printed(report, "fail_test.lua")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// prepares are the verbs that only prepare something or do what always can be done: they do not fail but by a wrong argument.
var prepares = regexp.MustCompile(`^(Test:.*|Phone:(answersAfter|isBusy|rejects|isOffline|isOnline|rings|redirects|calls)|` +
	`TestMailbox:(add|setPin|setGreeting)|TestLine:set.*|TestList:(add|remove)|TestGroup:(login|logout)|TestTrunk:.*)$`)

// What is said of tests in the API is done, and both files of tests use all of it.
func TestVerbsAreAllTested(t *testing.T) {
	pass, err := os.ReadFile(filepath.Join(verbs, "pass_test.lua"))
	if err != nil {
		t.Fatal(err)
	}
	fail, err := os.ReadFile(filepath.Join(verbs, "fail_test.lua"))
	if err != nil {
		t.Fatal(err)
	}
	bound := dialtest.Bindings()
	for _, c := range api.Belfry().Classes {
		if !c.Tests {
			continue
		}
		for _, m := range c.Methods {
			name := c.Name + ":" + m.Name
			if bound[name] == nil {
				t.Errorf("nothing does %s", name)
			}
			delete(bound, name)
			use := regexp.MustCompile(`:` + m.Name + `\b`)
			if !use.Match(pass) {
				t.Errorf("no test that passes uses %s", name)
			}
			if !prepares.MatchString(name) && !use.Match(fail) {
				t.Errorf("no test that fails uses %s", name)
			}
		}
	}
	for name := range bound {
		t.Errorf("%s is not in the API", name)
	}
}

// The same tests give the same report, byte for byte, however many run side by side.
func TestAlwaysTheSame(t *testing.T) {
	s := simulate(t, verbs)
	want := printed(run(t, s, func(o *dialtest.Options) { o.Workers = 1 }))
	for _, workers := range []int{1, 4, 16} {
		if got := printed(run(t, s, func(o *dialtest.Options) { o.Workers = workers })); got != want {
			t.Fatalf("with %d side by side:\n%s\nwant\n%s", workers, got, want)
		}
	}
}

// site writes a site.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const twoLines = "number,name,voicemail\n201,Ana,yes\n202,Ben,yes\n"

// What a fault must not lead to is found: here a dialplan that forgets its caller when a prompt cannot be read.
func TestFaultsFindTheStranded(t *testing.T) {
	s := simulate(t, write(t, map[string]string{
		"lines.csv": twoLines,
		"main.lua": `extension("600", function(call)
  call:answer()
  if not pcall(function() call:playPrompt("hello-world") end) then call:sleep("3h") end
  call:hangup()
end)
extension("20x", function(call)
  if call:bridge(call.dialled).outcome ~= "answered" then call:recordVoicemail(call.dialled) end
end)`,
		"main_test.lua": `test("greeted", function(t) t:phone("201"):calls("600"):hears("hello-world"):hasEnded() end)
test("a message", function(t)
  t:phone("201"):calls("202"):hears("vm-intro"):speaksFor("4s"):presses("#"):hears("belfry/caller-menu"):presses("1"):hasEnded()
end)`}))
	report := run(t, s, func(o *dialtest.Options) { o.Faults = true })
	results := report.Files[0].Results
	greeted, message := results[0], results[1]
	if greeted.Failure != nil || greeted.OK() || len(greeted.Broken) != 1 {
		t.Fatalf("%+v", greeted)
	}
	b := greeted.Broken[0]
	if b.Fault != "prompt 1, hello-world" || !strings.Contains(b.Failure.Error(), "the caller is stranded: an hour later the caller hears nothing") || len(b.Calls) != 1 {
		t.Errorf("%s: %v, %d calls", b.Fault, b.Failure, len(b.Calls))
	}
	if !message.OK() || message.Faults < 50 {
		t.Errorf("%d faults: %+v", message.Faults, message.Broken)
	}
	if _, failed, _ := report.Count(); failed != 1 {
		t.Errorf("%d have failed", failed)
	}
}

// The shipped dialplan, the one of the second tutorial, stands every fault.
func TestStarterStandsFaults(t *testing.T) {
	report := run(t, simulate(t, "../../dialplans/starter"), func(o *dialtest.Options) { o.Faults = true })
	if passed, failed, _ := report.Count(); failed > 0 || passed == 0 {
		t.Error(printed(report))
	}
}

// Whatever no test makes use of is told in the words of those who dial.
func TestCover(t *testing.T) {
	s := simulate(t, write(t, map[string]string{
		"lines.csv":    twoLines,
		"settings.lua": `return { trunks = { pstn = { host = "sip.example.net" } } }`,
		"main.lua": `local menu = require "menu"
extension("600", { name = "reception" }, function(call)
  menu.offer(call, { prompt = "ext-or-zero", options = { ["0"] = "201", ["1"] = "202", ["20x"] = "dialled" }, giveUp = "201" })
end)
extension("20x", { name = "people" }, function(call) call:bridge(call.dialled) end)
extension("20x", { name = "people", from = "trunk:pstn" }, function(call) call:bridge(call.dialled) end)
extension("*43", { name = "echo test" }, function(call) call:echo("1m") end)`,
		"main_test.lua": `test("by number", function(t)
  t:phone("202"):answersAfter("1s")
  t:phone("201"):calls("600"):hears("ext-or-zero"):presses("202"):isTalkingTo("202")
end)`}))
	report := run(t, s, func(o *dialtest.Options) { o.Cover = true })
	if _, failed, _ := report.Count(); failed > 0 {
		t.Fatal(printed(report))
	}
	var b strings.Builder
	report.Cover.Print(&b)
	want := `2 of 4 extensions and 1 of 3 menu keys were used

  nobody dialled
    *43               echo test                                           main.lua:7
    20x               people                        from trunk:pstn       main.lua:6

  nobody pressed
    0 1               in menu of 600
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// A dialplan that cannot be loaded, and a file of tests that is none.
func TestWhatCannotBeTested(t *testing.T) {
	good := `extension("600", function(call) call:answer() end)`
	for _, c := range []struct{ name, text, want string }{
		{"not Lua", "test(", "main_test.lua:1:5: this '(' is never closed"},
		{"raises at once", `error("not today")`, "main_test.lua:1:1: not today"},
		{"two of a name", `test("x", function() end) test("x", function() end)`, `there are two tests called "x"`},
		{"a verb outside of a test", `local call = nil; call:answer()`, "main_test.lua:1:24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := run(t, simulate(t, write(t, map[string]string{"main.lua": good, "main_test.lua": c.text})))
			if got := printed(report); !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant %q", got, c.want)
			}
			if passed, failed, _ := report.Count(); passed != 0 || failed != 1 {
				t.Errorf("%d passed, %d failed", passed, failed)
			}
		})
	}
}

// A test that would go on for ever without letting time pass is stopped, and says where.
func TestWhatGoesOnForEver(t *testing.T) {
	s := simulate(t, write(t, map[string]string{
		"lines.csv": twoLines,
		"main.lua":  `extension("600", function(call) call:answer() call:sleep("1m") end)`,
		"main_test.lua": `test("from outside", function(t) while true do t:call{ from = "201", to = "600" } end end)
test("by a phone", function(t) while true do t:phone("201"):calls("600") end end)`}))
	got := printed(run(t, s))
	for _, want := range []string{"main_test.lua:1:50: the test was stopped here: it has placed 1000 calls", "main_test.lua:2:61: the test was stopped here: it has placed 1000 calls"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q", got, want)
		}
	}
}

// A thousand tests of shipped dialplans, each with a call that rings out and leaves a message: with -cpu 1, on one core.
func BenchmarkThousandTests(b *testing.B) {
	for _, name := range []string{"starter", "chorus"} {
		b.Run(name, func(b *testing.B) {
			s := simulate(b, "../../dialplans/"+name)
			only := func(o *dialtest.Options) { o.Only = regexp.MustCompile(`^nobody answers.*message`) }
			tests, failed, _ := run(b, s, only).Count()
			if tests == 0 || failed > 0 {
				b.Fatalf("%d tests pass, %d fail", tests, failed)
			}
			repeat := 1000 / tests
			b.ReportAllocs()
			for b.Loop() {
				if _, failed, _ := run(b, s, only, func(o *dialtest.Options) { o.Repeat = repeat }).Count(); failed > 0 {
					b.Fatal("a test fails")
				}
			}
			done := float64(b.N * repeat * tests)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/done, "ns/test")
			b.ReportMetric(done/b.Elapsed().Seconds(), "tests/s")
		})
	}
}
