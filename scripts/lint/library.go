package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// libraryFunc is a function of the standard library as its comments describe it: menu.offer, by a name that the file
// gave what require returned.
func (w *linter) libraryFunc(object *syntax.Name, key string) (api.Func, string, bool) {
	v := w.vars.of[object]
	if v == nil || v.param || len(v.values) != 1 || v.values[0].nth != 0 || w.site.Library == nil {
		return api.Func{}, "", false
	}
	call, ok := w.globalCall(v.values[0].expr, "require")
	if !ok {
		return api.Func{}, "", false
	}
	module, ok := literal(call, 0)
	if !ok {
		return api.Func{}, "", false
	}
	file := w.site.Library(module.Value)
	if file == nil || file.Chunk == nil {
		return api.Func{}, "", false
	}
	funcs, ok := w.library[module.Value]
	if !ok {
		funcs = described(file)
		w.library[module.Value] = funcs
	}
	f, ok := funcs[key]
	return f, module.Value + "." + key, ok
}

// described are the functions that a module returns, by their names, with the types that the comments before them give.
func described(f *syntax.File) map[string]api.Func {
	all := map[string]api.Func{}
	returned := ""
	for _, s := range f.Chunk.Stmts {
		if r, ok := s.(*syntax.Return); ok && len(r.Values) == 1 {
			if name, ok := r.Values[0].(*syntax.Name); ok {
				returned = name.Text
			}
		}
	}
	for _, s := range f.Chunk.Stmts {
		fn, ok := s.(*syntax.FuncStmt)
		if !ok || fn.Method != nil {
			continue
		}
		target, ok := fn.Target.(*syntax.Index)
		if !ok || !target.Dot {
			continue
		}
		if m, ok := target.Object.(*syntax.Name); !ok || m.Text != returned {
			continue
		}
		if d, ok := describe(fn, before(f, fn)); ok {
			all[target.Key.(*syntax.String).Value] = d
		}
	}
	return all
}

// before are the comments in the lines right before a statement, in their order.
func before(f *syntax.File, s syntax.Stmt) []string {
	var lines []string
	at := f.Line(s.Pos().Start) - 1
	for _, c := range slices.Backward(f.Comments) {
		if f.Line(c.Start) == at {
			lines = append(lines, c.Text)
			at--
		}
	}
	slices.Reverse(lines)
	return lines
}

var (
	reParam = regexp.MustCompile(`^---@param (\w+)(\??) (.*)$`)
	reField = regexp.MustCompile(`^\s*(\w+)(\??):\s*(.*?)\s*$`)
)

// describe reads ---@param comments. A last parameter { a: T, b?: T } is an options table.
func describe(fn *syntax.FuncStmt, comments []string) (api.Func, bool) {
	types := map[string][]string{}
	for _, c := range comments {
		if m := reParam.FindStringSubmatch(c); m != nil {
			types[m[1]] = m
		}
	}
	d := api.Func{}
	if fn.Func.Vararg {
		return d, false
	}
	for i, p := range fn.Func.Params {
		m := types[p.Text]
		if m == nil {
			return d, false
		}
		if text, ok := strings.CutPrefix(m[3], "{ "); ok && i == len(fn.Func.Params)-1 {
			d.Options = fields(text)
			return d, true
		}
		d.Params = append(d.Params, api.Value{Name: p.Text, Optional: m[2] != "", Type: typeNamed(m[3])})
	}
	return d, true
}

// fields reads what stands after the { of a table's type, up to its }.
func fields(text string) []api.Value {
	var all []api.Value
	depth, from := 0, 0
	add := func(to int) {
		if m := reField.FindStringSubmatch(text[from:to]); m != nil {
			all = append(all, api.Value{Name: m[1], Optional: true, Type: typeNamed(m[3])})
		}
		from = to + 1
	}
	for i := range len(text) {
		switch text[i] {
		case '{', '(', '<':
			depth++
		case ')', '>':
			depth--
		case ',':
			if depth == 0 {
				add(i)
			}
		case '}':
			if depth--; depth < 0 {
				add(i)
				return all
			}
		}
	}
	return all
}

// typeNamed is a type by the name that it has in comments; what is not among those that are looked at is any.
func typeNamed(text string) api.Type {
	name, _, _ := strings.Cut(text, " ")
	switch t := api.Type(name); t {
	case api.Bool, api.Int, api.Number, api.Duration, api.Prompt, api.Keys, api.Music, api.Route, api.Routes, api.Targets, api.Texts:
		return t
	}
	return api.Any
}
