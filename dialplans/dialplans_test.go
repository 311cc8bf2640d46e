package dialplans_test

import (
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
			s, err := site.Simulate(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			report, err := dialtest.Run(t.Context(), dialtest.Options{Host: s.Host(), Open: s.Open, Seed: 1, Cover: true})
			if err != nil {
				t.Fatal(err)
			}
			if passed, failed, _ := report.Count(); passed == 0 || failed > 0 {
				var b strings.Builder
				report.Print(&b, dialtest.Style{})
				t.Errorf("%d passed, %d failed\n%s", passed, failed, &b)
			}
			if c := report.Cover; len(c.Extensions) > 0 || dir == "chorus" && len(c.Choices) > 0 {
				var b strings.Builder
				c.Print(&b)
				t.Errorf("not all of it is used by a test\n%s", &b)
			}
		})
	}
}
