package lint

import "github.com/belfry-pbx/belfry/scripts/syntax"

// variable is a local name, a parameter or a name that a loop counts with.
type variable struct {
	name   *syntax.Name // nil: self and arg, which nobody wrote
	level  int          // of functions around it; 0: the file's own
	values []value      // all that it is ever given
	param  bool
	fn     *syntax.Func // whose parameter it is
	nth    int          // which parameter, from 0
}

// value is one that a variable is given: the nth, from 0, of what the expression gives.
type value struct {
	expr syntax.Expr
	nth  int
	each bool // it is what a for loop draws from the expression
}

// names says what each name in a file stands for.
type names struct {
	of       map[*syntax.Name]*variable
	global   map[*syntax.Name]bool // used as a variable, and no local
	assigned map[*syntax.Name]bool // where it stands, it is given a value
	visible  map[*syntax.Name][]string
	level    map[syntax.Node]int // of functions around an assignment or a call
	scopes   []map[string]*variable
	depth    int
}

// name is the text of an expression that is a name.
func (n *names) name(e syntax.Expr) string {
	if id, ok := e.(*syntax.Name); ok {
		return id.Text
	}
	return ""
}

func resolve(chunk *syntax.Block) *names {
	n := &names{of: map[*syntax.Name]*variable{}, global: map[*syntax.Name]bool{}, assigned: map[*syntax.Name]bool{},
		visible: map[*syntax.Name][]string{}, level: map[syntax.Node]int{}}
	n.block(chunk)
	return n
}

func (n *names) in(fn func()) {
	n.scopes = append(n.scopes, map[string]*variable{})
	fn()
	n.scopes = n.scopes[:len(n.scopes)-1]
}

func (n *names) declare(name *syntax.Name, values ...value) *variable {
	v := &variable{name: name, level: n.depth, values: values}
	n.scopes[len(n.scopes)-1][name.Text] = v
	n.of[name] = v
	return v
}

func (n *names) use(name *syntax.Name) *variable {
	for i := len(n.scopes) - 1; i >= 0; i-- {
		if v := n.scopes[i][name.Text]; v != nil {
			n.of[name] = v
			return v
		}
	}
	n.global[name] = true
	for _, scope := range n.scopes {
		for known := range scope {
			n.visible[name] = append(n.visible[name], known)
		}
	}
	return nil
}

func (n *names) block(b *syntax.Block) {
	if b != nil {
		n.in(func() { n.stmts(b.Stmts) })
	}
}

func (n *names) stmts(list []syntax.Stmt) {
	for _, s := range list {
		n.stmt(s)
	}
}

// values pairs names with what they are given.
func values(exprs []syntax.Expr, i int) []value {
	switch {
	case len(exprs) == 0:
		return nil
	case i < len(exprs):
		return []value{{expr: exprs[i]}}
	default:
		return []value{{expr: exprs[len(exprs)-1], nth: i - len(exprs) + 1}}
	}
}

func (n *names) stmt(s syntax.Stmt) {
	n.level[s] = n.depth
	switch s := s.(type) {
	case *syntax.Assign:
		n.exprs(s.Values...)
		for i, target := range s.Targets {
			name, ok := target.(*syntax.Name)
			if !ok {
				n.exprs(target)
				continue
			}
			n.assigned[name] = true
			if v := n.use(name); v != nil {
				v.values = append(v.values, values(s.Values, i)...)
			}
		}
	case *syntax.Local:
		n.exprs(s.Values...)
		for i, name := range s.Names {
			n.declare(name, values(s.Values, i)...)
		}
	case *syntax.LocalFunc:
		n.declare(s.Name, value{expr: s.Func})
		n.function(s.Func, false)
	case *syntax.FuncStmt:
		if name, ok := s.Target.(*syntax.Name); ok && s.Method == nil {
			n.assigned[name] = true
			if v := n.use(name); v != nil {
				v.values = append(v.values, value{expr: s.Func})
			}
		} else {
			n.exprs(s.Target)
		}
		n.function(s.Func, s.Method != nil)
	case *syntax.CallStmt:
		n.exprs(s.Call)
	case *syntax.Do:
		n.block(s.Body)
	case *syntax.While:
		n.exprs(s.Cond)
		n.block(s.Body)
	case *syntax.Repeat:
		n.in(func() {
			n.stmts(s.Body.Stmts)
			n.exprs(s.Cond)
		})
	case *syntax.If:
		for _, c := range s.Clauses {
			n.exprs(c.Cond)
			n.block(c.Body)
		}
		n.block(s.Else)
	case *syntax.NumFor:
		n.exprs(s.From, s.To, s.Step)
		n.in(func() {
			n.declare(s.Name, value{expr: s.From})
			n.block(s.Body)
		})
	case *syntax.GenFor:
		n.exprs(s.Values...)
		n.in(func() {
			for i, name := range s.Names {
				n.declare(name, value{expr: s.Values[0], nth: i, each: true})
			}
			n.block(s.Body)
		})
	case *syntax.Return:
		n.exprs(s.Values...)
	}
}

func (n *names) function(f *syntax.Func, method bool) {
	n.depth++
	n.in(func() {
		scope := n.scopes[len(n.scopes)-1]
		if method {
			scope["self"] = &variable{level: n.depth}
		}
		if f.Vararg {
			scope["arg"] = &variable{level: n.depth}
		}
		for i, name := range f.Params {
			v := n.declare(name)
			v.param, v.fn, v.nth = true, f, i
		}
		n.block(f.Body)
	})
	n.depth--
}

func (n *names) exprs(list ...syntax.Expr) {
	for _, e := range list {
		switch e := e.(type) {
		case nil:
		case *syntax.Name:
			n.use(e)
		case *syntax.Func:
			n.function(e, false)
		case *syntax.Index:
			n.exprs(e.Object, e.Key)
		case *syntax.Call:
			n.level[e] = n.depth
			n.exprs(e.Func)
			n.exprs(e.Args...)
		case *syntax.Paren:
			n.exprs(e.Inner)
		case *syntax.Table:
			for _, f := range e.Fields {
				n.exprs(f.Key, f.Value)
			}
		case *syntax.Binary:
			n.exprs(e.Left, e.Right)
		case *syntax.Unary:
			n.exprs(e.X)
		}
	}
}
