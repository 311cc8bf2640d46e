package sandbox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// The virtual machine keeps one number for each instruction, and calls it a line. Here it is a place: a line and a column
// in one. Every way by which the machine tells of it leads through this file, so that scripts and people see lines.

// columnBits are those of a place that hold the column; 0: not known.
const columnBits = 12

func place(line, col int) int {
	if col >= 1<<columnBits {
		col = 0
	}
	return line<<columnBits | col
}

func placed(n int) (line, col int) { return n >> columnBits, n & (1<<columnBits - 1) }

// mark gives each node of the machine's tree its place: what calls, looks up or reckons, where that is written; all
// others their line. file is the same text as we have read it, or one without a chunk.
func mark(chunk []ast.Stmt, file *syntax.File) {
	m := &marker{}
	m.stmts(chunk)
	for _, n := range m.all {
		n.SetLine(place(n.Line(), 0))
		n.SetLastLine(place(n.LastLine(), 0))
	}
	if file.Chunk == nil {
		return
	}
	ours := acting(file.Chunk)
	if len(ours) != len(m.acting) {
		return // the trees differ: lines must do
	}
	for i, n := range ours {
		m.acting[i].SetLine(place(file.Place(Anchor(n).Start)))
	}
}

// acting are the nodes below one at which something may go wrong, in the order in which they are written.
func acting(n syntax.Node) (all []syntax.Node) {
	syntax.Inspect(n, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.Call, *syntax.Index, *syntax.Binary, *syntax.Unary, *syntax.NumFor, *syntax.GenFor:
			all = append(all, n)
		}
		return true
	})
	return all
}

// Anchor is what of a node is underlined: the name that is called or looked up, the operator.
func Anchor(n syntax.Node) syntax.Span {
	switch n := n.(type) {
	case *syntax.Call:
		if n.Method != nil {
			return n.Method.Span
		}
		if f := syntax.Bare(n.Func); f != nil {
			switch f.(type) {
			case *syntax.Name, *syntax.Index:
				return Anchor(f)
			}
		}
		return n.Func.Pos()
	case *syntax.Index:
		return n.Key.Pos()
	case *syntax.Binary:
		return n.OpPos
	case *syntax.Unary:
		return syntax.Span{Start: n.Start, End: n.Start + len(n.Op)}
	case *syntax.NumFor:
		return n.From.Pos()
	case *syntax.GenFor:
		return n.Values[0].Pos()
	}
	return n.Pos()
}

// marker goes through the machine's tree.
type marker struct {
	all    []ast.PositionHolder
	acting []ast.PositionHolder // as the function of that name finds them
}

func (m *marker) stmts(list []ast.Stmt) {
	for _, s := range list {
		m.stmt(s)
	}
}

func (m *marker) stmt(s ast.Stmt) {
	m.all = append(m.all, s)
	switch s := s.(type) {
	case *ast.AssignStmt:
		m.exprs(s.Lhs...)
		m.exprs(s.Rhs...)
	case *ast.LocalAssignStmt:
		m.exprs(s.Exprs...)
	case *ast.FuncCallStmt:
		m.exprs(s.Expr)
	case *ast.DoBlockStmt:
		m.stmts(s.Stmts)
	case *ast.WhileStmt:
		m.exprs(s.Condition)
		m.stmts(s.Stmts)
	case *ast.RepeatStmt:
		m.stmts(s.Stmts)
		m.exprs(s.Condition)
	case *ast.IfStmt:
		m.exprs(s.Condition)
		m.stmts(s.Then)
		m.stmts(s.Else)
	case *ast.NumberForStmt:
		m.acting = append(m.acting, s)
		m.exprs(s.Init, s.Limit, s.Step)
		m.stmts(s.Stmts)
	case *ast.GenericForStmt:
		m.acting = append(m.acting, s)
		m.exprs(s.Exprs...)
		m.stmts(s.Stmts)
	case *ast.FuncDefStmt:
		m.exprs(s.Name.Func, s.Name.Receiver, s.Func)
	case *ast.ReturnStmt:
		m.exprs(s.Exprs...)
	}
}

func (m *marker) exprs(list ...ast.Expr) {
	for _, e := range list {
		m.expr(e)
	}
}

