package site

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/control"
	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

const runningPlan = `
extension("20x", { name = "people" }, function(call) call:bridge(call.dialled, { timeout = "20s" }) end)
extension("300", { name = "refuses" }, function(call) call:reject("congested") end)
extension("400", { name = "menu" }, function(call)
  call:playPrompt { "vm-youhave", "digits/7" }
  local got = call:readDigits { prompt = "ext-or-zero", max = 3 }
  if got.digits == "202" then call:bridge("202") end
  call:hangup()
end)
`

const runningTests = `
test("menu", function(t)
  t:phone("202"):answersAfter("1s")
  local caller = t:call { from = "201", to = "400" }
  caller:hears { "vm-youhave", "digits/7" }:hears("ext-or-zero"):presses("202"):isTalkingTo("202")
  t:phone("202"):isTalkingTo("201"):shows { number = "201" }
  caller:speaksFor("1s"):hangsUp()
end)
test("rings", function(t)
  local caller = t:phone("201"):calls("202"):hearsRinging()
  t:phone("202"):isRinging():answers():isTalkingTo("201")
  t:elapsed("1s", { within = "20s" })
end)
test("busy", function(t) t:phone("202"):isBusy() t:phone("201"):calls("202"):isRejected() end)
test("not so", function(t)
  t:phone("202"):answersAfter("0s")
  t:phone("201"):calls("202"):isTalkingTo("202")
  t:phone("203"):calls("300"):isRejected("busy")
end)
test("no such line", function(t) t:phone("299"):isBusy() end)
test("its time", function(t) t:at("sat 10:00") end)
test("its mailbox", function(t) t:mailbox("201"):has { from = "202" } end)
test("its lists", function(t) assert(not pcall(function() return list("blocked"):includes("1") end)) end)
test("from outside", function(t) t:call { from = "+447700900123", to = "201" } end)
`

// lender knows what is lent.
type lender struct {
	manage.Manager
	mu   sync.Mutex
	lent map[string]bool
}

func (l *lender) Lend(ctx context.Context, line string, long time.Duration) (manage.Caller, error) {
	c, err := l.Manager.Lend(ctx, line, long)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent[c.User] = true
	return c, err
}

func (l *lender) TakeBack(ctx context.Context, user string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.lent, user)
	return l.Manager.TakeBack(ctx, user)
}

func TestTestsOfAnExchangeThatRuns(t *testing.T) {
	t.Parallel()
	o := options(t)
	for name, text := range map[string]string{"main.lua": runningPlan, "main_test.lua": runningTests} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := running(t, o)
	for _, number := range []string{"201", "202", "203"} {
		if _, err := s.Manager().AddLine(t.Context(), manage.NewLine{Line: directory.Line{Number: number}}); err != nil {
			t.Fatal(err)
		}
	}
	holder, ok := control.Holder(o.Data)
	if !ok {
		t.Fatal("the exchange tells nobody of its socket")
	}
	m := &lender{Manager: control.NewClient(holder.Socket), lent: map[string]bool{}}
	r, err := GoRunning(t.Context(), o.Dir, m, time.Hour)
	if err != nil {
		t.Fatal(err, Problems(err))
	}
	got := map[string]string{}
	report, err := dialtest.Run(t.Context(), dialtest.Options{Host: r.Host(), Open: r.Open, Workers: 1, Live: time.Minute,
		Done: func(_ string, r dialtest.Result) {
			for _, number := range []string{"201", "202", "203"} {
				if l, err := m.Line(t.Context(), number); err != nil || len(l.Devices) > 0 {
					t.Errorf("%s: line %s has telephones left: %+v, %v", r.Name, number, l.Devices, err)
				}
			}
			if len(m.lent) > 0 {
				t.Errorf("%s: %d credentials are lent still", r.Name, len(m.lent))
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range report.Files[0].Results {
		switch {
		case one.OK():
			got[one.Name] = "ok"
		case one.LeftOut != "":
			got[one.Name] = "left out: " + one.LeftOut
		default:
			got[one.Name] = one.Failure.At.Message
			if one.Name == "not so" && (len(one.Calls) != 2 || one.Calls[1].To != "300" || len(one.Calls[1].Steps) == 0) {
				t.Errorf("%s: the stories of its calls are %+v", one.Name, one.Calls)
			}
		}
	}
	const needs = "left out: it needs an exchange of its own"
	want := map[string]string{
		"menu": "ok", "rings": "ok", "busy": "ok",
		"not so":       `the caller should be rejected as "busy" (486), but the call has ended (503)`,
		"no such line": "the exchange that runs has no line 299",
		"its time":     needs, "its mailbox": needs, "its lists": needs, "from outside": needs,
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !strings.Contains(got[name], want[name]) {
			t.Errorf("%s: %s, want %s", name, got[name], want[name])
		}
	}
	if calls, err := m.Calls(t.Context()); err != nil || len(calls) > 0 {
		t.Errorf("calls are left: %+v, %v", calls, err)
	}
}
