package scripts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// phase is what a script may do: register while loading, everything while handling, nothing
// with the call once it is over.
type phase int

const (
	loading phase = iota
	handling
	over
)

// script is what runs in a state of its own: main.lua, once for a generation, or the handler of one call.
type script struct {
	host   *Host
	gen    *generation
	s      *sandbox.State
	phase  phase
	tested bool // it is a file of tests

	ctx    context.Context // what primitives wait under
	cancel context.CancelCauseFunc
	call   *engine.Call // nil while loading
	log    *slog.Logger

	modules   map[string]lua.LValue // required in this state
	requiring []string
	routes    []route // while loading

	route    *route                       // this call's
	handler  *lua.LFunction               // likewise
	lines    map[*lineRef]*directory.Line // as they were read
	watching map[string]*lua.LFunction    // events the engine tells of
	onHangup []*lua.LFunction
	tests    *[]Test // where test() puts them; nil: nowhere
}

// hangupTime is how long what onHangup registered may take in all.
const hangupTime = 5 * time.Second

// newLoader is a script to run main.lua, in a new state.
func newLoader(ctx context.Context, g *generation) *script {
	h := g.host
	sc := &script{host: h, gen: g, log: h.log, modules: map[string]lua.LValue{}}
	sc.ctx, sc.cancel = context.WithCancelCause(ctx)
	sc.s = sandbox.New(sc.ctx, sandbox.Options{Limits: h.opts.Limits, Now: h.clock.Now, Rand: h.opts.Rand, Log: sc.log, Library: libraryPrefix})
	sc.s.Roots, sc.s.Owner = sc.roots, sc
	g.classes = h.openClasses(sc.s.L)
	sc.openGlobals()
	return sc
}

// newScript is a script for one call, in a state that begins with what main.lua left.
func newScript(ctx context.Context, h *Host, g *generation, c *engine.Call) *script {
	sc := &script{host: h, gen: g, phase: handling, call: c, log: h.log}
	if c != nil {
		sc.log = sc.log.With("call", c.ID())
	}
	sc.ctx, sc.cancel = context.WithCancelCause(ctx)
	sc.s = g.image.Fork(sc.ctx, sandbox.Options{Log: sc.log, Now: h.clock.Now, Rand: h.opts.Rand})
	sc.s.Roots, sc.s.Owner = sc.roots, sc
	return sc
}

func (sc *script) close() {
	sc.cancel(nil)
	sc.s.Close()
}

// engine is the exchange that the script may look at and change.
func (sc *script) engine() *engine.Engine {
	if sc.call != nil {
		return sc.call.Engine()
	}
	if sc.host.opts.Engine == nil && sc.tested {
		sc.stop(ErrNoEngine)
	}
	return sc.host.opts.Engine
}

// ErrNoEngine stops a test that would look into an exchange that is not its own.
var ErrNoEngine = errors.New("the exchange cannot be looked into")

// owner is the script that a Go function has been called by.
func owner(l *lua.LState) *script { return sandbox.Of(l).Owner.(*script) }

// roots are the values that Go keeps for the script.
func (sc *script) roots() []lua.LValue {
	var all []lua.LValue
	for _, v := range sc.modules {
		all = append(all, v)
	}
	for _, fn := range sc.onHangup {
		all = append(all, fn)
	}
	for _, fn := range sc.watching {
		all = append(all, fn)
	}
	for _, r := range sc.routes {
		all = append(all, r.handler)
	}
	if sc.handler != nil {
		all = append(all, sc.handler)
	}
	return all
}

// loadMain runs main.lua.
func (sc *script) loadMain() error {
	_, err := sc.s.Call(sc.s.Load(sc.gen.files["main.lua"].proto))
	return err
}

// freeze makes an image of what main.lua left: calls begin with it, each with its handler. Objects' classes are shared.
func (sc *script) freeze() *sandbox.Image {
	var classes []lua.LValue
	for _, class := range sc.gen.classes {
		classes = append(classes, class)
	}
	return sc.s.Freeze(sc.roots(), classes)
}

