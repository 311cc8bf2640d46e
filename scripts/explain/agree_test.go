package explain_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// What explain says, and what an exchange does, agree: for random number plans and random numbers.

// randomPlan is the main.lua of a random number plan, an extension a line. Each says in the log that it has the call, and
// is busy. They are so alike that many of them tie.
func randomPlan(r *rand.Rand) []string {
	places := []string{"0", "1", "2", "3", "*", "x", "z", "n", "[12]", "[0-3]", "[13]", "[*1]"}
	froms := []string{"", `from = "any", `, `from = "trunk:pstn", `, `from = { "lines", "trunk:other" }, `}
	needs := []string{"", "", `needs = "internal", `, `needs = "national", `, `needs = "premium", emergency = true, `, `needs = "callWaiting", `}
	rules := make([]string, 5+r.IntN(20))
	for i := range rules {
		pattern := ""
		for range r.IntN(5) {
			pattern += places[r.IntN(len(places))]
		}
		if pattern == "" || r.IntN(3) == 0 {
			pattern += "."
		}
		rules[i] = fmt.Sprintf(`extension(%q, { %s%sname = "%d" }, function(call) log.info("taken", { rule = "%d" }) call:reject("busy") end)`,
			pattern, froms[r.IntN(len(froms))], needs[r.IntN(len(needs))], i, i)
	}
	return rules
}

// open loads a random plan on an engine, without the extensions that tie with others: each is refused at load, with its line.
func open(t *testing.T, dir string, rules []string, eng *engine.Engine, log *slog.Logger) *scripts.Host {
	t.Helper()
	for {
		if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(strings.Join(rules, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		host, err := scripts.Open(scripts.Options{Dir: dir, Engine: eng, Trunks: []string{"pstn", "other"}, Log: log})
		if err == nil {
			return host
		}
		ties := scripts.Problems(err)
		if len(ties) == 0 {
			t.Fatal(err)
		}
		for _, p := range ties {
			if p.Code != diag.CodeConflict {
				t.Fatalf("%v in\n%s", p, strings.Join(rules, "\n"))
			}
			rules[p.Line-1] = ""
		}
	}
}

// randomNumber is one that some of the plans' patterns take.
func randomNumber(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteByte("01234*"[r.IntN(6)])
	}
	return b.String()
}

// verdict is what becomes of a call: the extension that rejects it, or a status: 403, 404, or 401 for a stranger, who is
// asked who he is where no extension is for strangers.
func verdict(a *explain.Answer) string {
	r := a.Routings[0]
	for _, rule := range r.Rules {
		if rule.Why == "" || (rule.Verdict == explain.LessSpecific) != (rule.Place > 0) {
			panic(fmt.Sprintf("extension %s: %+v is not explained", rule.Name, rule))
		}
	}
	switch w := r.Winner(); {
	case w == nil && a.From.Line+a.From.Trunk == "":
		return "401"
	case w == nil:
		return "404"
	case r.Refused():
		return "403"
	default:
		return w.Name
	}
}

// taken is the log of an exchange: which extension has said last that it has a call.
type taken struct {
	slog.Handler
	mu   sync.Mutex
	rule string
}

func (l *taken) Enabled(context.Context, slog.Level) bool { return true }
func (l *taken) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *taken) WithGroup(string) slog.Handler            { return l }

func (l *taken) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "taken" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "rule" {
			l.rule = a.Value.String()
		}
		return true
	})
	return nil
}

// take is the extension that has said that it has a call since take was asked last.
func (l *taken) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	rule := l.rule
	l.rule = ""
	return rule
}

// ended is what became of a call that was refused with a SIP status.
func (l *taken) ended(t *testing.T, status int) string {
	t.Helper()
	rule := l.take()
	switch {
	case status == 486 && rule != "":
		return rule
	case rule != "":
		t.Errorf("extension %s has the call, which ends with %d", rule, status)
	}
	return fmt.Sprint(status)
}

// permissions are those of the lines.
func permissions() map[string][]string {
	return map[string][]string{"5001": nil, "5002": {"internal", "callWaiting"}, "5003": {"international"}}
}

// callers are who calls, as explain is asked.
func callers() []string {
	return []string{"5001", "5002", "5003", "trunk:pstn/77", "trunk:other/78", "sip:joe@example.com"}
}

func addLines(t *testing.T, d *directory.Directory) (secrets map[string]string) {
	t.Helper()
	secrets = map[string]string{}
	for number, has := range permissions() {
		secrets[number] = directory.GenerateSecret()
		err := d.Add(context.Background(), directory.Line{Number: number, Kind: directory.NonPerson, Permissions: has}, secrets[number])
		if err != nil {
			t.Fatal(err)
		}
	}
	return secrets
}

