package stdlib_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// An emergency call is in the log from its beginning, with who calls from where and who is to be told, and when it is over.
func TestEmergencyCallsAreAudited(t *testing.T) {
	s := simulate(t)
	var written bytes.Buffer
	log := slog.New(slog.NewTextHandler(&written, nil))
	x, err := s.Open(dialtest.OpenOptions{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}()
	x.Engine().SetHandler(s.Host().With(x.Engine(), log, rand.Float64))
	x.Outside("999").Refuses(486)
	if _, err := x.Call("77503", "999", dialtest.CallOptions{}); err != nil {
		t.Fatal(err)
	}
	x.Run(nil, time.Minute)

	who := ` audit=emergency dialled=999 from=77503 name=Cay department=Music notify=77500 outcome=`
	want := []string{`msg="emergency call"` + who + `begins`}
	for range 3 {
		want = append(want, `msg="emergency call not connected"`+who+`"pstn: busy"`, `msg="emergency call not connected"`+who+`"backup: busy"`)
	}
	want = append(want, `msg="emergency call over" audit=emergency outcome=busy`)
	var got []string
	place := regexp.MustCompile(`^.*(msg="[^"]*") call=\S+ at=\S+`) // time and level before it
	for line := range strings.Lines(written.String()) {
		if strings.Contains(line, "audit=emergency") {
			got = append(got, strings.TrimSpace(place.ReplaceAllString(line, "$1")))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log has\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
