package syntax

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// What gopher-lua reads of a text, this package reads of it too, and the same; and what one refuses, the other does.
func same(t *testing.T, text string) {
	t.Helper()
	theirs, theirErr := parse.Parse(strings.NewReader(text), "x.lua")
	f, err := Parse("x.lua", text)
	var wrong *Error
	if errors.As(err, &wrong) {
		if wrong.Start < 0 || wrong.End < wrong.Start || wrong.End > len(text) {
			t.Fatalf("%q: the error is at %+v", text, wrong.Span)
		}
		_ = f.Wrong(wrong).String()
		if wrong.Strict || strings.Contains(wrong.Message, "'break'") || strings.Contains(wrong.Message, "label") || strings.Contains(wrong.Message, "'...' stands") {
			return // the last three are found by gopher-lua's compiler
		}
	}
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("%q:\n  here    %v\n  gopher  %v", text, err, theirErr)
	}
	if err == nil {
		if got, want := ours(f.Chunk), gopher(theirs); got != want {
			t.Fatalf("%q:\n  here    %s\n  gopher  %s", text, got, want)
		}
	}
}

func seeds(t testing.TB) []string {
	var all []string
	for _, dir := range []string{"../../stdlib", "../../dialplans", "../../examples"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".lua") {
				return err
			}
			text, err := os.ReadFile(path)
			all = append(all, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(all,
		"", "\n", ";", "return", "return;", "return;;", "return 1, 2;", "break", "while x do break; end", "while x do break x() end",
		"goto a ::a::", "::a:: ::a::", "a = 1 b = 2", "a = 3x = 1", "(f())", "((f()))", "(f)", "(a).b = 1", "(a) = 1", "f() = 1", "a, f().b = 1",
		"f{1}{2}\"x\"[[y]]", "a.b:c\"x\"", "a = -2^-2^2", "a = not b == c", "a = 1 .. 2 .. 3", "a = 1..2", "a = 1 + 2 * 3 ^ 4 % 5 - 6", "a = a < b == c",
		"a = 0x1F, 0X, 0x", "a = 007", "a = 1e5, 1e+5, 1E-5, 1.5e3, .5, 5.", "a = 1e", "a = .5.5", "a = \"\\65\\n\\q\\\r\n\"", "a = '\\999'", "a = \"x\ny\"",
		"a = [[\nx]]", "a = [==[ ]] ]=] ]==]", "a = [=x", "a[=", "--[[ x ]] a = 1", "--[==[ x", "--[= x", "-- x", "--[x", "a = {1, 2; x = 3, [4] = 5,}",
		"a = {,}", "a = {1,,2;,}", "a = {;}", "f(\n)(a)", "f()\n(g)()", "local function f(...) return ... end", "function a.b.c:d(x, ...) end", "function f(a,) end", "function(a) end",
		"local a, b = 1", "local a.b = 1", "for i = 1 do end", "for i = 1, 2, 3 do end", "for a, b in c, d do end", "repeat local x until x", "if a then elseif b then else end",
		"if a then else elseif b then end", "a = function() end", "a = function(a, b) return a end", "x = ~1", "a != b", "a = #b", "a = - - b", "a\r\nb()", "\ufeffa = 1", "a = (...)", "a = (f())",
		"a.end = 1", "a = {end = 1}", "local x <const> = 1", "a = b // c", "\x1bLua", "a = 'x", "a:b", "a.b", "a = b c = d", "do end end", "if x then", "\f", "a = 'a\\", "a.1 = 2")
}

func TestReadsWhatGopherLuaReads(t *testing.T) {
	for _, text := range seeds(t) {
		same(t, text)
	}
}

func FuzzSame(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { same(t, text) })
}

