package lint

import (
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// typ is what is known of a value. The zero typ knows nothing.
type typ struct {
	class string   // of the API, "Call"
	list  bool     // it is a list of that class
	oneOf []string // it is a text out of these, by the API or because they were written
	null  bool     // it is nil, which says nothing against any other type
}

func (t typ) known() bool { return t.class != "" || len(t.oneOf) > 0 || t.null }

// maxOneOf is how many texts a value may be one of; beyond that it is any.
const maxOneOf = 50

// join is what is known of a value that is the one or the other.
func join(a, b typ) typ {
	switch {
	case a.null:
		return b
	case b.null:
		return a
	case a.class != "" && a.class == b.class && a.list == b.list:
		return a
	case len(a.oneOf) > 0 && len(b.oneOf) > 0:
		all := slices.Clone(a.oneOf)
		for _, s := range b.oneOf {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		if len(all) <= maxOneOf {
			return typ{oneOf: all}
		}
	}
	return typ{}
}

// typeOf is what is known of an expression's first value.
func (w *linter) typeOf(e syntax.Expr) typ { return w.typeOfNth(e, 0) }

func (w *linter) typeOfNth(e syntax.Expr, nth int) typ {
	if nth > 0 {
		call, ok := e.(*syntax.Call)
		if !ok {
			return typ{null: true}
		}
		if f, _, ok := w.callee(call); ok && f.Fails && nth == 1 {
			return typ{class: "Error"}
		}
		return typ{}
	}
	switch e := syntax.Bare(e).(type) {
	case *syntax.Nil:
		return typ{null: true}
	case *syntax.String:
		return typ{oneOf: []string{e.Value}}
	case *syntax.Name:
		return w.typeOfName(e)
	case *syntax.Index:
		return w.typeOfField(e)
	case *syntax.Call:
		if f, _, ok := w.callee(e); ok && len(f.Returns) > 0 {
			return w.typeOfValue(f.Returns[0])
		}
	case *syntax.Binary:
		if e.Op == "or" {
			return join(w.typeOf(e.Left), w.typeOf(e.Right))
		}
	}
	return typ{}
}

func (w *linter) typeOfName(n *syntax.Name) typ {
	v := w.vars.of[n]
	if v == nil {
		return typ{}
	}
	t, found := w.types[v]
	if !found {
		w.types[v] = typ{}
		t = w.typeOfVariable(v)
		w.types[v] = t
	}
	return t
}

func (w *linter) typeOfVariable(v *variable) typ {
	if v.param {
		if len(v.values) > 0 {
			return typ{}
		}
		if w.tests[v.fn] && v.nth == 0 {
			return typ{class: "Test"}
		}
		if w.handlers[v.fn] != nil && v.nth == 0 || v.name.Text == "call" && !w.test {
			return typ{class: "Call"}
		}
		return typ{}
	}
	if len(v.values) == 0 {
		return typ{}
	}
	t := typ{null: true}
	for _, given := range v.values {
		next := w.typeOfNth(given.expr, given.nth)
		if given.each {
			next = w.drawn(given)
		}
		if !next.known() {
			return w.byName(v)
		}
		t = join(t, next)
	}
	if !t.known() || t.null {
		return w.byName(v)
	}
	return t
}

// byName takes what is called call for one.
func (w *linter) byName(v *variable) typ {
	if v.name != nil && v.name.Text == "call" && !w.test && len(v.values) == 1 && !v.values[0].each {
		return typ{class: "Call"}
	}
	return typ{}
}

// drawn is what a for loop's name is given: an element, where it goes through a list with ipairs.
func (w *linter) drawn(v value) typ {
	if call, ok := w.globalCall(v.expr, "ipairs"); ok && v.nth == 1 && len(call.Args) == 1 {
		if t := w.typeOf(call.Args[0]); t.list {
			return typ{class: t.class}
		}
	}
	return typ{}
}

func (w *linter) typeOfField(e *syntax.Index) typ {
	t := w.typeOf(e.Object)
	if t.class == "" {
		return typ{}
	}
	if t.list {
		if _, ok := e.Key.(*syntax.Number); ok {
			return typ{class: t.class}
		}
		return typ{}
	}
	key, ok := e.Key.(*syntax.String)
	c, known := w.site.API.Class(t.class)
	if !ok || !known {
		return typ{}
	}
	i := slices.IndexFunc(c.Fields, func(f api.Value) bool { return f.Name == key.Value })
	if i < 0 {
		return typ{}
	}
	return w.typeOfValue(c.Fields[i])
}

// typeOfValue is what the API says of a field or result.
func (w *linter) typeOfValue(v api.Value) typ {
	if len(v.OneOf) > 0 {
		return typ{oneOf: v.OneOf}
	}
	name, list := strings.CutSuffix(string(v.Type), "[]")
	if _, ok := w.site.API.Class(name); ok {
		return typ{class: name, list: list}
	}
	return typ{}
}

// aClass is an object of a class in words.
func (w *linter) aClass(class string) string {
	c, _ := w.site.API.Class(class)
	if strings.HasPrefix(c.Doc, "What ") {
		return "w" + strings.TrimSuffix(strings.SplitN(c.Doc, ".", 2)[0], ".")[1:]
	}
	switch class {
	case "Party":
		return "a caller"
	case "LogEntry":
		return "an entry of the call log"
	case "Error":
		return "an error"
	case "Event":
		return "an event"
	}
	if class == "Test" {
		return "a test"
	}
	return "a " + c.Word()
}

// lookField is about fields that an object does not have.
func (w *linter) lookField(e *syntax.Index) {
	key, ok := e.Key.(*syntax.String)
	if !ok {
		return
	}
	t := w.typeOf(e.Object)
	if t.class == "" || t.list {
		return
	}
	c, _ := w.site.API.Class(t.class)
	if slices.Contains(c.Members(), key.Value) || len(c.Methods) == 0 && w.own[key.Value] {
		return
	}
	hint := diag.DidYouMean(key.Value, c.Members())
	if hint == "" {
		hint = "it has " + strings.Join(c.Members(), ", ")
	}
	w.report(key, diag.CodeMethod, w.aClass(t.class)+" has no '"+key.Value+"'", hint, "")
}

// callee is the function of the API that is called, and what it is called in messages.
func (w *linter) callee(e *syntax.Call) (api.Func, string, bool) {
	if e.Method != nil {
		t := w.typeOf(e.Func)
		if t.class == "" || t.list {
			return api.Func{}, "", false
		}
		c, _ := w.site.API.Class(t.class)
		f, ok := c.Method(e.Method.Text)
		return f, c.Word() + ":" + e.Method.Text, ok
	}
	switch fn := e.Func.(type) {
	case *syntax.Name:
		if w.vars.of[fn] != nil {
			return api.Func{}, "", false
		}
		f, ok := w.site.API.Func(fn.Text)
		return f, fn.Text, ok
	case *syntax.Index:
		name, ok := fn.Object.(*syntax.Name)
		key, text := fn.Key.(*syntax.String)
		if !ok || !text {
			return api.Func{}, "", false
		}
		if w.vars.of[name] != nil {
			return w.libraryFunc(name, key.Value)
		}
		for _, m := range w.site.API.Modules {
			for _, f := range m.Funcs {
				if m.Name == name.Text && f.Name == key.Value {
					return f, m.Name + "." + f.Name, true
				}
			}
		}
	}
	return api.Func{}, "", false
}

// lookComparison is about texts that a value never is.
func (w *linter) lookComparison(e *syntax.Binary) {
	if e.Op != "==" && e.Op != "~=" {
		return
	}
	literal, ok := syntax.Bare(e.Right).(*syntax.String)
	other := e.Left
	if !ok {
		if literal, ok = syntax.Bare(e.Left).(*syntax.String); !ok {
			return
		}
		other = e.Right
	}
	if _, ok := syntax.Bare(other).(*syntax.String); ok {
		return
	}
	t := w.typeOf(other)
	if len(t.oneOf) == 0 || slices.Contains(t.oneOf, literal.Value) || literal.Value == "" {
		return
	}
	shown := w.file.Text[other.Pos().Start:other.Pos().End]
	if strings.Contains(shown, "\n") || len(shown) > 40 {
		shown = "this"
	}
	effect := "what depends on it never happens"
	if e.Op == "~=" {
		effect = "what depends on it always happens"
	}
	w.report(w.file.Inside(literal), diag.CodeOutcome, shown+` is never "`+literal.Value+`"`, diag.Options(literal.Value, "it is one of", t.oneOf), effect)
}
