// Package sandbox runs Lua that may be wrong, slow or greedy without letting it hurt
// anybody but itself: a state with only harmless libraries, whose every instruction,
// text and table is counted.
package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Options of a state.
type Options struct {
	Limits Limits
	Now    func() time.Time // nil: time.Now. Waiting is measured by it.
	Rand   func() float64   // in [0, 1); nil: math/rand
	Log    *slog.Logger     // where print goes; nil: nowhere
	// Library is the prefix of the names of files that are not the author's own: errors are
	// reported at the nearest line that is.
	Library string
}

// State is one Lua state with its meter. It is for one goroutine.
type State struct {
	L     *lua.LState
	Meter *Meter
	Roots func() []lua.LValue // what Go code keeps for the script, counted as its memory
	Owner any                 // whose state it is, for Go functions to find with Of

	opts    Options
	globals *lua.LTable // what _G shows, read-only
	copies  *copies     // of what it was forked from; nil if it was not
	last    *Raised
}

// The stacks of a state: calls nested, and values on them.
const (
	callDepth = 200
	registry  = 128 // the least that the virtual machine takes; it grows
	regMax    = 1 << 15
)

// New makes a state under ctx: when ctx ends, so does whatever the script is doing, and
// nothing in Lua can prevent it.
func New(ctx context.Context, o Options) *State {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	s := &State{opts: o, L: lua.NewState(lua.Options{
		SkipOpenLibs:        true,
		CallStackSize:       callDepth,
		MinimizeStackMemory: true,
		RegistrySize:        registry,
		RegistryMaxSize:     regMax,
		RegistryGrowStep:    registry,
	})}
	s.globals = s.L.CreateTable(0, 1)
	s.openBase()
	s.L.SetMetatable(lua.LString(""), s.locked(s.library("string", stringLibrary())))
	s.library("table", tableLibrary())
	m := s.library("math", mathLibrary())
	m.RawSetString("pi", lua.LNumber(math.Pi))
	m.RawSetString("huge", lua.LNumber(math.Inf(1)))
	s.seal()
	s.SetContext(ctx)
	return s
}

// function is a library function. It is told whose state it runs in: states that were forked from
// one another share their libraries.
type function func(s *State, l *lua.LState) int

func bind(fn function) lua.LGFunction {
	return func(l *lua.LState) int { return fn(Of(l), l) }
}

// Of is the state that a Go function has been called in.
func Of(l *lua.LState) *State {
	return l.Context().(*Meter).state
}

// SetContext puts the state under another context, with a full budget.
func (s *State) SetContext(ctx context.Context) {
	s.Meter = newMeter(ctx, s)
	s.L.SetContext(s.Meter)
}

// reached is how many bytes the script can get at; counting stops beyond limit.
func (s *State) reached(limit int) int {
	var roots []lua.LValue
	if s.Roots != nil {
		roots = s.Roots()
	}
	return reach(s, roots, limit)
}

// Close frees the state.
func (s *State) Close() { s.L.Close() }

// SetGlobal gives scripts a global.
func (s *State) SetGlobal(name string, v lua.LValue) { s.globals.RawSetString(name, v) }

// Globals are the names scripts may use.
func (s *State) Globals() []string {
	var names []string
	s.globals.ForEach(func(k, _ lua.LValue) {
		if name := k.String(); !strings.HasPrefix(name, "(") {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names
}

// library makes a table of functions a read-only global, and returns the table.
func (s *State) library(name string, fns map[string]function) *lua.LTable {
	t := s.L.CreateTable(0, 1)
	for _, fn := range slices.Sorted(maps.Keys(fns)) {
		t.RawSetString(fn, s.L.NewFunction(bind(fns[fn])))
	}
	s.SetGlobal(name, s.ReadOnly(name, t))
	return t
}

// ReadOnly is a table that shows t and takes no assignment. Reading what t does not have is an error.
func (s *State) ReadOnly(name string, t *lua.LTable) *lua.LTable {
	strict := s.L.CreateTable(0, 1)
	strict.RawSetString("__index", s.L.NewFunction(func(l *lua.LState) int {
		key := l.Get(2).String()
		Of(l).Raise(Raised{Code: diag.CodeMethod, Word: key, Message: fmt.Sprintf("there is no %s.%s", name, key),
			Hint: diag.DidYouMean(key, keys(t))})
		return 0
	}))
	t.Metatable = strict
	proxy := s.L.CreateTable(0, 1)
	mt := s.locked(t)
	mt.RawSetString("__newindex", s.L.NewFunction(func(l *lua.LState) int {
		Of(l).Raise(Raised{Code: diag.CodeGlobalSet, Word: l.Get(2).String(), Message: name + " cannot be changed"})
		return 0
	}))
	proxy.Metatable = mt
	return proxy
}

// locked is a metatable that only looks things up in index and cannot be got at.
func (s *State) locked(index lua.LValue) *lua.LTable {
	mt := s.L.CreateTable(0, 1)
	mt.RawSetString("__index", index)
	mt.RawSetString("__metatable", lua.LFalse)
	return mt
}

func keys(t *lua.LTable) []string {
	var all []string
	t.ForEach(func(k, _ lua.LValue) {
		if k, ok := k.(lua.LString); ok {
			all = append(all, string(k))
		}
	})
	slices.Sort(all)
	return all
}

// seal makes the globals read-only and unknown names an error.
func (s *State) seal() {
	strict := s.L.CreateTable(0, 1)
	strict.RawSetString("__index", s.L.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		Of(l).Raise(Raised{Code: diag.CodeGlobal, Word: name, Message: "nothing is called '" + name + "'", Hint: s.unknown(name)})
		return 0
	}))
	s.globals.Metatable = strict
	mt := s.locked(s.globals)
	mt.RawSetString("__newindex", s.L.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		Of(l).Raise(Raised{Code: diag.CodeGlobalSet, Word: name, Message: "'" + name + "' is not a local name, and globals cannot be assigned",
			Hint: "write local " + name + " = …"})
		return 0
	}))
	s.L.G.Global.Metatable = mt
}