// ours and gopher write the two trees in one way.
func ours(n Node) string {
	if !there(n) {
		return "-"
	}
	switch n := n.(type) {
	case *Paren:
		inner := Bare(n)
		switch inner.(type) {
		case *Call, *Vararg:
			return "(one " + ours(inner) + ")"
		}
		return ours(inner)
	case *Block:
		return oursList(n.Stmts)
	case *Assign:
		return "(= " + oursList(n.Targets) + oursList(n.Values) + ")"
	case *Local:
		return "(local " + oursList(n.Names) + oursList(n.Values) + ")"
	case *LocalFunc:
		return "(local [" + ours(n.Name) + "][" + ours(n.Func) + "])"
	case *FuncStmt:
		return "(def " + ours(n.Target) + " " + ours(n.Method) + ours(n.Func) + ")"
	case *CallStmt:
		return ours(n.Call)
	case *Do:
		return "(do " + ours(n.Body) + ")"
	case *While:
		return "(while " + ours(n.Cond) + ours(n.Body) + ")"
	case *Repeat:
		return "(repeat " + ours(n.Cond) + ours(n.Body) + ")"
	case *If:
		rest := "[]"
		if n.Else != nil {
			rest = ours(n.Else)
		}
		for i := len(n.Clauses) - 1; i >= 0; i-- {
			s := "(if " + ours(n.Clauses[i].Cond) + ours(n.Clauses[i].Body) + rest + ")"
			rest = "[" + s + "]"
		}
		return rest[1 : len(rest)-1]
	case *NumFor:
		return "(for " + ours(n.Name) + ours(n.From) + ours(n.To) + ours(n.Step) + ours(n.Body) + ")"
	case *GenFor:
		return "(in " + oursList(n.Names) + oursList(n.Values) + ours(n.Body) + ")"
	case *Return:
		return "(return " + oursList(n.Values) + ")"
	case *Break:
		return "(break)"
	case *Label:
		return "(label " + ours(n.Name) + ")"
	case *Goto:
		return "(goto " + ours(n.Name) + ")"
	case *Nil:
		return "nil "
	case *Bool:
		return fmt.Sprint(n.Value, " ")
	case *Number:
		text := n.Text
		if len(text) > 1 && text[0] == '0' && isDigit(text[1]) {
			text = text[1:]
		}
		return text + " "
	case *String:
		return fmt.Sprintf("%q ", n.Value)
	case *Vararg:
		return "... "
	case *Name:
		return n.Text + " "
	case *Func:
		return "(function " + oursList(n.Params) + fmt.Sprint(n.Vararg) + ours(n.Body) + ")"
	case *Index:
		return "(index " + ours(n.Object) + ours(n.Key) + ")"
	case *Call:
		return "(call " + ours(n.Func) + ours(n.Method) + oursList(n.Args) + ")"
	case *Table:
		s := "{"
		for _, f := range n.Fields {
			s += ours(f.Key) + "=" + ours(f.Value) + ","
		}
		return s + "}"
	case *Binary:
		return "(" + n.Op + " " + ours(n.Left) + ours(n.Right) + ")"
	case *Unary:
		return "(un" + n.Op + " " + ours(n.X) + ")"
	}
	panic(fmt.Sprintf("%T", n))
}

func oursList[T Node](list []T) string {
	s := "["
	for _, n := range list {
		s += ours(n)
	}
	return s + "]"
}

func gopher(list []ast.Stmt) string {
	s := "["
	for _, n := range list {
		s += gopherStmt(n)
	}
	return s + "]"
}

func gopherNames(names []string) string {
	s := "["
	for _, n := range names {
		s += n + " "
	}
	return s + "]"
}

func gopherList(list []ast.Expr) string {
	s := "["
	for _, n := range list {
		s += gopherExpr(n)
	}
	return s + "]"
}

