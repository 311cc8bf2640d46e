package lint

import (
	"slices"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// flow looks at where handlers lead: callers who get no answer, and what is written behind the end.
func (w *linter) flow() {
	for fn := range w.handlers {
		w.answered(fn)
	}
	syntax.Inspect(w.file.Chunk, func(n syntax.Node) bool {
		if b, ok := n.(*syntax.Block); ok && b != nil {
			w.afterEnd(b)
		}
		return true
	})
}

// ends is the name of the verb with which a statement ends the handler, "" if it does not.
func (w *linter) ends(s syntax.Stmt) string {
	switch s := s.(type) {
	case *syntax.CallStmt:
		call, ok := syntax.Bare(s.Call).(*syntax.Call)
		if !ok {
			return ""
		}
		if f, name, ok := w.callee(call); ok && f.Ends {
			return name
		}
	case *syntax.Do:
		return w.blockEnds(s.Body)
	case *syntax.If:
		if s.Else == nil {
			return ""
		}
		name := w.blockEnds(s.Else)
		for _, c := range s.Clauses {
			if w.blockEnds(c.Body) == "" {
				return ""
			}
		}
		return name
	}
	return ""
}

func (w *linter) blockEnds(b *syntax.Block) string {
	if len(b.Stmts) == 0 {
		return ""
	}
	return w.ends(b.Stmts[len(b.Stmts)-1])
}

// calls tells whether anything is called in a statement.
func calls(s syntax.Stmt) bool {
	found := false
	syntax.Inspect(s, func(n syntax.Node) bool {
		_, call := n.(*syntax.Call)
		found = found || call
		return !found
	})
	return found
}

// afterEnd is about statements that are never reached. A return of a plain value does no harm.
func (w *linter) afterEnd(b *syntax.Block) {
	for i, s := range b.Stmts[:max(0, len(b.Stmts)-1)] {
		name := w.ends(s)
		if name == "" {
			continue
		}
		next := b.Stmts[i+1]
		if r, ok := next.(*syntax.Return); ok && !calls(r) {
			return
		}
		if _, ok := next.(*syntax.Label); ok {
			return
		}
		w.report(next, diag.CodeAfterEnd, "this never happens: "+name+" has ended the handler", "put it before, or into call:onHangup(function() … end)",
			"the call is over, and this is left out")
		return
	}
}

// answered is about handlers that may leave the caller without any answer.
func (w *linter) answered(fn *syntax.Func) {
	p := &paths{w: w}
	if len(fn.Params) > 0 {
		p.call = w.vars.of[fn.Params[0]]
	}
	done, _ := p.block(fn.Body)
	at := syntax.Node(fn.Keyword)
	if p.leak != nil {
		at = p.leak
	} else if done {
		return
	} else if p.open != nil {
		at = p.open
	}
	message := "this handler does nothing with the call"
	if p.leak != nil {
		message = "here the handler is over, and nothing has been done with the call"
	} else if p.open != nil {
		message = "if this is not so, nothing is done with the call"
	}
	w.report(at, diag.CodeUnanswered, message, "answer it, call somebody, or turn it away: call:reject(\"unavailable\")",
		"the caller is neither answered nor told why not")
}

// paths follows a handler's paths to their ends.
type paths struct {
	w    *linter
	call *variable
	leak syntax.Node // a return before anything was done
	open syntax.Node // an if without else, after which nothing was done either
}

// block tells whether the call has been seen to when the block is over, and whether the block goes on to what follows it.
func (p *paths) block(b *syntax.Block) (done, over bool) {
	for _, s := range b.Stmts {
		if done, over = p.stmt(s); done || over {
			return done, over
		}
	}
	return false, false
}

func (p *paths) stmt(s syntax.Stmt) (done, over bool) {
	switch s := s.(type) {
	case *syntax.Return:
		if p.sees(s) {
			return true, true
		}
		if p.leak == nil {
			p.leak = s
		}
		return false, true
	case *syntax.Do:
		return p.block(s.Body)
	case *syntax.If:
		return p.branches(s)
	case *syntax.Goto, *syntax.While, *syntax.Repeat, *syntax.NumFor, *syntax.GenFor, *syntax.Break:
		// How often a loop runs is not known here; one that sees to the call at all is trusted with it.
		_, jump := s.(*syntax.Goto)
		return jump || p.sees(s), false
	}
	return p.sees(s), false
}

func (p *paths) branches(s *syntax.If) (done, over bool) {
	all, allOver := true, s.Else != nil
	for _, c := range s.Clauses {
		if p.sees(c.Cond) {
			return true, false
		}
		d, o := p.block(c.Body)
		all = all && (d || o)
		allOver = allOver && o
	}
	if s.Else == nil {
		if all && p.open == nil {
			p.open = s.Clauses[len(s.Clauses)-1].Span
		}
		return false, false
	}
	d, o := p.block(s.Else)
	return all && (d || o), allOver && o
}

// passive are the methods of a call after which its caller is no further.
func passive() []string {
	return []string{"ring", "on", "onHangup", "isMuted", "setMuted", "stopMusic", "sleep", "unhold"}
}

// sees tells whether something is done with the call: any method but the passive ones, or it is handed to somebody else.
// error and assert count too: they end the handler, and the caller hears so.
func (p *paths) sees(n syntax.Node) bool {
	found := false
	syntax.Inspect(n, func(n syntax.Node) bool {
		if found {
			return false
		}
		switch n := n.(type) {
		case *syntax.Call:
			if fn, ok := n.Func.(*syntax.Name); ok && n.Method == nil && fn.Text == "error" {
				found = true
				return false
			}
			if n.Method != nil && p.is(n.Func) {
				found = !slices.Contains(passive(), n.Method.Text)
				if n.Method.Text == "onHangup" {
					return false
				}
				for _, a := range n.Args {
					found = found || p.sees(a)
				}
				return false
			}
		case *syntax.Index:
			if p.is(n.Object) {
				c, _ := p.w.site.API.Class("Call")
				key, named := n.Key.(*syntax.String)
				found = !named || !slices.Contains(api.Names(c.Fields), key.Value)
				return false
			}
		case *syntax.Name:
			found = p.is(n)
		}
		return !found
	})
	return found
}

func (p *paths) is(e syntax.Expr) bool {
	name, ok := e.(*syntax.Name)
	return ok && p.call != nil && p.w.vars.of[name] == p.call
}