// unknown is the hint for a global that does not exist.
func (s *State) unknown(name string) string {
	if hint := Absent(name); hint != "" {
		return hint
	}
	if hint := diag.DidYouMean(name, s.Globals()); hint != "" {
		return hint
	}
	return "declare it first: local " + name + " = …"
}

// Absent says why a global of standard Lua is not here, and what to use; "" for any other name.
func Absent(name string) string {
	switch name {
	case "io", "dofile", "loadfile", "package":
		return "scripts have no files: keep things in store(name), or require a module of the dialplan"
	case "os":
		return "scripts have no operating system; the time is now(), and date() takes it apart"
	case "load", "loadstring", "debug", "getfenv", "setfenv", "newproxy", "module":
		return "scripts cannot look at or make code while they run"
	case "coroutine":
		return "calls block, so there is nothing to yield for; functions that keep locals do the rest"
	case "collectgarbage":
		return "memory looks after itself"
	}
	return ""
}

// Raised is an error a script made, with what helps to explain it.
type Raised struct {
	Code, Message, Hint string
	Word                string // what to underline
	Operand             int    // of a chain of .., counted from 1, instead of Word
	Text                string // the whole message as Lua sees it; set by Raise
	File                string
	Line, Col           int         // Col is 0 where only the line is known
	Path                []diag.Step // innermost first
}

// Raise ends the running Go function with a Lua error at the author's line: that of the
// nearest caller which is not in a library. It does not return.
func (s *State) Raise(r Raised) {
	r.Path = s.path(s.L)
	for _, step := range r.Path {
		if r.File == "" || s.inLibrary(r.File) && !s.inLibrary(step.File) {
			r.File, r.Line, r.Col = step.File, step.Line, step.Col
		}
	}
	r.Text = fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Message)
	if r.Hint != "" {
		r.Text += " (" + r.Hint + ")"
	}
	s.last = &r
	s.L.Error(lua.LString(r.Text), 0)
}

func (s *State) inLibrary(file string) bool {
	return s.opts.Library != "" && strings.HasPrefix(file, s.opts.Library)
}

// path is where the Lua functions under way are, innermost first.
func (s *State) path(l *lua.LState) []diag.Step {
	var steps []diag.Step
	for level, more := 0, true; more && level < callDepth; level++ {
		var step diag.Step
		if step, more = s.at(l, level, "Sln"); step.File != "" {
			steps = append(steps, step)
		}
	}
	return steps
}

// Where is the author's line that is running, "sales.lua:12"; "" outside of any.
func (s *State) Where() string {
	return s.Place().String()
}

// Place is where the author's line that is running stands, without its function; the zero step outside of any.
func (s *State) Place() diag.Step {
	var at diag.Step
	for level, more := 0, true; more && level < callDepth; level++ {
		var step diag.Step
		step, more = s.at(s.L, level, "Sl")
		switch {
		case step.File == "":
		case !s.inLibrary(step.File):
			return step
		case at.File == "":
			at = step
		}
	}
	return at
}

// Call runs fn. Its error is the meter's cause if that ended it, or a *ScriptError.
func (s *State) Call(fn lua.LValue, args ...lua.LValue) (lua.LValue, error) {
	s.L.Push(fn)
	for _, a := range args {
		s.L.Push(a)
	}
	if err := s.L.PCall(len(args), 1, nil); err != nil {
		if cause := s.Meter.Cause(); cause != nil {
			return nil, cause
		}
		return nil, s.scriptError(err)
	}
	v := s.L.Get(-1)
	s.L.Pop(1)
	if cause := s.Meter.Cause(); cause != nil {
		return nil, cause
	}
	return v, nil
}

// Load makes a prototype callable in this state.
func (s *State) Load(p *lua.FunctionProto) *lua.LFunction { return s.L.NewFunctionFromProto(p) }