func (m *marker) expr(e ast.Expr) {
	if e == nil {
		return
	}
	m.all = append(m.all, e)
	switch e.(type) {
	case *ast.FuncCallExpr, *ast.AttrGetExpr, *ast.LogicalOpExpr, *ast.RelationalOpExpr, *ast.StringConcatOpExpr, *ast.ArithmeticOpExpr,
		*ast.UnaryMinusOpExpr, *ast.UnaryNotOpExpr, *ast.UnaryLenOpExpr:
		m.acting = append(m.acting, e)
	}
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		m.exprs(e.Func, e.Receiver)
		m.exprs(e.Args...)
	case *ast.AttrGetExpr:
		m.exprs(e.Object, e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			m.exprs(f.Key, f.Value)
		}
	case *ast.LogicalOpExpr:
		m.exprs(e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		m.exprs(e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		m.exprs(e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		m.exprs(e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		m.exprs(e.Expr)
	case *ast.UnaryNotOpExpr:
		m.exprs(e.Expr)
	case *ast.UnaryLenOpExpr:
		m.exprs(e.Expr)
	case *ast.FunctionExpr:
		m.stmts(e.Stmts)
	}
}

var rePlace = regexp.MustCompile(`^([^:\n]+\.lua):(\d+): ?`)

// told splits what the machine says into the place it begins with and the rest; file is "" if it begins with none.
func told(text string) (file string, line, col int, rest string) {
	m := rePlace.FindStringSubmatch(text)
	if m == nil {
		return "", 0, 0, text
	}
	n, err := strconv.Atoi(m[2])
	if err != nil || n < 1<<columnBits {
		return "", 0, 0, text
	}
	line, col = placed(n)
	return m[1], line, col, text[len(m[0]):]
}

// shown is what the machine says, with lines for places.
func shown(v lua.LValue) lua.LValue {
	text, ok := v.(lua.LString)
	if !ok {
		return v
	}
	if file, line, _, rest := told(string(text)); file != "" {
		return lua.LString(fmt.Sprintf("%s:%d: %s", file, line, rest))
	}
	return v
}

// caught lets pcall and xpcall return what they have caught with lines for places, and xpcall's handler see it so.
func caught(fn *lua.LFunction, handled bool) {
	do := fn.GFunction
	fn.GFunction = func(l *lua.LState) int {
		if handled {
			handler := l.CheckFunction(2)
			l.Replace(2, l.NewFunction(func(l *lua.LState) int {
				v := shown(l.Get(1))
				l.Push(handler)
				l.Push(v)
				l.Call(1, 1)
				return 1
			}))
		}
		n := do(l)
		if n == 2 && l.Get(-2) == lua.LFalse {
			v := shown(l.Get(-1))
			l.Pop(1)
			l.Push(v)
		}
		return n
	}
}

// error is Lua's: level 1, the default, puts the place of the call of error before a text, 2 that of its caller's call,
// 0 none.
func (s *State) error(l *lua.LState) int {
	v, level := l.CheckAny(1), l.OptInt(2, 1)
	text, ok := v.(lua.LString)
	if ok && level > 0 {
		if at, _ := s.at(l, level, "Sl"); at.File != "" {
			r := Raised{Message: string(text), File: at.File, Line: at.Line, Col: at.Col, Path: s.path(l)}
			r.Text = fmt.Sprintf("%s:%d: %s", r.File, r.Line, text)
			s.last, v = &r, lua.LString(r.Text)
		}
	}
	l.Error(v, 0)
	return 0
}

// named is a function's name, "" for what the machine calls one that has none.
func named(name string) string {
	if name == "main chunk" || strings.ContainsAny(name, "<(?") {
		return ""
	}
	return name
}

// at is where a level of the stack is, the zero step if it is not in Lua. what of it is wanted: "Sl" is file, line and
// column, "n" the function's name. False: the stack has no such level.
func (s *State) at(l *lua.LState, level int, what string) (diag.Step, bool) {
	dbg, ok := l.GetStack(level)
	if !ok {
		return diag.Step{}, false
	}
	if _, err := l.GetInfo(what, dbg, lua.LNil); err != nil || dbg.CurrentLine <= 0 {
		return diag.Step{}, true
	}
	line, col := placed(dbg.CurrentLine)
	return diag.Step{File: dbg.Source, Line: line, Col: col, Func: named(dbg.Name)}, true
}
