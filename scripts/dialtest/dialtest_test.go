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

// A thousand tests, each with a call that rings out and leaves a message, on one core.
func BenchmarkThousandMessages(b *testing.B) {
	s := simulate(b, "../../dialplans/starter")
	only := regexp.MustCompile(`^nobody answers: the caller leaves a message$`)
	b.ReportAllocs()
	for b.Loop() {
		r := run(b, s, func(o *dialtest.Options) { o.Only, o.Workers, o.Repeat = only, 1, 1000 })
		if passed, failed, _ := r.Count(); passed != 1 || failed != 0 {
			b.Fatal(passed, failed)
		}
	}
}
