package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/explain"
	"github.com/belfry-pbx/belfry/stdlib"
)

// The shipped dialplan, with its lines as they may stand.

// noon is when the tests' calls are made.
func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// load is an exchange with a dialplan and the standard library.
func load(t *testing.T, dir string) explain.Exchange {
	t.Helper()
	o := engine.Options{Trunks: []engine.Trunk{{Name: "pstn"}}, Prompts: prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}})}
	host, err := scripts.Open(scripts.Options{Dir: dir, Stdlib: stdlib.Files, Trunks: []string{"pstn"}, Prompts: o.Prompts})
	if err != nil {
		t.Fatal(err)
	}
	return explain.Exchange{Host: host, Site: newSite(t), Engine: o}
}

func chorus(t *testing.T) explain.Exchange {
	t.Helper()
	dir := filepath.Join("..", "..", "dialplans", "chorus")
	x := load(t, dir)
	ctx := context.Background()
	f, err := os.Open(filepath.Join(dir, "lines.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := x.Site.Directory().ImportCSV(ctx, f, directory.ImportOptions{
		CheckPIN:  mailbox.CheckNewPIN,
		SetPIN:    func(ctx context.Context, number, _ string) error { return x.Site.Mailboxes().Create(ctx, number) },
		NewSecret: func(string, string) {},
	}); err != nil {
		t.Fatal(err)
	}
	return x
}

// told are the steps but for SIP's messages, one a line.
func told(a *explain.Answer) string {
	var b strings.Builder
	for _, s := range a.Steps {
		if s.Kind != trace.SIP {
			b.WriteString(s.Text + "\n")
		}
	}
	return b.String()
}

func ringing(a *explain.Answer) (rung []string) {
	for _, s := range a.Steps {
		if to, ok := strings.CutPrefix(s.Text, "INVITE "); ok && s.From == trace.Exchange {
			rung = append(rung, to)
		}
	}
	return rung
}

