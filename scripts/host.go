// Package scripts is the host of Lua dialplans: it compiles, checks and reloads them,
// and runs each call's handler on the engine in a state of its own, within a budget.
package scripts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// Prompts is what the host asks about sounds: that of engine/prompt.
type Prompts interface {
	Has(name, language string) bool
	Names(language string) []string
	HasMusic(name string) bool
	MusicNames() []string
}

// Options of a host. Dir is required.
type Options struct {
	Dir      string         // the dialplan's folder
	Stdlib   fs.FS          // the standard library: menu.lua at its root; nil: none
	Engine   *engine.Engine // nil for checks alone
	Prompts  Prompts        // to check prompts' names against; nil: the engine's, or none
	Language string         // of prompts; "": en
	Trunks   []string       // their names; nil: not known
	Limits   sandbox.Limits // of each call
	Errors   *trace.Errors  // keeps what goes wrong while calls are handled; nil: nobody
	Failure  string         // what a caller hears whose handler failed; "": belfry/failure
	Log      *slog.Logger
	Clock    clock.Clock
	Bindings map[string]Binding // what else the API's names do, "Phone:answers"; nil: nothing
	Rand     func() float64     // of scripts, in [0, 1); nil: math/rand
}

// Host serves calls with the newest good generation of a dialplan. It is safe for concurrent use.
type Host struct {
	opts    Options
	log     *slog.Logger
	clock   clock.Clock
	api     *api.API
	library map[string]*source
	bound   *bound
	witness Witness // nil: nobody

	reload sync.Mutex // one at a time

	mu     sync.Mutex
	now    *generation
	old    []*generation          // replaced, with calls on them
	byCall map[string]*generation // so that a redirected call stays on its own
	failed [32]byte               // fingerprint of what was refused last, so that it is said once
}

// Open loads a dialplan. A dialplan with problems is an error: see Problems.
func Open(o Options) (*Host, error) {
	h, err := newHost(o)
	if err != nil {
		return nil, err
	}
	if _, err := h.Reload(context.Background()); err != nil {
		return nil, err
	}
	return h, nil
}

func newHost(o Options) (*Host, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Language == "" {
		o.Language = "en"
	}
	if o.Failure == "" {
		o.Failure = "belfry/failure"
	}
	if o.Prompts == nil && o.Engine != nil {
		o.Prompts = o.Engine.Prompts()
	}
	h := &Host{opts: o, log: o.Log, clock: o.Clock, api: api.Belfry(), byCall: map[string]*generation{}}
	h.bound = bindings(o.Bindings)
	return h, h.openLibrary()
}

func (h *Host) openLibrary() error {
	h.library = map[string]*source{}
	if h.opts.Stdlib == nil {
		return nil
	}
	files, err := readFolder(h.opts.Stdlib, libraryPrefix)
	if err != nil {
		return fmt.Errorf("read the standard library: %w", err)
	}
	for name, f := range files {
		if !isModule(name) || name == "main.lua" {
			continue // main.lua is what the library is tested with
		}
		if problem := f.compile(); problem != nil {
			return &LoadError{[]diag.Problem{*problem}}
		}
		h.library[name] = f
	}
	return nil
}

// Report is what a reload did.
type Report struct {
	Generation int           // that serves new calls now
	Unchanged  bool          // the files say what they said before
	Changed    []string      // files
	Took       time.Duration //
	Extensions int
	Finishing  []Finishing // older generations with calls on them
}

// Finishing is an older generation whose calls go on.
type Finishing struct{ Generation, Calls int }

// String is the report as it is printed.
func (r Report) String() string {
	if r.Unchanged {
		return fmt.Sprintf("dialplans: unchanged, generation %d", r.Generation)
	}
	s := fmt.Sprintf("dialplans: generation %d live in %d ms", r.Generation, r.Took.Milliseconds())
	if n := len(r.Changed); n > 3 {
		s += fmt.Sprintf(" (%d files changed)", n)
	} else if n > 0 && r.Generation > 1 {
		s += " (" + strings.Join(r.Changed, ", ") + " changed)"
	}
	for _, f := range r.Finishing {
		calls := "calls"
		if f.Calls == 1 {
			calls = "call"
		}
		s += fmt.Sprintf(" · %d %s finishing on %d", f.Calls, calls, f.Generation)
	}
	return s
}

