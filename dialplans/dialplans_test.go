package dialplans_test

import (
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The shipped dialplans do what their tests say, as belfry test has it, and the tests make use of every extension; those
// of chorus, which has it all, of every key of every menu too.
func TestShippedDialplans(t *testing.T) {
	for _, dir := range []string{"chorus", "starter"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			c := run(t, dir, dialtest.Options{Seed: 1, Cover: true}).Cover
			if len(c.Extensions) > 0 || dir == "chorus" && len(c.Choices) > 0 {
				var b strings.Builder
				c.Print(&b)
				t.Errorf("not all of it is used by a test\n%s", &b)
			}
		})
	}
}

// Whatever fails, nobody is stranded in a group, at the executive's, in a conference or in an emergency. belfry test --faults
// tries the rest.
func TestNobodyIsStranded(t *testing.T) {
	run(t, "chorus", dialtest.Options{Seed: 1, Faults: true, Only: regexp.MustCompile("help desk|porter|Dana|moderator|999")})
}

// run runs the tests of a site, which have to pass.
func run(t *testing.T, dir string, o dialtest.Options) *dialtest.Report {
	t.Helper()
	s, err := site.Simulate(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	o.Host, o.Open = s.Host(), s.Open
	report, err := dialtest.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if passed, failed, _ := report.Count(); passed == 0 || failed > 0 {
		var b strings.Builder
		report.Print(&b, dialtest.Style{})
		t.Errorf("%d passed, %d failed\n%s", passed, failed, &b)
	}
	return report
}
