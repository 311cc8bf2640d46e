package sandbox

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// The names by which rewritten code reaches its checks; no Lua name can be like them.
const (
	nameJoin = "(join)" // a .. b
	nameKey  = "(key)"  // t[k] = v
)

// MaxSource is how long a file may be, in bytes.
const MaxSource = 1 << 20

// Parse reads Lua source. Its errors are *parse.Error.
func Parse(src []byte, name string) (chunk []ast.Stmt, err error) {
	if len(src) > MaxSource {
		return nil, fmt.Errorf("%s is longer than %d KiB", name, MaxSource>>10)
	}
	if bytes.HasPrefix(src, []byte("\x1bLua")) {
		return nil, fmt.Errorf("%s is bytecode, not Lua source", name)
	}
	return parse.Parse(bytes.NewReader(src), name)
}

// Compile makes a parsed chunk, which it alters, into a prototype that any number of states
// may run at once. Two things the virtual machine does without asking anybody become calls
// of checked functions on the way: joining text (which may double it each time), and writing
// to a computed table index (which allocates everything up to it).
func Compile(chunk []ast.Stmt, name string) (*lua.FunctionProto, error) {
	return compileFile(chunk, &syntax.File{Name: name})
}

// compileFile is Compile for a chunk whose text we have read ourselves: columns are known then.
func compileFile(chunk []ast.Stmt, file *syntax.File) (*lua.FunctionProto, error) {
	mark(chunk, file)
	rewriteStmts(chunk)
	proto, err := lua.Compile(chunk, file.Name)
	if err != nil {
		return nil, err
	}
	smallTables(proto)
	return proto, nil
}

// smallTables lets tables begin small. One that is made empty, and for which nothing is said of
// its size, gets room for 32 fields with the first, some four kilobytes; a call's state makes hundreds.
// The size of the hash part is in bits 9 to 17 of the instruction, that of the array in bits 0 to 8.
func smallTables(p *lua.FunctionProto) {
	const sizes, hashOfOne = 0x3ffff, 1 << 9
	for i, inst := range p.Code {
		if int(inst>>26) == lua.OP_NEWTABLE && inst&sizes == 0 {
			p.Code[i] |= hashOfOne
		}
	}
	for _, inner := range p.FunctionPrototypes {
		smallTables(inner)
	}
}

func rewriteStmts(list []ast.Stmt) {
	for _, s := range list {
		rewriteStmt(s)
	}
}

func rewriteStmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for i, e := range s.Lhs {
			if target, ok := e.(*ast.AttrGetExpr); ok {
				rewriteTarget(target)
			} else {
				s.Lhs[i] = rewrite(e)
			}
		}
		rewriteExprs(s.Rhs)
	case *ast.LocalAssignStmt:
		rewriteExprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = rewrite(s.Expr)
	case *ast.DoBlockStmt:
		rewriteStmts(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = rewrite(s.Condition)
		rewriteStmts(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = rewrite(s.Condition)
		rewriteStmts(s.Stmts)
	case *ast.IfStmt:
		s.Condition = rewrite(s.Condition)
		rewriteStmts(s.Then)
		rewriteStmts(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = rewrite(s.Init), rewrite(s.Limit)
		if s.Step != nil {
			s.Step = rewrite(s.Step)
		}
		rewriteStmts(s.Stmts)
	case *ast.GenericForStmt:
		rewriteExprs(s.Exprs)
		rewriteStmts(s.Stmts)
	case *ast.FuncDefStmt:
		rewriteStmts(s.Func.Stmts)
	case *ast.ReturnStmt:
		rewriteExprs(s.Exprs)
	}
}

func rewriteExprs(list []ast.Expr) {
	for i, e := range list {
		list[i] = rewrite(e)
	}
}

func rewrite(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.StringConcatOpExpr:
		return rewriteJoin(e)
	case *ast.AttrGetExpr:
		e.Object, e.Key = rewrite(e.Object), rewrite(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				f.Key = checkedKey(nil, rewrite(f.Key))
			}
			f.Value = rewrite(f.Value)
		}
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = rewrite(e.Func)
		}
		if e.Receiver != nil {
			e.Receiver = rewrite(e.Receiver)
		}
		rewriteExprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.FunctionExpr:
		rewriteStmts(e.Stmts)
	}
	return e
}

// maxJoin is how many operands of a .. b .. c … go into one call.
const maxJoin = 32

func rewriteJoin(e *ast.StringConcatOpExpr) ast.Expr {
	args := []ast.Expr{rewrite(e.Lhs)}
	rest := e.Rhs
	for {
		next, ok := rest.(*ast.StringConcatOpExpr)
		if !ok || len(args) == maxJoin-1 {
			break
		}
		args = append(args, rewrite(next.Lhs))
		rest = next.Rhs
	}
	last := rewrite(rest)
	switch last := last.(type) { // one value of it, as of all others
	case *ast.FuncCallExpr:
		last.AdjustRet = true
	case *ast.Comma3Expr:
		last.AdjustRet = true
	}
	return callOf(nameJoin, e, append(args, last)...)
}

// rewriteTarget checks the key of t[k] = v. Where t is a plain name or path the check sees the table too.
func rewriteTarget(e *ast.AttrGetExpr) {
	table := path(e.Object)
	e.Object = rewrite(e.Object)
	e.Key = checkedKey(table, rewrite(e.Key))
}

// path copies an expression of names and constant fields, which can be read twice; nil for any other.
func path(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.IdentExpr:
		c := *e
		return &c
	case *ast.AttrGetExpr:
		key, ok := e.Key.(*ast.StringExpr)
		object := path(e.Object)
		if !ok || object == nil {
			return nil
		}
		c := *e
		c.Object, c.Key = object, key
		return &c
	}
	return nil
}

func checkedKey(table, key ast.Expr) ast.Expr {
	if _, ok := key.(*ast.StringExpr); ok {
		return key
	}
	if table == nil {
		n := &ast.NilExpr{}
		n.SetLine(key.Line())
		table = n
	}
	return callOf(nameKey, key, table, key)
}

// callOf is a call of a check, at the place of an expression. AdjustRet keeps it from becoming a tail call.
func callOf(name string, at ast.Expr, args ...ast.Expr) ast.Expr {
	fn := &ast.IdentExpr{Value: name}
	fn.SetLine(at.Line())
	call := &ast.FuncCallExpr{Func: fn, Args: args, AdjustRet: true}
	call.SetLine(at.Line())
	call.SetLastLine(at.LastLine())
	return call
}
