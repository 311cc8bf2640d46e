package explain_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

const plan = `
group("600", { kind = "hunt", name = "Desk", members = { "201", "202" }, overflowBusy = "203", mailbox = "600" })
extension("600", function(call) call:reject("busy") end)
extension("2xx", { name = "lines" }, function(call) call:reject("busy") end)
extension("20[1-5]", { name = "ours", from = "any", needs = "internal" }, function(call) call:reject("busy") end)
extension("207", { name = "from elsewhere", from = "trunk:other" }, function(call) call:reject("busy") end)
extension("999", { emergency = true, needs = "premium" }, function(call) call:reject("busy") end)
extension("0.", { needs = "national", refused = { "tone:busy" } }, function(call) call:reject("busy") end)
`

// exchange is one with that dialplan and the lines 201 to 203.
func exchange(t *testing.T) explain.Exchange {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := scripts.Open(scripts.Options{Dir: dir, Trunks: []string{"pstn", "other"}})
	if err != nil {
		t.Fatal(err)
	}
	site := newSite(t)
	for number, permissions := range map[string][]string{"201": {"mobile"}, "202": nil, "203": {"internal"}} {
		l := directory.Line{Number: number, Name: "N" + number, Kind: directory.Person, Permissions: permissions}
		if err := site.Directory().Add(ctx, l, directory.GenerateSecret()); err != nil {
			t.Fatal(err)
		}
	}
	return explain.Exchange{Host: host, Site: site, Engine: engine.Options{Trunks: []engine.Trunk{{Name: "pstn"}, {Name: "other"}}}}
}

func newSite(t *testing.T) *sim.Site {
	t.Helper()
	site, err := sim.NewSite(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	})
	return site
}

func ask(t *testing.T, x explain.Exchange, from, to string) *explain.Answer {
	t.Helper()
	return askAt(t, x, from, to, time.Now())
}

func askAt(t *testing.T, x explain.Exchange, from, to string, at time.Time) *explain.Answer {
	t.Helper()
	a, err := explain.Explain(context.Background(), x, explain.Question{From: from, To: to, At: at})
	if err != nil {
		t.Fatalf("%s dials %s: %v", from, to, err)
	}
	return a
}

// Each rule is told as "pattern verdict why".
func TestRulesAndWhyOneWins(t *testing.T) {
	x := exchange(t)
	for _, c := range []struct {
		from, to string
		want     []string
		needs    string // "+" held, "-" not
	}{
		{"201", "203", []string{"20[1-5] wins the most specific", "2xx lessSpecific less specific at place 2: x (any of 10) against 0"}, "+internal: 201 holds mobile, which includes it"},
		{"203", "2-0-3", []string{"20[1-5] wins the most specific", "2xx lessSpecific less specific at place 2: x (any of 10) against 0"}, "+internal: 203 holds internal"},
		{"202", "203", []string{"20[1-5] wins the most specific", "2xx lessSpecific less specific at place 2: x (any of 10) against 0"}, "-internal: 202 holds no permissions"},
		{"+441", "203", []string{"20[1-5] wins the only one for this caller", "2xx notFor not for trunk:pstn: from lines"}, "-internal: callers from outside hold no permissions"},
		{"201", "207", []string{"207 notFor not for lines: from trunk:other", "2xx wins the only one for this caller"}, ""},
		{"trunk:other/5", "207", []string{"207 wins the only one for this caller", "2xx notFor not for trunk:other: from lines"}, ""},
		{"trunk:pstn/5", "207", []string{"207 notFor not for trunk:pstn: from trunk:other", "2xx notFor not for trunk:pstn: from lines"}, ""},
		{"202", "999", []string{"999 wins the only one that takes the number"}, ""},
		{"203", "0123", []string{"0. wins the only one that takes the number"}, "-national: 203 holds only internal"},
		{"201", "7", nil, ""},
	} {
		r := ask(t, x, c.from, c.to).Routings[0]
		var got []string
		for _, rule := range r.Rules {
			got = append(got, rule.Pattern+" "+string(rule.Verdict)+" "+rule.Why)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s dials %s:\n got %q\nwant %q", c.from, c.to, got, c.want)
		}
		needs := ""
		if p := r.Permission; p != nil {
			needs = map[bool]string{true: "+", false: "-"}[p.Held] + p.Needs + ": " + p.Why
		}
		if needs != c.needs {
			t.Errorf("%s dials %s: permission %q, want %q", c.from, c.to, needs, c.needs)
		}
		if r.Refused() != strings.HasPrefix(c.needs, "-") {
			t.Errorf("%s dials %s: Refused is %v", c.from, c.to, r.Refused())
		}
	}
}

func TestWhatARefusedCallerHears(t *testing.T) {
	x := exchange(t)
	for to, want := range map[string]string{"203": "belfry/restricted-code", "0123": "tone:busy"} {
		if got := ask(t, x, "202", to).Routings[0].Permission.Hears; len(got) != 1 || got[0] != want {
			t.Errorf("202 dials %s and hears %q, want %q", to, got, want)
		}
	}
}

