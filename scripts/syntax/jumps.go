package syntax

import "fmt"

// resolveJumps finds what parses but cannot be compiled: break outside a loop, ... outside a function that takes it,
// goto to a label that is not there, and a label that is there twice.
func resolveJumps(chunk *Block) *Error {
	j := &jumps{vararg: true}
	j.function(chunk)
	return j.err
}

type jumps struct {
	vararg bool // of the function at hand
	loops  int
	err    *Error
	labels []map[string]bool // by block, innermost last
}

func (j *jumps) fail(at Span, message, hint string) {
	if j.err == nil {
		j.err = &Error{Span: at, Message: message, Hint: hint}
	}
}

func (j *jumps) function(body *Block) {
	labels, loops := j.labels, j.loops
	j.labels, j.loops = nil, 0
	j.block(body)
	j.labels, j.loops = labels, loops
}

func (j *jumps) block(b *Block) {
	if b == nil || j.err != nil {
		return
	}
	labels := map[string]bool{}
	for _, s := range b.Stmts {
		if l, ok := s.(*Label); ok {
			if labels[l.Name.Text] {
				j.fail(l.Name.Span, fmt.Sprintf("the label '%s' is here twice", l.Name.Text), "")
			}
			labels[l.Name.Text] = true
		}
	}
	j.labels = append(j.labels, labels)
	for _, s := range b.Stmts {
		j.stmt(s)
	}
	j.labels = j.labels[:len(j.labels)-1]
}

func (j *jumps) loop(b *Block) {
	j.loops++
	j.block(b)
	j.loops--
}

func (j *jumps) stmt(s Stmt) {
	switch s := s.(type) {
	case *Break:
		if j.loops == 0 {
			j.fail(s.Span, "'break' stands in no loop", "it ends for, while and repeat; to end a function, write return")
		}
	case *Goto:
		for _, labels := range j.labels {
			if labels[s.Name.Text] {
				return
			}
		}
		j.fail(s.Name.Span, "there is no label '"+s.Name.Text+"' that goto could reach", "::"+s.Name.Text+":: stands in the same block or one around it")
	case *Do:
		j.block(s.Body)
	case *While:
		j.exprs(s.Cond)
		j.loop(s.Body)
	case *Repeat:
		j.loop(s.Body)
		j.exprs(s.Cond)
	case *If:
		for _, c := range s.Clauses {
			j.exprs(c.Cond)
			j.block(c.Body)
		}
		j.block(s.Else)
	case *NumFor:
		j.exprs(s.From, s.To, s.Step)
		j.loop(s.Body)
	case *GenFor:
		j.exprs(s.Values...)
		j.loop(s.Body)
	case *Assign:
		j.exprs(s.Targets...)
		j.exprs(s.Values...)
	case *Local:
		j.exprs(s.Values...)
	case *LocalFunc:
		j.exprs(s.Func)
	case *FuncStmt:
		j.exprs(s.Func)
	case *CallStmt:
		j.exprs(s.Call)
	case *Return:
		j.exprs(s.Values...)
	}
}

func (j *jumps) exprs(list ...Expr) {
	for _, e := range list {
		Inspect(e, func(n Node) bool {
			switch n := n.(type) {
			case *Vararg:
				if !j.vararg {
					j.fail(n.Span, "'...' stands in a function that does not take it", "write function(...)")
				}
			case *Func:
				vararg := j.vararg
				j.vararg = n.Vararg
				j.function(n.Body)
				j.vararg = vararg
				return false
			}
			return j.err == nil
		})
	}
}