func TestStepsOfTheShippedDialplan(t *testing.T) {
	forward := func(line string, kind directory.ForwardKind, to string) func(*explain.Exchange) error {
		return func(x *explain.Exchange) error {
			return x.Site.Directory().SetForward(context.Background(), line, kind, to)
		}
	}
	for name, c := range map[string]struct {
		stands   func(x *explain.Exchange) error
		from, to string
		numbers  string // of the routings
		rings    string // in order
		hears    string
		status   int
		lines    string // that are told of
	}{
		"one of ours": {
			from: "77513", to: "15902", numbers: "15902", rings: "15902", hears: "vm-intro", status: 200, lines: "77513 15902",
		},
		"one of ours in full": {
			from: "77513", to: "+44 1865 615902", numbers: "+441865615902 15902", rings: "15902", hears: "vm-intro", status: 200, lines: "77513 15902",
		},
		"forwarded": {
			stands: forward("77514", directory.ForwardAlways, "15902"),
			from:   "77513", to: "77514", numbers: "77514", rings: "15902", hears: "vm-intro", status: 200, lines: "77513 77514 15902",
		},
		"forwarded on no answer, out of the house": {
			stands: forward("77514", directory.ForwardNoAnswer, "02079460000"),
			from:   "+447700900123", to: "77514", numbers: "77514", rings: "77514 +442079460000", hears: "vm-intro", status: 200, lines: "77514",
		},
		"forwarded to what the line may not call": {
			stands: forward("77514", directory.ForwardAlways, "0015551234567"),
			from:   "77513", to: "77514", numbers: "77514", rings: "77514", hears: "not forwarded: the line may not call there", status: 200, lines: "77513 77514",
		},
		"do not disturb": {
			stands: func(x *explain.Exchange) error {
				return x.Site.Directory().SetDND(context.Background(), "77514", true)
			},
			from: "77513", to: "77514", numbers: "77514", hears: "vm-intro", status: 200, lines: "77513 77514",
		},
		"no telephone": {
			stands: func(x *explain.Exchange) error {
				x.Phones = func(line string) (int, bool) { return map[string]int{"77513": 1}[line], false }
				return nil
			},
			from: "77513", to: "15902", numbers: "15902", hears: "vm-intro", status: 200, lines: "77513 15902",
		},
		"two telephones": {
			stands: func(x *explain.Exchange) error {
				x.Phones = func(string) (int, bool) { return 2, false }
				return nil
			},
			from: "77513", to: "15902", numbers: "15902", rings: "15902 15902", hears: "vm-intro", status: 200, lines: "77513 15902",
		},
		"a line that has a call": {
			stands: func(x *explain.Exchange) error {
				x.Phones = func(line string) (int, bool) { return 1, line == "15902" }
				return nil
			},
			from: "77513", to: "15902", numbers: "15902", hears: "vm-isonphone", status: 200, lines: "77513 15902",
		},
		"no permission": {
			from: "77620", to: "+447700900123", numbers: "+447700900123 07700900123", hears: "belfry/not-authorised-mobile", status: 403, lines: "77620",
		},
		"a group whose first member has logged out": {
			stands: func(x *explain.Exchange) error {
				return x.Site.Directory().Logout(context.Background(), "15000", "77610")
			},
			from: "77513", to: "15000", numbers: "15000", rings: "77611 77612", hears: "vm-intro", status: 200, lines: "77513 15000 77610 77611 77612",
		},
		"a group that overflows to another": {
			from: "77513", to: "15100", numbers: "15100 15000", rings: "77620 77621 77610 77611 77612", hears: "vm-intro", status: 200,
			lines: "77513 15000 77620 77621 77610 77611 77612",
		},
		"an executive": {
			from: "77513", to: "77600", numbers: "77600", rings: "77601 77602", hears: "vm-intro", status: 200, lines: "77513 77600 77601 77602",
		},
		"an emergency": {
			from: "77621", to: "999", numbers: "999", rings: "999 999 999", hears: "belfry/emergency-failed", status: 200, lines: "77621",
		},
		"a number that is none": {
			from: "77513", to: "90770090012", numbers: "90770090012", hears: "tone unobtainable", status: 404, lines: "77513",
		},
		"nothing for callers from outside": {
			from: "+447700900123", to: "*97", numbers: "*97", status: 404,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := chorus(t)
			if c.stands != nil {
				if err := c.stands(&x); err != nil {
					t.Fatal(err)
				}
			}
			a := askAt(t, x, c.from, c.to, noon())
			var numbers, lines []string
			for _, r := range a.Routings {
				numbers = append(numbers, r.Number)
			}
			for _, l := range a.Lines {
				lines = append(lines, l.Number)
			}
			if got := strings.Join(numbers, " "); got != c.numbers {
				t.Errorf("routed by %q, want %q", got, c.numbers)
			}
			if got := strings.Join(ringing(a), " "); got != c.rings {
				t.Errorf("rings %q, want %q", got, c.rings)
			}
			if got := strings.Join(lines, " "); got != c.lines {
				t.Errorf("tells of lines %q, want %q", got, c.lines)
			}
			if !strings.Contains(told(a), c.hears) {
				t.Errorf("the caller does not hear %q", c.hears)
			}
			if a.Outcome.Status != c.status {
				t.Errorf("ends with %d, want %d", a.Outcome.Status, c.status)
			}
			if t.Failed() {
				t.Log("\n" + told(a))
			}
		})
	}
}

// Nothing that is explained is done: the line is as it was, and no message is left.
func TestNothingIsChanged(t *testing.T) {
	ctx, x := context.Background(), chorus(t)
	for _, c := range [][2]string{{"77513", "*78"}, {"77513", "*7215902"}, {"77610", "*4515000"}, {"77513", "77514"}} {
		ask(t, x, c[0], c[1])
	}
	line, err := x.Site.Directory().Line(ctx, "77513")
	if err != nil || line.DND || line.ForwardOn(directory.ForwardAlways) != "" {
		t.Errorf("77513 is now %+v, %v", line, err)
	}
	if out, err := x.Site.Directory().LoggedOut(ctx, "15000"); err != nil || len(out) > 0 {
		t.Errorf("logged out of 15000: %v, %v", out, err)
	}
	box, err := x.Site.Mailboxes().Get("77514")
	if err != nil {
		t.Fatal(err)
	}
	if messages, err := box.Messages(ctx, "new"); err != nil || len(messages) > 0 {
		t.Errorf("the mailbox of 77514 has %v, %v", messages, err)
	}
}

