package syntax

// Inspect calls fn for a node and, as long as fn says so, for all below it, in the order in which they are written.
func Inspect(n Node, fn func(Node) bool) {
	if !there(n) || !fn(n) {
		return
	}
	for _, child := range children(n) {
		Inspect(child, fn)
	}
}

// there tells a node from none: a nil interface, or a nil pointer in one.
func there(n Node) bool {
	switch n := n.(type) {
	case nil:
		return false
	case *Block:
		return n != nil
	case *Name:
		return n != nil
	}
	return true
}

func children(n Node) []Node {
	var list []Node
	exprs := func(all ...Expr) {
		for _, e := range all {
			if e != nil {
				list = append(list, e)
			}
		}
	}
	names := func(all []*Name) {
		for _, name := range all {
			list = append(list, name)
		}
	}
	switch n := n.(type) {
	case *Block:
		for _, s := range n.Stmts {
			list = append(list, s)
		}
	case *Assign:
		exprs(n.Targets...)
		exprs(n.Values...)
	case *Local:
		names(n.Names)
		exprs(n.Values...)
	case *LocalFunc:
		list = append(list, n.Name, n.Func)
	case *FuncStmt:
		list = append(list, n.Target, n.Method, n.Func)
	case *CallStmt:
		exprs(n.Call)
	case *Do:
		list = append(list, n.Body)
	case *While:
		list = append(list, n.Cond, n.Body)
	case *Repeat:
		list = append(list, n.Body, n.Cond)
	case *If:
		for _, c := range n.Clauses {
			list = append(list, c.Cond, c.Body)
		}
		list = append(list, n.Else)
	case *NumFor:
		list = append(list, n.Name)
		exprs(n.From, n.To, n.Step)
		list = append(list, n.Body)
	case *GenFor:
		names(n.Names)
		exprs(n.Values...)
		list = append(list, n.Body)
	case *Return:
		exprs(n.Values...)
	case *Label:
		list = append(list, n.Name)
	case *Goto:
		list = append(list, n.Name)
	case *Func:
		names(n.Params)
		list = append(list, n.Body)
	case *Index:
		exprs(n.Object, n.Key)
	case *Call:
		exprs(n.Func)
		list = append(list, n.Method)
		exprs(n.Args...)
	case *Paren:
		exprs(n.Inner)
	case *Table:
		for _, f := range n.Fields {
			exprs(f.Key, f.Value)
		}
	case *Binary:
		exprs(n.Left, n.Right)
	case *Unary:
		exprs(n.X)
	}
	return list
}
