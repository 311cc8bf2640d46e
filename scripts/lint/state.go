package lint

import (
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// state is about values of the file that a call changes: each call has a state of its own, and the change goes with it.
func (w *linter) state() {
	if w.test {
		return
	}
	seen := map[*syntax.Func]bool{}
	var inCall func(fn *syntax.Func)
	inCall = func(fn *syntax.Func) {
		if fn == nil || seen[fn] {
			return
		}
		seen[fn] = true
		syntax.Inspect(fn.Body, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Assign:
				for _, target := range n.Targets {
					w.changes(target, target)
				}
			case *syntax.Call:
				w.tableCall(n)
				if _, ok := n.Func.(*syntax.Name); ok && n.Method == nil {
					inCall(w.function(n.Func)) // what a call runs, it runs for the call
				}
			}
			return true
		})
	}
	for fn := range w.handlers {
		inCall(fn)
	}
	syntax.Inspect(w.file.Chunk, func(n syntax.Node) bool {
		if fn, ok := n.(*syntax.Func); ok && len(fn.Params) > 0 && fn.Params[0].Text == "call" {
			inCall(fn)
		}
		return true
	})
}

// tableCall looks at table.insert(list, x) and the like.
func (w *linter) tableCall(e *syntax.Call) {
	changes := false
	switch fn := e.Func.(type) {
	case *syntax.Index:
		key, ok := fn.Key.(*syntax.String)
		changes = ok && e.Method == nil && w.vars.name(fn.Object) == "table" && (key.Value == "insert" || key.Value == "remove" || key.Value == "sort")
	case *syntax.Name:
		changes = e.Method == nil && fn.Text == "rawset"
	}
	if changes && len(e.Args) > 0 {
		if name, ok := e.Args[0].(*syntax.Name); ok {
			w.changed(name, name, true)
		}
	}
}

// changes looks at what is given a value: at its root, if that is the file's.
func (w *linter) changes(target syntax.Expr, at syntax.Node) {
	root, field := target, false
	for {
		i, ok := root.(*syntax.Index)
		if !ok {
			break
		}
		root, field = i.Object, true
	}
	if name, ok := root.(*syntax.Name); ok {
		w.changed(name, at, field)
	}
}

func (w *linter) changed(name *syntax.Name, at syntax.Node, field bool) {
	v := w.vars.of[name]
	if v == nil || v.level != 0 || v.param || len(v.values) > 0 && v.values[0].each {
		return
	}
	if field && !w.isTable(v) {
		return
	}
	w.report(at, diag.CodeState, "'"+name.Text+"' belongs to the file, and this change is lost with the call",
		`keep it in a store: store("`+name.Text+`"):set(key, value)`, "each call begins with what main.lua left; no other call sees this")
}

// isTable tells whether a variable is given a table that is written there, or a module.
func (w *linter) isTable(v *variable) bool {
	if len(v.values) != 1 {
		return false
	}
	if _, ok := v.values[0].expr.(*syntax.Table); ok {
		return true
	}
	_, ok := w.globalCall(v.values[0].expr, "require")
	return ok
}