// In a simulation, without what explain makes of it.
func TestExplainAgreesWithSimulatedCalls(t *testing.T) {
	site, log := newSite(t), &taken{}
	addLines(t, site.Directory())
	o := engine.Options{Trunks: []engine.Trunk{{Name: "pstn"}, {Name: "other"}}}
	seen := map[string]int{}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		rules := randomPlan(r)
		host := open(t, t.TempDir(), rules, nil, slog.New(log))
		for range 10 {
			from, to := callers()[r.IntN(len(callers()))], randomNumber(r)
			want := verdict(ask(t, explain.Exchange{Host: host, Site: site, Engine: o}, from, to))
			s, err := sim.New(sim.Options{Engine: o, Site: site})
			if err != nil {
				t.Fatal(err)
			}
			s.Engine().SetHandler(host.With(s.Engine(), slog.New(log), r.Float64))
			c := callAs(t, s, from, to)
			s.World().Run(func() bool { return c.State() == sim.Ended }, time.Minute)
			status, _ := c.Status()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := log.ended(t, status); got != want {
				t.Fatalf("seed %d: %s dials %s: explain says %s, the call ends with %s; the plan:\n%s", seed, from, to, want, got, strings.Join(rules, "\n"))
			}
			seen[kindOf(want)]++
		}
	}
	wantAllKinds(t, seen)
}

// callAs has one of callers() call in a simulation.
func callAs(t *testing.T, s *sim.Exchange, from, to string) *sim.Caller {
	t.Helper()
	var o sim.CallOptions
	if trunk, number, ok := strings.Cut(strings.TrimPrefix(from, "trunk:"), "/"); ok {
		from, o.Trunk = number, trunk
	}
	if user, ok := strings.CutPrefix(from, "sip:"); ok {
		from, _, _ = strings.Cut(user, "@")
		o.Guest = true
	}
	c, err := s.Call(from, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Over SIP, each call by a telephone of its own kind: a line that authenticates, a trunk by its address, a stranger.
func TestExplainAgreesWithCallsOverSIP(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := &taken{}
	trunk := func(name, address string) engine.Trunk {
		return engine.Trunk{Name: name, Host: address + ":5060", From: []netip.Prefix{netip.MustParsePrefix(address + "/32")}}
	}
	eng, err := engine.New(ctx, engine.Options{
		Store: db, Data: dir, Realm: "belfry.test", UDP: []string{"127.0.0.1:0"}, RTPPorts: [2]uint16{40000, 49999}, Shards: 1, Log: slog.New(log),
		Trunks: []engine.Trunk{trunk("pstn", "127.0.0.9"), trunk("other", "127.0.0.8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	secrets := addLines(t, eng.Directory())
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- eng.Run(serving) }()
	defer func() {
		stop()
		if err := errors.Join(<-served, eng.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}()

	phones := map[string]*phone.Phone{}
	for _, who := range callers() {
		o := phone.Options{Server: eng.Addrs("udp")[0], Number: who, Secret: secrets[who]}
		switch who {
		case "trunk:pstn/77":
			o.Number, o.Address = "77", netip.MustParseAddr("127.0.0.9")
		case "trunk:other/78":
			o.Number, o.Address = "78", netip.MustParseAddr("127.0.0.8")
		case "sip:joe@example.com":
			o.Number = ""
		}
		p, err := phone.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		phones[who] = p
	}

	site, err := sim.SiteOver(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()

	seen := map[string]int{}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		rules := randomPlan(r)
		host := open(t, t.TempDir(), rules, eng, slog.New(log))
		eng.SetHandler(host)
		x := explain.Exchange{Host: host, Site: site, Engine: engine.Options{Trunks: []engine.Trunk{{Name: "pstn"}, {Name: "other"}}}}
		for range 30 {
			from, to := callers()[r.IntN(len(callers()))], randomNumber(r)
			want := verdict(ask(t, x, from, to))
			_, err := phones[from].Dial(ctx, to)
			var refused *sip.StatusError
			if !errors.As(err, &refused) {
				t.Fatalf("seed %d: %s dials %s: %v, want it refused", seed, from, to, err)
			}
			if got := log.ended(t, refused.Code); got != want {
				t.Fatalf("seed %d: %s dials %s: explain says %s, the call ends with %s; the plan:\n%s", seed, from, to, want, got, strings.Join(rules, "\n"))
			}
			seen[kindOf(want)]++
		}
	}
	wantAllKinds(t, seen)
}

// kindOf is a verdict without the extension's name.
func kindOf(verdict string) string {
	if slices.Contains([]string{"401", "403", "404"}, verdict) {
		return verdict
	}
	return "taken"
}

// wantAllKinds sees to it that a test has met every kind of verdict, often.
func wantAllKinds(t *testing.T, seen map[string]int) {
	t.Helper()
	for _, kind := range []string{"taken", "401", "403", "404"} {
		if seen[kind] < 20 {
			t.Errorf("%d calls ended with %q: too few for a test (%v)", seen[kind], kind, seen)
		}
	}
}
