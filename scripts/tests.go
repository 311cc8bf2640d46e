package scripts

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Tests of a dialplan: what package dialtest needs of its host.

// Witness is told what of a dialplan calls make use of. It is called from any goroutine.
type Witness interface {
	Served(r engine.Route)                              // a call came to an extension's handler
	Chose(name string, choices []string, chosen string) // choose() was called; chosen "": with none of the choices
}

// With is a host that serves another engine with the generation that serves new calls now: it is neither compiled nor
// loaded again, and never reloads. e is nil for tests whose exchange runs by itself: see ErrNoEngine. rand is as in Options.
func (h *Host) With(e *engine.Engine, log *slog.Logger, rand func() float64) *Host {
	o := h.opts
	o.Engine, o.Log, o.Rand = e, log, rand
	if e != nil {
		o.Clock = e.Clock()
	}
	return &Host{opts: o, log: log, clock: o.Clock, api: h.api, library: h.library, bound: h.bound, now: h.current(), byCall: map[string]*generation{}}
}

// Tell has a witness told of what calls make use of; nil: nobody. It is for before the first call.
func (h *Host) Tell(w Witness) { h.witness = w }

// TestFiles are the names of the dialplan's files of tests, in order, and what looking at them has found: a file with an
// error cannot be run. It is for one goroutine, before any of them runs.
func (h *Host) TestFiles() (names []string, problems []diag.Problem) {
	g := h.current()
	found := h.static(g.files, isTest)
	for _, name := range sortedNames(g.files) {
		if isTest(name) {
			names = append(names, name)
		}
	}
	problems = slices.Concat(found.errors, found.warnings)
	sortProblems(problems)
	return names, problems
}

// Test is one test of a file.
type Test struct {
	Name string
	At   diag.Problem // where it stands: File, Line
	fn   *lua.LFunction
}

// TestScript is a file of tests as run in a state of its own, up to the tests themselves.
type TestScript struct {
	Tests []Test

	sc *script
}

// OpenTest runs a file of tests; each test is one of its Tests. The engine is the host's.
func (h *Host) OpenTest(ctx context.Context, name string) (*TestScript, error) {
	g := h.current()
	sc := newScript(ctx, h, g, nil)
	sc.tested = true
	ts := &TestScript{sc: sc}
	sc.tests = &ts.Tests
	if _, err := sc.s.Call(sc.s.Load(g.files[name].proto)); err != nil {
		sc.close()
		return nil, err
	}
	sc.tests = nil
	return ts, nil
}

// Use makes another host the script's: that of another engine.
func (ts *TestScript) Use(h *Host) { ts.sc.host = h }

// Run runs a test, giving it an object.
func (ts *TestScript) Run(t Test, o Object) error {
	ts.sc.handler = t.fn
	_, err := ts.sc.s.Call(t.fn, ts.sc.object(o.Class, o.Value))
	return err
}

// Close frees the state.
func (ts *TestScript) Close() { ts.sc.close() }

// Problem is a script's error with its place, source and hint; false: it is about something else.
func (h *Host) Problem(err error) (diag.Problem, bool) {
	if p := h.current().problem(err); p != nil {
		return *p, true
	}
	return diag.Problem{}, false
}

// testBinding is test(name, fn).
func testBinding(sc *script, _ any, a *args) (lua.LValue, error) {
	if sc.tests == nil {
		return nil, nil
	}
	name := arg[string](a, "name")
	at := sc.place()
	for _, t := range *sc.tests {
		if t.Name == name {
			return nil, &raisedError{diag.CodeArgument, "test", fmt.Sprintf("there are two tests called %q", name), fmt.Sprintf("the other one is in line %d", t.At.Line)}
		}
	}
	*sc.tests = append(*sc.tests, Test{Name: name, At: at, fn: arg[*lua.LFunction](a, "fn")})
	return nil, nil
}