func TestTheSameQuestionHasTheSameAnswer(t *testing.T) {
	var first []byte
	for range 5 {
		got, err := json.Marshal(askAt(t, chorus(t), "77513", "15000", noon()))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(got, first) {
			t.Fatalf("answers differ:\n%s\n%s", first, got)
		}
	}
}

// site is an exchange with a dialplan of its own and the lines 201 and 202.
func site(t *testing.T, main string) explain.Exchange {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	x := load(t, dir)
	for _, number := range []string{"201", "202"} {
		l := directory.Line{Number: number, Kind: directory.NonPerson, Permissions: []string{"internal"}}
		if err := x.Site.Directory().Add(context.Background(), l, directory.GenerateSecret()); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestSchedulesAtTheTimeThatIsAskedAbout(t *testing.T) {
	x := site(t, `local hours = schedule { "mon-fri 09:00-17:30", "sat 10:00-12:00", zone = "UTC" }
extension("600", { from = "any" }, function(call)
  if not hours:isOpen() then call:reject("unavailable") end
  call:bridge("201", { timeout = "10s" })
  call:reject("busy")
end)`)
	for at, open := range map[string]bool{"2026-11-25 12:00": true, "2026-11-25 20:00": false, "2026-11-28 11:59": true, "2026-11-29 12:00": false} {
		when, err := time.Parse("2006-01-02 15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		a := askAt(t, x, "202", "600", when)
		want := []explain.Schedule{{Rules: "mon-fri 09:00-17:30, sat 10:00-12:00", Where: "main.lua:3", Open: open}}
		if !slices.Equal(a.Schedules, want) {
			t.Errorf("at %s: schedules %+v, want %+v", at, a.Schedules, want)
		}
		if (len(ringing(a)) == 1) != open || (a.Outcome.Status == 486) != open {
			t.Errorf("at %s it is open: %v, but %v rings, and the call ends with %d", at, open, ringing(a), a.Outcome.Status)
		}
	}
}

// Who is transferred reaches what the one who transfers him reaches.
func TestRoutingsOfATransfer(t *testing.T) {
	a := ask(t, site(t, `extension("201", { from = "any" }, function(call) call:transfer("202") end)
extension("202", { needs = "internal" }, function(call) call:reject("busy") end)`), "+447700900123", "201")
	if len(a.Routings) != 2 || a.Routings[1].Winner() == nil || !a.Routings[1].Permission.Held {
		t.Errorf("routings %+v, want the second by the permission of 201", a.Routings)
	}
}

func TestACallThatNeverEnds(t *testing.T) {
	a := ask(t, site(t, `extension("600", function(call) call:answer() while true do call:playPrompt("tone:beep") end end)`), "201", "600")
	if !a.Outcome.GivesUp || a.Outcome.Lasts < 60 || len(a.Steps) == 0 {
		t.Errorf("outcome %+v after %d steps, want a caller who gives up", a.Outcome, len(a.Steps))
	}
}

// A handler that does more than can be simulated is stopped, and what is known is told.
func TestACallThatIsTooMuch(t *testing.T) {
	a := ask(t, site(t, `extension("600", function(call) call:answer() while true do call:sleep("1ms") end end)`), "201", "600")
	if last := a.Steps[len(a.Steps)-1]; last.Kind != trace.Error || a.Routings[0].Winner() == nil {
		t.Errorf("the last step is %+v, want one that says why there are no more", last)
	}
}

func TestAScriptThatFails(t *testing.T) {
	a := ask(t, site(t, `extension("600", function(call) local t = nil call:answer() call:sleep(t.x) end)`), "201", "600")
	if a.Outcome.Status != 200 || !strings.Contains(told(a), "belfry/failure") {
		t.Errorf("outcome %+v, want the failure prompt:\n%s", a.Outcome, told(a))
	}
}

func TestAContextThatEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := explain.Explain(ctx, chorus(t), explain.Question{From: "77513", To: "15902", At: noon()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}