// run serves one call with the handler of one extension. It returns when the handler has;
// the engine ends the call.
func (h *Host) run(ctx context.Context, g *generation, r *route, c *engine.Call) {
	if h.witness != nil {
		h.witness.Served(r.Route)
	}
	sc := newScript(ctx, h, g, c)
	defer func() {
		if p := recover(); p != nil {
			sc.log.Error("the script host panicked; ending the call", "panic", p, "stack", string(debug.Stack()))
			sc.fail(ctx)
		}
	}()
	err := sc.handle(r)
	for event := range sc.watching {
		c.On(event, nil)
	}
	if len(sc.onHangup) > 0 {
		c.OnHangup(sc.afterwards)
	} else {
		sc.close()
	}
	if err != nil && !ended(err) {
		sc.explain(ctx, err, r)
		sc.fail(ctx)
	}
}

// handle runs the handler of an extension.
func (sc *script) handle(r *route) error {
	sc.route = r
	sc.handler = sc.s.Value(r.handler).(*lua.LFunction)
	_, err := sc.s.Call(sc.handler, sc.object("Call", sc.call))
	return err
}

// ended tells a call that is over from a handler that went wrong.
func ended(err error) bool {
	return errors.Is(err, engine.ErrHangup) || errors.Is(err, engine.ErrEnded) || errors.Is(err, engine.ErrRedirected) ||
		errors.Is(err, context.Canceled)
}

// explain logs why a handler failed, with the line and a hint.
func (sc *script) explain(ctx context.Context, err error, r *route) {
	heard := "nothing, having hung up"
	if ctx.Err() == nil {
		heard = sc.failure()
	}
	p := sc.remember(err, r, heard)
	if p == nil {
		sc.log.Error("the handler failed", "extension", r.Pattern, "at", r.Where, "error", err)
		return
	}
	p.Effect = fmt.Sprintf("the caller of %s heard %s; call %s", sc.call.Dialled(), heard, sc.call.ID())
	sc.log.Error(p.Error(), "extension", r.Pattern, "code", p.Code, "effect", p.Effect, "problem", p.String())
}

// remember keeps that the script failed, for belfry errors and in the call's trace; heard is what the caller heard of it.
func (sc *script) remember(err error, r *route, heard string) *diag.Problem {
	p := sc.gen.problem(err)
	f := trace.Failure{
		Time: sc.host.clock.Now(), Call: sc.call.ID(), Extension: cmp.Or(r.Name, r.Pattern), At: r.Where, Message: err.Error(), Heard: heard,
	}
	if p != nil {
		at := diag.Step{File: p.File, Line: p.Line}
		excerpt := *p
		excerpt.Path = nil // the stack says it
		f.At, f.Code, f.Message, f.Hint, f.Excerpt, f.Stack = at.String(), p.Code, p.Message, p.Hint, excerpt.String(), frames(p.Path)
	}
	sc.host.opts.Errors.Add(f)
	sc.call.Step(trace.Step{Kind: trace.Error, Text: f.Message, At: f.At, Fields: []trace.Field{{Name: "code", Value: f.Code}, {Name: "heard", Value: heard}}})
	return p
}

// frames are the author's own functions on the way to a problem, innermost first, as people read them.
func frames(path []diag.Step) []string {
	var all []string
	for _, s := range path {
		if strings.HasPrefix(s.File, libraryPrefix) {
			continue
		}
		text := s.String()
		if s.Func != "" {
			text += " in " + s.Func
		}
		all = append(all, text)
	}
	return all
}

// problem makes a script's error one with source and caret; nil if it is about something else.
func (g *generation) problem(err error) *diag.Problem {
	var script *sandbox.ScriptError
	if errors.As(err, &script) {
		p := script.Problem(g.syntax(script.Raised.File))
		return &p
	}
	var limit *sandbox.LimitError
	if errors.As(err, &limit) {
		p := limit.Problem(g.syntax(limit.At.File))
		return &p
	}
	return nil
}