// Reload makes the next generation of what the folder says now. An error leaves the present
// one serving; if it is about the dialplan, it is a *LoadError.
func (h *Host) Reload(ctx context.Context) (Report, error) {
	h.reload.Lock()
	defer h.reload.Unlock()
	start := time.Now() // what people waited, whatever the exchange's clock says
	files, err := readDir(h.opts.Dir)
	if err != nil {
		return h.report(), fmt.Errorf("read the dialplan: %w", err)
	}
	h.mu.Lock()
	was := h.now
	h.mu.Unlock()
	if was != nil && was.print == fingerprint(files) {
		r := h.report()
		r.Unchanged = true
		return r, nil
	}
	g, err := h.compileAll(ctx, files)
	if err != nil {
		h.explain(err, was)
		return h.report(), err
	}
	g.number = 1
	var before map[string]*source
	if was != nil {
		g.number, before = was.number+1, was.files
	}
	h.mu.Lock()
	h.now = g
	if was != nil && was.calls.Load() > 0 {
		h.old = append(h.old, was)
	}
	h.mu.Unlock()
	r := h.report()
	r.Changed, r.Took, r.Extensions = changed(before, files), time.Since(start), len(g.routes)
	h.log.Info(r.String())
	for _, p := range g.warnings {
		h.log.Warn(p.Error(), "code", p.Code, "effect", p.Effect, "problem", p.String())
	}
	return r, nil
}

// explain adds what follows from a failed load to each problem.
func (h *Host) explain(err error, was *generation) {
	var load *LoadError
	if !errors.As(err, &load) {
		return
	}
	effect := "this dialplan was not loaded"
	if was != nil {
		effect += fmt.Sprintf("; generation %d keeps serving", was.number)
	}
	for i := range load.Problems {
		load.Problems[i].Effect = effect
	}
}

func (h *Host) report() Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Report{}
	if h.now != nil {
		r.Generation, r.Extensions = h.now.number, len(h.now.routes)
	}
	for _, g := range h.old {
		if n := int(g.calls.Load()); n > 0 {
			r.Finishing = append(r.Finishing, Finishing{g.number, n})
		}
	}
	return r
}

// Generation is the number of the one that serves new calls.
func (h *Host) Generation() int { return h.report().Generation }

// current is the generation that serves new calls.
func (h *Host) current() *generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// hold gives a call its generation: the current one, or the one it was on before it was redirected.
func (h *Host) hold(id string, over func(func())) *generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g := h.byCall[id]; g != nil {
		return g
	}
	g := h.now
	g.calls.Add(1)
	h.byCall[id] = g
	over(func() { h.release(id, g) })
	return g
}

func (h *Host) release(id string, g *generation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byCall, id)
	if g.calls.Add(-1) > 0 {
		return
	}
	for i, old := range h.old {
		if old == g {
			h.old = append(h.old[:i:i], h.old[i+1:]...)
			return
		}
	}
}

// ServeCall implements engine.Handler: it routes the call and runs the handler its extension has.
func (h *Host) ServeCall(ctx context.Context, c *engine.Call) {
	g := h.hold(c.ID(), c.OnHangup)
	if h != g.host {
		ctx = context.WithValue(ctx, serving{}, h)
	}
	g.mux.ServeCall(ctx, c)
}

// serving is the key of the host that serves a call with a generation which another host has made.
type serving struct{}

// Reaches tells whether a caller would reach any extension.
func (h *Host) Reaches(p engine.Party, dialled string) bool {
	return h.current().mux.Reaches(p, dialled)
}

// Emergency tells whether the number is an emergency number for this caller.
func (h *Host) Emergency(p engine.Party, dialled string) bool {
	return h.current().mux.Emergency(p, dialled)
}

// MayWatch tells whether a line may see the calls of another: a member of a group those of its members and manager.
func (h *Host) MayWatch(watcher, line string) bool {
	for _, d := range h.current().groups {
		if d.has(watcher) && (d.has(line) || line == d.Manager) || watcher == d.Manager && d.has(line) {
			return true
		}
	}
	return false
}

// Routes are the extensions of the current generation, in the order in which they are tried.
func (h *Host) Routes() []engine.Route { return h.current().mux.Routes() }

// Match is the extension that would take a call now.
func (h *Host) Match(dialled string, p engine.Party) (r engine.Route, matched string, ok bool) {
	return h.current().mux.Match(dialled, p)
}

// Candidates are all extensions whose patterns take a number, and which of them a caller may reach; see engine.Mux.
func (h *Host) Candidates(dialled string, p engine.Party) []engine.Candidate {
	return h.current().mux.Candidates(dialled, p)
}

// Group is a declared group of the current generation.
func (h *Host) Group(number string) (Group, bool) {
	d := h.current().groups[number]
	if d == nil {
		return Group{}, false
	}
	return d.Group, true
}

// API is what Lua can call.
func (h *Host) API() *api.API { return h.api }
