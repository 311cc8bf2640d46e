package scripts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// static finds what can be found without running a file: names nobody defined, methods a call
// does not have, options a function does not take, prompts and modules that do not exist.
func (h *Host) static(f *source, files map[string]*source) []diag.Problem {
	chunk, err := sandbox.Parse([]byte(f.text), f.name)
	if err != nil {
		return nil // it has been read before
	}
	w := &linter{host: h, file: f, files: files, lines: strings.Split(f.text, "\n")}
	w.block(chunk)
	return w.problems
}

// What a local name is known to be.
type kind int

const (
	unknown kind = iota
	aCall        // a handler's parameter, or anything called call
)

type linter struct {
	host     *Host
	file     *source
	files    map[string]*source
	lines    []string
	scopes   []map[string]kind
	problems []diag.Problem
}

func (w *linter) report(line int, code, word, message, hint string) {
	if line >= 1 && line <= len(w.lines) && strings.Contains(w.lines[line-1], "lint: allow "+code) {
		return
	}
	p := diag.Problem{File: w.file.name, Line: line, Code: code, Message: message, Hint: hint, Source: w.file.text}
	w.problems = append(w.problems, p.Aim(word))
}

func (w *linter) declare(name string, k kind) {
	if k == unknown && name == "call" {
		k = aCall
	}
	w.scopes[len(w.scopes)-1][name] = k
}

func (w *linter) lookup(name string) (kind, bool) {
	for _, scope := range slices.Backward(w.scopes) {
		if k, ok := scope[name]; ok {
			return k, true
		}
	}
	return unknown, false
}

// inScope runs fn with names of its own.
func (w *linter) inScope(fn func()) {
	w.scopes = append(w.scopes, map[string]kind{})
	fn()
	w.scopes = w.scopes[:len(w.scopes)-1]
}

func (w *linter) block(stmts []ast.Stmt) {
	w.inScope(func() {
		for _, s := range stmts {
			w.stmt(s)
		}
	})
}

func (w *linter) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		w.exprs(s.Rhs)
		for _, target := range s.Lhs {
			if id, ok := target.(*ast.IdentExpr); ok {
				w.assigned(id.Value, id.Line())
				continue
			}
			w.expr(target)
		}
	case *ast.LocalAssignStmt:
		// local function f: the name is there inside it. For any other local it does no harm to say so late.
		if fn, ok := single(s); ok {
			w.declare(s.Names[0], unknown)
			w.function(fn, unknown)
			return
		}
		w.exprs(s.Exprs)
		for _, name := range s.Names {
			w.declare(name, unknown)
		}
	case *ast.FuncCallStmt:
		w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.RepeatStmt:
		w.inScope(func() { // the condition sees the block's names
			for _, inner := range s.Stmts {
				w.stmt(inner)
			}
			w.expr(s.Condition)
		})
	case *ast.IfStmt:
		w.expr(s.Condition)
		w.block(s.Then)
		w.block(s.Else)
	case *ast.NumberForStmt:
		w.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		w.inScope(func() {
			w.declare(s.Name, unknown)
			w.block(s.Stmts)
		})
	case *ast.GenericForStmt:
		w.exprs(s.Exprs)
		w.inScope(func() {
			for _, name := range s.Names {
				w.declare(name, unknown)
			}
			w.block(s.Stmts)
		})
	case *ast.FuncDefStmt:
		w.functionName(s)
		w.function(s.Func, unknown)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	}
}

func single(s *ast.LocalAssignStmt) (*ast.FunctionExpr, bool) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 {
		return nil, false
	}
	fn, ok := s.Exprs[0].(*ast.FunctionExpr)
	return fn, ok
}

func (w *linter) functionName(s *ast.FuncDefStmt) {
	switch {
	case s.Name.Receiver != nil:
		w.expr(s.Name.Receiver)
	case s.Name.Func != nil:
		if id, ok := s.Name.Func.(*ast.IdentExpr); ok {
			w.assigned(id.Value, s.Line())
			return
		}
		w.expr(s.Name.Func)
	}
}

