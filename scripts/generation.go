package scripts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// generation is a dialplan as it was at one moment. Calls hold on to theirs.
type generation struct {
	number int
	host   *Host
	files  map[string]*source
	print  [sha256.Size]byte
	mux    *engine.Mux
	routes []route
	groups map[string]*groupDecl
	calls  atomic.Int64

	found    *findings
	warnings []diag.Problem

	classes map[string]*lua.LTable // metatables of objects and records
	made    map[string]lua.LValue  // modules as main.lua left them, in the image
	image   *sandbox.Image
}

// route is one extension() of a dialplan.
type route struct {
	engine.Route
	handler *lua.LFunction // in the image
	col     int            // of the call of extension() that Where names the line of
}

// compileAll makes a generation of a folder's files. It fails with a *LoadError; the generation has the warnings even so.
func (h *Host) compileAll(ctx context.Context, files map[string]*source) (*generation, error) {
	g := &generation{host: h, files: files, print: fingerprint(files), groups: map[string]*groupDecl{}}
	var problems []diag.Problem
	found := h.static(files, isModule)
	g.found, g.warnings = found, found.warnings
	if _, ok := files["main.lua"]; !ok && !found.noDialplan {
		problems = append(problems, diag.Problem{File: "main.lua", Code: diag.CodeFile, Message: "there is no main.lua",
			Hint: "it is where a dialplan begins: extension(\"600\", function(call) … end)"})
	}
	if problems = append(problems, found.errors...); len(problems) > 0 {
		return g, &LoadError{problems}
	}
	return g, g.load(ctx)
}

// load runs main.lua, for the extensions and groups it declares and for the image that calls begin with.
func (g *generation) load(ctx context.Context) error {
	sc := newLoader(ctx, g)
	defer sc.cancel(nil)
	if err := sc.loadMain(); err != nil {
		return g.loadError(err)
	}
	g.routes = sc.routes
	g.made, g.image = sc.modules, sc.freeze()
	g.mux = &engine.Mux{}
	var problems []diag.Problem
	for i := range g.routes {
		r := &g.routes[i]
		r.Handler = engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
			h := g.host
			if other, ok := ctx.Value(serving{}).(*Host); ok {
				h = other
			}
			h.run(ctx, g, r, c)
		})
		if err := g.conflict(g.routes[:i], *r); err != nil {
			problems = append(problems, *err)
			continue
		}
		if err := g.mux.Add(r.Route); err != nil {
			p := g.place(*r)
			p.Code, p.Message, p.Hint = diag.CodePattern, err.Error(), "digits * # +, x z n [2-5], and a final ."
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return &LoadError{problems}
	}
	g.lookAtRoutes()
	return nil
}

// loadError makes whatever stopped main.lua into problems.
func (g *generation) loadError(err error) error {
	p := g.problem(err)
	if p == nil {
		return err
	}
	return &LoadError{[]diag.Problem{*p}}
}

// at is a problem at a place such as "main.lua:12".
func (g *generation) at(where string) diag.Problem {
	file, line, _ := strings.Cut(where, ":")
	p := diag.Problem{File: file, Source: g.text(file)}
	_, _ = fmt.Sscanf(line, "%d", &p.Line)
	return p
}

// text is the source of a file by the name it has in errors.
func (g *generation) text(name string) string {
	if f := g.find(name); f != nil {
		return f.text
	}
	return ""
}

// syntax is a file as it was read, by the name it has in errors; nil if there is none.
func (g *generation) syntax(name string) *syntax.File {
	if f := g.find(name); f != nil {
		return f.file
	}
	return nil
}

func (g *generation) find(name string) *source {
	if lib, ok := strings.CutPrefix(name, libraryPrefix); ok {
		return g.host.library[lib]
	}
	return g.files[name]
}

// module finds what require means: the folder's own file, then the standard library's.
func (g *generation) module(name string) (*source, bool) {
	file, ok := moduleFile(name)
	if !ok {
		return nil, false
	}
	if f := g.files[file]; f != nil && isModule(file) {
		return f, true
	}
	f := g.host.library[file]
	return f, f != nil && f.proto != nil
}

// modules are the names require knows.
func (g *generation) modules() []string {
	var names []string
	for name := range g.files {
		if isModule(name) && name != "main.lua" {
			names = append(names, strings.TrimSuffix(name, ".lua"))
		}
	}
	for name, f := range g.host.library {
		if f.proto != nil {
			names = append(names, strings.TrimSuffix(name, ".lua"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// LoadError says why a dialplan was not loaded.
type LoadError struct{ Problems []diag.Problem }

// Error is the first problem in one line.
func (e *LoadError) Error() string {
	s := e.Problems[0].Error()
	if n := len(e.Problems) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// String is all of them, as they are printed.
func (e *LoadError) String() string {
	var parts []string
	for _, p := range e.Problems {
		parts = append(parts, p.String())
	}
	return strings.Join(parts, "\n")
}

// Problems are those that an error of Open or Reload stands for; nil if it is about something else.
func Problems(err error) []diag.Problem {
	var e *LoadError
	if errors.As(err, &e) {
		return e.Problems
	}
	return nil
}