// failure is the prompt that says that something is wrong.
func (sc *script) failure() string {
	name := sc.host.opts.Failure
	if p := sc.host.opts.Prompts; p == nil || !p.Has(name, sc.host.opts.Language) {
		return "tone:congestion"
	}
	return name
}

// fail lets the caller hear that something is wrong, and ends the call.
func (sc *script) fail(ctx context.Context) {
	ctx, cancel := clock.WithTimeout(ctx, sc.host.clock, hangupTime)
	defer cancel()
	// Both may fail because the caller has gone, which is all that was wanted.
	_, _ = sc.call.PlayPrompt(ctx, []engine.Prompt{{Name: sc.failure()}}, engine.PlayOptions{Language: sc.host.opts.Language})
	_ = sc.call.Hangup(ctx)
}

// afterwards runs what onHangup registered, when the call is over: under a context of its own, without media.
func (sc *script) afterwards() {
	defer sc.close()
	sc.phase = over
	ctx, cancel := clock.WithTimeout(context.Background(), sc.host.clock, hangupTime)
	defer cancel()
	sc.ctx = ctx
	sc.s.SetContext(ctx)
	for _, fn := range sc.onHangup {
		if _, err := sc.s.Call(fn); err != nil {
			text := err.Error()
			if p := sc.remember(err, sc.route, "nothing, having hung up"); p != nil {
				text = p.Error()
			}
			sc.log.Error("onHangup: " + text)
		}
	}
}

// stop ends the script: nothing in Lua can catch it.
func (sc *script) stop(cause error) {
	sc.s.Meter.Stop(cause)
	sc.s.L.RaiseError("%s", cause) // the way out
}

// event runs a function registered with call:on, on the handler's goroutine while a primitive waits.
func (sc *script) event(fn *lua.LFunction, e engine.Event) {
	sc.s.Meter.Begin()
	told := sc.record("Event", map[string]lua.LValue{"name": lua.LString(e.Name), "digit": text(e.Digit)})
	if _, err := sc.s.Call(fn, told); err != nil {
		// The primitive that waits knows nothing of it: its context is the way to end it.
		sc.s.Meter.Stop(err)
		sc.cancel(err)
	}
}

// require is the loader of modules.
func require(l *lua.LState) int {
	l.Push(owner(l).require(l.CheckString(1)))
	return 1
}

// require is a module: as main.lua left it, or else run now. Each runs once.
func (sc *script) require(name string) lua.LValue {
	if v, ok := sc.modules[name]; ok {
		return v
	}
	if sc.phase != loading {
		if v, ok := sc.gen.made[name]; ok {
			return sc.s.Value(v)
		}
	}
	l := sc.s.L
	f, ok := sc.gen.module(name)
	if !ok {
		sc.s.Raise(sandbox.Raised{Code: diag.CodeRequire, Word: name, Message: "there is no module '" + name + "'",
			Hint: diag.DidYouMean(name, sc.gen.modules())})
	}
	if slices.Contains(sc.requiring, f.name) {
		sc.s.Raise(sandbox.Raised{Code: diag.CodeRequire, Word: name, Message: fmt.Sprintf("module '%s' requires itself", name),
			Hint: strings.Join(append(sc.requiring, f.name), " → ")})
	}
	sc.requiring = append(sc.requiring, f.name)
	l.Push(sc.s.Load(f.proto))
	l.Call(0, 1)
	v := l.Get(-1)
	l.Pop(1)
	sc.requiring = sc.requiring[:len(sc.requiring)-1]
	if v == lua.LNil {
		v = lua.LTrue
	}
	if sc.modules == nil {
		sc.modules = map[string]lua.LValue{}
	}
	sc.modules[name] = v
	return v
}