func (w *linter) assigned(name string, line int) {
	if _, ok := w.lookup(name); !ok {
		w.report(line, diag.CodeGlobalSet, name, "'"+name+"' is not a local name, and globals cannot be assigned", "write local in front of it")
	}
}

func (w *linter) exprs(list []ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

func (w *linter) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		w.name(e)
	case *ast.AttrGetExpr:
		w.expr(e.Object)
		w.expr(e.Key)
		w.attribute(e)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				w.expr(f.Key)
			}
			w.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		w.call(e)
	case *ast.LogicalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.RelationalOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		w.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.UnaryMinusOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		w.expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e, unknown)
	}
}

// function looks into a function; first is what its first parameter is.
func (w *linter) function(fn *ast.FunctionExpr, first kind) {
	w.inScope(func() {
		for i, name := range fn.ParList.Names {
			k := unknown
			if i == 0 {
				k = first
			}
			w.declare(name, k)
		}
		if fn.ParList.HasVargs {
			w.declare("arg", unknown)
		}
		w.declare("self", unknown)
		w.block(fn.Stmts)
	})
}

// base are the names of Lua itself that scripts may use.
func base() []string {
	return []string{"assert", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
		"select", "setmetatable", "string", "table", "tonumber", "tostring", "type", "unpack", "xpcall", "_G"}
}

func (w *linter) name(e *ast.IdentExpr) {
	if _, ok := w.lookup(e.Value); ok {
		return
	}
	known := append(base(), w.host.api.Globals()...)
	if slices.Contains(known, e.Value) {
		return
	}
	hint := sandbox.Absent(e.Value)
	for _, scope := range w.scopes {
		for name := range scope {
			known = append(known, name)
		}
	}
	if hint == "" {
		slices.Sort(known)
		hint = diag.DidYouMean(e.Value, known)
	}
	if hint == "" {
		hint = "declare it first: local " + e.Value + " = …"
	}
	w.report(e.Line(), diag.CodeGlobal, e.Value, "nothing is called '"+e.Value+"'", hint)
}

// attribute looks at call.field.
func (w *linter) attribute(e *ast.AttrGetExpr) {
	key, ok := e.Key.(*ast.StringExpr)
	if !ok || !w.isCall(e.Object) {
		return
	}
	c, _ := w.host.api.Class("Call")
	if !slices.Contains(c.Members(), key.Value) {
		w.report(e.Line(), diag.CodeMethod, key.Value, "a call has no '"+key.Value+"'", diag.DidYouMean(key.Value, c.Members()))
	}
}

func (w *linter) isCall(e ast.Expr) bool {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return false
	}
	k, _ := w.lookup(id.Value)
	return k == aCall
}

func (w *linter) call(e *ast.FuncCallExpr) {
	name, f, ok := w.callee(e)
	if e.Func != nil {
		w.expr(e.Func)
	}
	if e.Receiver != nil {
		w.expr(e.Receiver)
	}
	for i, a := range e.Args {
		if fn, isFn := a.(*ast.FunctionExpr); isFn && name == "extension" && i == len(e.Args)-1 {
			w.function(fn, aCall)
			continue
		}
		w.expr(a)
	}
	if ok {
		w.arguments(name, f, e)
	}
}

// callee finds what is called, if it is something of the API.
func (w *linter) callee(e *ast.FuncCallExpr) (string, api.Func, bool) {
	if e.Receiver != nil {
		if !w.isCall(e.Receiver) {
			return "", api.Func{}, false
		}
		c, _ := w.host.api.Class("Call")
		f, ok := c.Method(e.Method)
		if !ok {
			w.report(e.Line(), diag.CodeMethod, e.Method, "a call has no method '"+e.Method+"'", diag.DidYouMean(e.Method, c.MethodNames()))
		}
		return "call:" + e.Method, f, ok
	}
	switch fn := e.Func.(type) {
	case *ast.IdentExpr:
		if _, local := w.lookup(fn.Value); local {
			return "", api.Func{}, false
		}
		f, ok := w.host.api.Func(fn.Value)
		return fn.Value, f, ok
	case *ast.AttrGetExpr:
		if key, ok := fn.Key.(*ast.StringExpr); ok && w.isCall(fn.Object) {
			c, _ := w.host.api.Class("Call")
			if _, ok := c.Method(key.Value); ok {
				w.report(e.Line(), diag.CodeMethod, key.Value, key.Value+" is called with a colon", "write call:"+key.Value+"(…)")
			}
		}
	}
	return "", api.Func{}, false
}