func TestWhoIsMeant(t *testing.T) {
	x := exchange(t)
	for from, want := range map[string]explain.Caller{
		"201":                  {Number: "201", Name: "N201", Line: "201"},
		"2 0 1":                {Number: "201", Name: "N201", Line: "201"},
		"+44 7700 900123":      {Number: "+447700900123", Trunk: "pstn"},
		"07700900123":          {Number: "07700900123", Trunk: "pstn"},
		"Joe <+447700900123>":  {Number: "+447700900123", Name: "Joe", Trunk: "pstn"},
		"anonymous":            {Trunk: "pstn"},
		"trunk:other":          {Trunk: "other"},
		"trunk:other/5":        {Number: "5", Trunk: "other"},
		"trunk:other/Joe <55>": {Number: "55", Name: "Joe", Trunk: "other"},
		"sip:joe@example.com":  {Number: "joe"},
	} {
		if got := ask(t, x, from, "201").From; got != want {
			t.Errorf("%q is %+v, want %+v", from, got, want)
		}
	}
	for from, want := range map[string]string{
		"204":         "there is no line 204",
		"trunk:x/5":   `there is no trunk "x"`,
		"Joe <+447":   "has no '>'",
		"joe@example": "is neither a line nor a number",
		"":            "there is no line",
	} {
		_, err := explain.Explain(context.Background(), x, explain.Question{From: from, To: "201"})
		var wrong *explain.Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.What, want) || wrong.Hint == "" {
			t.Errorf("%q: error %v, want one with %q and a hint", from, err, want)
		}
	}
	x.Engine.Trunks = nil
	if got := ask(t, x, "+441", "207"); got.From != (explain.Caller{Number: "+441"}) || got.Routings[0].Rules[0].Why != "not for strangers: from trunk:other" {
		t.Errorf("a caller from outside of an exchange without trunks is %+v: %+v", got.From, got.Routings)
	}
}

func TestHowLinesAndGroupsStand(t *testing.T) {
	ctx, x := context.Background(), exchange(t)
	x.Phones = func(line string) (int, bool) { return map[string]int{"201": 2}[line], line == "202" }
	for _, err := range []error{
		x.Site.Directory().Logout(ctx, "600", "202"), x.Site.Directory().SetDND(ctx, "202", true), x.Site.Directory().SetForward(ctx, "202", directory.ForwardBusy, "203"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a := ask(t, x, "201", "600")
	if len(a.Groups) != 1 || len(a.Groups[0].Members) != 2 || !a.Groups[0].Members[0].LoggedIn || a.Groups[0].Members[1].LoggedIn || a.Groups[0].Overflow["busy"] != "203" {
		t.Errorf("groups %+v, want 600 with 201, and 202 logged out", a.Groups)
	}
	var numbers []string
	for _, l := range a.Lines {
		numbers = append(numbers, l.Number)
	}
	if strings.Join(numbers, " ") != "201 202 203" {
		t.Fatalf("lines %v, want the caller, the other member, and where that one forwards to", numbers)
	}
	if a.Lines[0].Phones != 2 || a.Lines[0].Busy || a.Assumed {
		t.Errorf("201 stands as %+v", a.Lines[0])
	}
	if l := a.Lines[1]; l.Phones != 0 || !l.Busy || !l.DND || l.Forwards["busy"] != "203" || len(l.Forwards) != 1 {
		t.Errorf("202 stands as %+v", l)
	}
}

// Who calls himself comes by his own forwards.
func TestACallToOneself(t *testing.T) {
	x := exchange(t)
	if err := x.Site.Directory().SetForward(context.Background(), "201", directory.ForwardAlways, "203"); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, x, "201", "201"); len(a.Lines) != 2 {
		t.Errorf("lines %+v, want 201 and 203", a.Lines)
	}
	if a := ask(t, x, "201", "202"); len(a.Lines) != 2 || a.Lines[1].Number != "202" {
		t.Errorf("lines %+v, want 201 and 202", a.Lines)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 25, 13, 30, 20, 0, time.UTC) // a Wednesday
	for text, want := range map[string]string{
		"now": "2026-11-25 13:30:20", "14:00": "2026-11-25 14:00:00", "09:05:07": "2026-11-25 09:05:07",
		"sat 14:00": "2026-11-28 14:00:00", "Wednesday 14:00": "2026-11-25 14:00:00", "wed 09:00": "2026-12-02 09:00:00",
		"2026-12-24 16:00": "2026-12-24 16:00:00", "2026-12-24": "2026-12-24 00:00:00", "2026-12-24T16:00:01": "2026-12-24 16:00:01",
		"2026-12-24T16:00:00+01:00": "2026-12-24 15:00:00",
	} {
		got, err := explain.ParseTime(text, now)
		if err != nil || got.Format(time.DateTime) != want {
			t.Errorf("ParseTime(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "teatime", "25:00", "sat", "xyz 14:00", "saturn 14:00", "14:00 sat"} {
		if got, err := explain.ParseTime(text, now); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", text, got)
		}
	}
}

// The document has every field of the JSON.
func TestTheDocumentHasEveryField(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "explain.md"))
	if err != nil {
		t.Fatal(err)
	}
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			look(of.Elem())
		case reflect.Struct:
			for i := range of.NumField() {
				name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
				if name != "" && !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`"+name+"[]") {
					t.Errorf("docs/explain.md does not have the field %s of %s", name, of)
				}
				look(of.Field(i).Type)
			}
		}
	}
	look(reflect.TypeFor[explain.Answer]())
}