func gopherStmt(n ast.Stmt) string {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return "(= " + gopherList(n.Lhs) + gopherList(n.Rhs) + ")"
	case *ast.LocalAssignStmt:
		return "(local " + gopherNames(n.Names) + gopherList(n.Exprs) + ")"
	case *ast.FuncDefStmt:
		if n.Name.Method != "" {
			return "(def " + gopherExpr(n.Name.Receiver) + " " + n.Name.Method + " " + gopherExpr(n.Func) + ")"
		}
		return "(def " + gopherExpr(n.Name.Func) + " -" + gopherExpr(n.Func) + ")"
	case *ast.FuncCallStmt:
		return gopherExpr(n.Expr)
	case *ast.DoBlockStmt:
		return "(do " + gopher(n.Stmts) + ")"
	case *ast.WhileStmt:
		return "(while " + gopherExpr(n.Condition) + gopher(n.Stmts) + ")"
	case *ast.RepeatStmt:
		return "(repeat " + gopherExpr(n.Condition) + gopher(n.Stmts) + ")"
	case *ast.IfStmt:
		return "(if " + gopherExpr(n.Condition) + gopher(n.Then) + gopher(n.Else) + ")"
	case *ast.NumberForStmt:
		return "(for " + n.Name + " " + gopherExpr(n.Init) + gopherExpr(n.Limit) + gopherExpr(n.Step) + gopher(n.Stmts) + ")"
	case *ast.GenericForStmt:
		return "(in " + gopherNames(n.Names) + gopherList(n.Exprs) + gopher(n.Stmts) + ")"
	case *ast.ReturnStmt:
		return "(return " + gopherList(n.Exprs) + ")"
	case *ast.BreakStmt:
		return "(break)"
	case *ast.LabelStmt:
		return "(label " + n.Name + " )"
	case *ast.GotoStmt:
		return "(goto " + n.Label + " )"
	}
	panic(fmt.Sprintf("%T", n))
}

func gopherExpr(n ast.Expr) string {
	bin := func(op string, a, b ast.Expr) string { return "(" + op + " " + gopherExpr(a) + gopherExpr(b) + ")" }
	switch n := n.(type) {
	case nil:
		return "-"
	case *ast.NilExpr:
		return "nil "
	case *ast.TrueExpr:
		return "true "
	case *ast.FalseExpr:
		return "false "
	case *ast.NumberExpr:
		return n.Value + " "
	case *ast.StringExpr:
		return fmt.Sprintf("%q ", n.Value)
	case *ast.Comma3Expr:
		if n.AdjustRet {
			return "(one ... )"
		}
		return "... "
	case *ast.IdentExpr:
		return n.Value + " "
	case *ast.FunctionExpr:
		return "(function " + gopherNames(n.ParList.Names) + fmt.Sprint(n.ParList.HasVargs) + gopher(n.Stmts) + ")"
	case *ast.AttrGetExpr:
		return "(index " + gopherExpr(n.Object) + gopherExpr(n.Key) + ")"
	case *ast.FuncCallExpr:
		s := "(call " + gopherExpr(n.Func) + "-" + gopherList(n.Args) + ")"
		if n.Receiver != nil {
			s = "(call " + gopherExpr(n.Receiver) + n.Method + " " + gopherList(n.Args) + ")"
		}
		if n.AdjustRet {
			return "(one " + s + ")"
		}
		return s
	case *ast.TableExpr:
		s := "{"
		for _, f := range n.Fields {
			s += gopherExpr(f.Key) + "=" + gopherExpr(f.Value) + ","
		}
		return s + "}"
	case *ast.LogicalOpExpr:
		return bin(n.Operator, n.Lhs, n.Rhs)
	case *ast.RelationalOpExpr:
		return bin(n.Operator, n.Lhs, n.Rhs)
	case *ast.StringConcatOpExpr:
		return bin("..", n.Lhs, n.Rhs)
	case *ast.ArithmeticOpExpr:
		return bin(n.Operator, n.Lhs, n.Rhs)
	case *ast.UnaryMinusOpExpr:
		return "(un- " + gopherExpr(n.Expr) + ")"
	case *ast.UnaryNotOpExpr:
		return "(unnot " + gopherExpr(n.Expr) + ")"
	case *ast.UnaryLenOpExpr:
		return "(un# " + gopherExpr(n.Expr) + ")"
	}
	panic(fmt.Sprintf("%T", n))
}
