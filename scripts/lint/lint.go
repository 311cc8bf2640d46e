// Package lint finds what is wrong with a dialplan without running it: names, methods and options that are not there,
// values that cannot be meant, callers who are left without an answer.
package lint

import (
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// Site is what a dialplan can refer to. A nil function knows nothing, and nothing is said.
type Site struct {
	API      *api.API
	Module   func(name string) (known bool, all []string)
	Prompt   func(name string) (message, hint string) // "": it can be heard
	Music    func(name string) (message, hint string)
	Duration func(text string) (time.Duration, bool)
	Hours    func(rule string) error           // what is wrong with "mon-fri 09:00-17:30"
	Absent   func(global string) (hint string) // for names of Lua that scripts do not have
	Trunks   []string                          // nil: not known
	Line     func(number string) (known, voicemail bool)
	Numbers  func() []string // of the lines, for suggestions
	// Permissions are the words that a line can have; all says that no line has any other. nil: those of the ladder.
	Permissions func() (words []string, all bool)
	// Library is a file of the standard library that require finds by that name; nil: none.
	Library func(name string) *syntax.File
}

// Result is what Check found.
type Result struct {
	Problems   []diag.Problem
	Extensions []Extension // as written: one in a loop is here once
	Groups     []Mention   // group("600") that are read, by a literal number
	Redirects  []Mention   // call:redirect("600") and the like, to a literal number
	Boxes      []Mention   // mailboxes by a literal number that no line has
}

// Mention is a literal number and where it stands.
type Mention struct {
	Number string
	At     diag.Problem // File, Line, Col …
}

// Extension is a call of extension().
type Extension struct {
	Line     int          // as the machine counts it
	Col      int          // likewise
	At       diag.Problem // the pattern, or if that is not a literal, the call
	Literal  bool
	Redirect *Mention // what the handler does and nothing else; nil: it does something else
}

// Check looks at one file. test says that it is one of tests, in which nothing is a call merely by its name.
func Check(f *syntax.File, site Site, test bool) Result {
	w := &linter{file: f, site: site, test: test, vars: resolve(f.Chunk), types: map[*variable]typ{}, allowed: allowed(f), own: ownFields(f), library: map[string]map[string]api.Func{}}
	w.handlers, w.tests = map[*syntax.Func]*syntax.Call{}, map[*syntax.Func]bool{}
	w.findHandlers()
	syntax.Inspect(f.Chunk, w.look)
	w.flow()
	w.state()
	slices.SortStableFunc(w.result.Problems, func(a, b diag.Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	w.result.Problems = slices.CompactFunc(w.result.Problems, func(a, b diag.Problem) bool { // a function may be looked at twice
		return a.Line == b.Line && a.Col == b.Col && a.Code == b.Code
	})
	return w.result
}

// ownFields are the names of fields that the file itself gives to something: records can be added to.
func ownFields(f *syntax.File) map[string]bool {
	own := map[string]bool{}
	syntax.Inspect(f.Chunk, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok {
			for _, target := range a.Targets {
				if i, ok := target.(*syntax.Index); ok && i.Dot {
					own[i.Key.(*syntax.String).Value] = true
				}
			}
		}
		return true
	})
	return own
}

type linter struct {
	file     *syntax.File
	site     Site
	test     bool
	vars     *names
	types    map[*variable]typ              // as found, or nothing while it is being found
	own      map[string]bool                // see ownFields
	handlers map[*syntax.Func]*syntax.Call  // functions that extension() is given
	tests    map[*syntax.Func]bool          // functions that test() is given
	made     map[string]bool                // lines that tests make; nil before anybody asked
	allowed  map[int][]string               // codes by line
	library  map[string]map[string]api.Func // functions of the standard library, by module and name
	result   Result
}

// allowed finds comments such as -- lint: allow W004, which speak for their line, or if they stand alone in it, for the next.
func allowed(f *syntax.File) map[int][]string {
	all := map[int][]string{}
	for _, c := range f.Comments {
		_, rest, ok := strings.Cut(c.Text, "lint: allow ")
		if !ok {
			continue
		}
		line := f.Line(c.Start)
		codes := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' })
		all[line] = append(all[line], codes...)
		if start, col := f.Place(c.Start); start == line && strings.TrimSpace(f.Text[c.Start-col+1:c.Start]) == "" {
			all[line+1] = append(all[line+1], codes...)
		}
	}
	return all
}

// Allowed tells whether a comment in the file allows a problem at a line.
func Allowed(f *syntax.File, line int, code string) bool {
	return slices.Contains(allowed(f)[line], code)
}

func (w *linter) report(at syntax.Node, code, message, hint, effect string) {
	p := w.file.Problem(at.Pos(), code, message, hint)
	p.Effect = effect
	if !slices.Contains(w.allowed[p.Line], code) {
		w.result.Problems = append(w.result.Problems, p)
	}
}

func (w *linter) mention(s *syntax.String) Mention {
	return Mention{s.Value, w.file.Problem(w.file.Inside(s), "", "", "")}
}

// globalCall tells whether a call is of a global function of that name.
func (w *linter) globalCall(e syntax.Expr, name string) (*syntax.Call, bool) {
	call, ok := syntax.Bare(e).(*syntax.Call)
	if !ok || call.Method != nil {
		return nil, false
	}
	fn, ok := call.Func.(*syntax.Name)
	return call, ok && fn.Text == name && w.vars.of[fn] == nil
}

// findHandlers finds the functions that extensions are answered by, and what is known of each extension.
func (w *linter) findHandlers() {
	syntax.Inspect(w.file.Chunk, func(n syntax.Node) bool {
		e, ok := n.(*syntax.Call)
		if !ok {
			return true
		}
		if call, ok := w.globalCall(e, "test"); ok && len(call.Args) == 2 {
			if fn := w.function(call.Args[1]); fn != nil {
				w.tests[fn] = true
			}
		}
		call, ok := w.globalCall(e, "extension")
		if !ok || len(call.Args) < 2 {
			return true
		}
		fn := w.function(call.Args[len(call.Args)-1])
		if fn != nil {
			w.handlers[fn] = call
		}
		x := Extension{At: w.file.Problem(call.Func.Pos(), "", "", "")}
		x.Line, x.Col = x.At.Line, x.At.Col
		if s, ok := call.Args[0].(*syntax.String); ok {
			x.At, x.Literal = w.file.Problem(s.Span, "", "", ""), true
		}
		if fn != nil {
			x.Redirect = w.onlyRedirects(fn)
		}
		w.result.Extensions = append(w.result.Extensions, x)
		return true
	})
}

// function is the function an expression is: written there, or a local one.
func (w *linter) function(e syntax.Expr) *syntax.Func {
	switch e := e.(type) {
	case *syntax.Func:
		return e
	case *syntax.Name:
		if v := w.vars.of[e]; v != nil && len(v.values) == 1 {
			fn, _ := v.values[0].expr.(*syntax.Func)
			return fn
		}
	}
	return nil
}

// onlyRedirects is where a handler sends every call, if that is a literal number and nothing comes between.
func (w *linter) onlyRedirects(fn *syntax.Func) *Mention {
	for _, s := range fn.Body.Stmts {
		stmt, ok := s.(*syntax.CallStmt)
		if !ok {
			return nil
		}
		call, ok := syntax.Bare(stmt.Call).(*syntax.Call)
		if !ok || call.Method == nil || len(fn.Params) == 0 || w.vars.name(call.Func) != fn.Params[0].Text {
			return nil
		}
		switch call.Method.Text {
		case "redirect":
			if len(call.Args) == 1 {
				if s, ok := call.Args[0].(*syntax.String); ok {
					m := w.mention(s)
					return &m
				}
			}
			return nil
		case "answer", "ring", "playPrompt", "sleep", "tone", "startMusic", "stopMusic":
		default:
			return nil
		}
	}
	return nil
}

func (w *linter) look(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.Name:
		w.lookName(n)
	case *syntax.Index:
		w.lookField(n)
	case *syntax.Call:
		w.lookCall(n)
	case *syntax.Binary:
		w.lookComparison(n)
	}
	return true
}

// lookName is about names that nobody defined, and globals that are assigned.
func (w *linter) lookName(n *syntax.Name) {
	if !w.vars.global[n] {
		return
	}
	if w.vars.assigned[n] {
		w.report(n, diag.CodeGlobalSet, "'"+n.Text+"' is not a local name, and globals cannot be assigned", "write local in front of it", "")
		return
	}
	known := append(base(), w.site.API.Globals()...)
	if slices.Contains(known, n.Text) {
		return
	}
	hint := ""
	if w.site.Absent != nil {
		hint = w.site.Absent(n.Text)
	}
	if hint == "" {
		known = append(known, w.vars.visible[n]...)
		slices.Sort(known)
		hint = diag.DidYouMean(n.Text, known)
	}
	if hint == "" {
		hint = "declare it first: local " + n.Text + " = …"
	}
	w.report(n, diag.CodeGlobal, "nothing is called '"+n.Text+"'", hint, "")
}

// base are the names of Lua itself that scripts may use.
func base() []string {
	return []string{"assert", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
		"select", "setmetatable", "string", "table", "tonumber", "tostring", "type", "unpack", "xpcall", "_G"}
}