// arguments checks what is written down literally.
func (w *linter) arguments(name string, f api.Func, e *ast.FuncCallExpr) {
	for i, p := range f.Params {
		if i < len(e.Args) {
			w.literal(name, p, e.Args[i])
		}
	}
	switch name {
	case "require":
		w.require(e)
	case "extension":
		w.extensionPattern(e)
	}
	if f.Options == nil {
		return
	}
	at := len(f.Params)
	if name == "extension" && len(e.Args) < 3 || at >= len(e.Args) {
		return
	}
	t, ok := e.Args[at].(*ast.TableExpr)
	if !ok {
		return
	}
	known := api.Names(f.Options)
	for _, field := range t.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			continue
		}
		i := slices.Index(known, key.Value)
		switch {
		case i >= 0:
			w.literal(name, f.Options[i], field.Value)
		case !f.Free:
			line := max(key.Line(), e.Line())
			w.report(line, diag.CodeOption, key.Value, fmt.Sprintf("%s has no option '%s'", name, key.Value), diag.Options(key.Value, "options", known))
		}
	}
}

// literal checks a value that stands in the source as it is.
func (w *linter) literal(fn string, p api.Value, e ast.Expr) {
	switch e := e.(type) {
	case *ast.StringExpr:
		w.literalText(fn, p, e)
	case *ast.NumberExpr:
		if p.Type == api.Digits || p.Type == api.Targets {
			w.report(e.Line(), diag.CodeArgument, e.Value, fmt.Sprintf("%s: telephone numbers are texts, and %s is a number", fn, e.Value), `write "`+e.Value+`"`)
		}
	case *ast.TableExpr:
		if p.Type == api.Prompt || p.Type == api.Targets {
			for _, f := range e.Fields {
				if f.Key == nil {
					w.literal(fn, p, f.Value)
				}
			}
		}
	}
}

func (w *linter) literalText(fn string, p api.Value, e *ast.StringExpr) {
	switch {
	case len(p.OneOf) > 0 && !slices.Contains(p.OneOf, e.Value):
		w.report(e.Line(), diag.CodeArgument, e.Value, fmt.Sprintf("%s: %s cannot be %q", fn, p.Name, e.Value), diag.Options(e.Value, "one of", p.OneOf))
	case p.Type == api.Duration:
		if _, ok := duration(luaText(e.Value)); !ok {
			w.report(e.Line(), diag.CodeArgument, e.Value, fmt.Sprintf("%s: %s cannot be %q", fn, p.Name, e.Value), `write "20s", "1m30s", or a number of seconds`)
		}
	case p.Type == api.Prompt:
		if spoken, _ := spoken(e.Value); spoken != "" {
			return
		}
		if message, hint := missingPrompt(w.host.opts.Prompts, e.Value, w.host.opts.Language); message != "" {
			w.report(e.Line(), diag.CodePrompt, e.Value, message, hint)
		}
	}
}

func (w *linter) require(e *ast.FuncCallExpr) {
	if len(e.Args) != 1 {
		return
	}
	name, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	g := &generation{host: w.host, files: w.files}
	if file, valid := moduleFile(name.Value); valid && w.files[file] != nil && isModule(file) {
		return // its own problems are reported by itself
	}
	if _, ok := g.module(name.Value); !ok {
		w.report(e.Line(), diag.CodeRequire, name.Value, "there is no module '"+name.Value+"'", diag.DidYouMean(name.Value, g.modules()))
	}
}

func (w *linter) extensionPattern(e *ast.FuncCallExpr) {
	if len(e.Args) == 0 {
		return
	}
	text, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	if _, err := pattern.Parse(text.Value); err != nil {
		w.report(e.Line(), diag.CodePattern, text.Value, err.Error(), "digits * # +, x z n [2-5], and a final .")
	}
}
