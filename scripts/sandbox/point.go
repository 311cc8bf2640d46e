package sandbox

import (
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// point completes a problem whose line and column the machine told: what there is underlined, or in what is called there
// a word, such as the name of an option.
func point(p diag.Problem, file *syntax.File, r Raised) diag.Problem {
	if file == nil {
		return p
	}
	p.Source = file.Text
	n := nodeAt(file, p.Line, r.Col)
	if n == nil {
		return p.Aim(r.Word)
	}
	at := Anchor(n)
	switch {
	case r.Operand > 0:
		at = operand(n, r.Operand).Pos()
	case r.Word != "" && file.Text[at.Start:at.End] != r.Word:
		if found, ok := inside(file, n, r.Word); ok {
			at = found
		}
	}
	on := file.Problem(at, "", "", "")
	p.Line, p.Col, p.Width = on.Line, on.Col, on.Width
	return p
}

// operand is the nth of a .. b .. c, counted from 1.
func operand(n syntax.Node, nth int) syntax.Node {
	for {
		join, ok := n.(*syntax.Binary)
		switch {
		case !ok || join.Op != "..":
			return n
		case nth == 1:
			return join.Left
		}
		n, nth = join.Right, nth-1
	}
}

// nodeAt is the outermost node whose anchor stands at a line and column; nil if there is none.
func nodeAt(file *syntax.File, line, col int) syntax.Node {
	if file.Chunk == nil || col == 0 {
		return nil
	}
	for _, n := range acting(file.Chunk) {
		if l, c := file.Place(Anchor(n).Start); l == line && c == col {
			return n
		}
	}
	return nil
}

// inside finds a word in what a call is given, not in functions there: a field's name, else a text, number or name.
func inside(file *syntax.File, n syntax.Node, word string) (at syntax.Span, ok bool) {
	call, isCall := n.(*syntax.Call)
	if !isCall {
		return at, false
	}
	look := func(is func(n syntax.Node) (syntax.Span, bool)) bool {
		for _, arg := range call.Args {
			syntax.Inspect(arg, func(n syntax.Node) bool {
				if _, fn := n.(*syntax.Func); fn || ok {
					return false
				}
				at, ok = is(n)
				return !ok
			})
			if ok {
				return true
			}
		}
		return false
	}
	_ = look(func(n syntax.Node) (syntax.Span, bool) {
		if t, ok := n.(*syntax.Table); ok {
			for _, f := range t.Fields {
				if key, ok := f.Key.(*syntax.String); ok && key.Value == word {
					return key.Span, true
				}
			}
		}
		return syntax.Span{}, false
	}) || look(func(n syntax.Node) (syntax.Span, bool) {
		switch n := n.(type) {
		case *syntax.String:
			return file.Inside(n), n.Value == word
		case *syntax.Number:
			return n.Span, n.Text == word
		case *syntax.Name:
			return n.Span, n.Text == word
		}
		return syntax.Span{}, false
	})
	return at, ok
}

// loopAt is the innermost loop around a line and column, of the function that stands there; nil if there is none.
func loopAt(file *syntax.File, line, col int) (loop syntax.Stmt) {
	syntax.Inspect(file.Chunk, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Func:
			if holds(file, n, line, col) {
				loop = nil // of the function around it
			}
		case *syntax.While, *syntax.Repeat, *syntax.NumFor, *syntax.GenFor:
			if holds(file, n, line, col) {
				loop = n.(syntax.Stmt)
			}
		}
		return true
	})
	return loop
}

// holds tells whether a node goes over a line, and over the column in it, if that is known.
func holds(file *syntax.File, n syntax.Node, line, col int) bool {
	first, from := file.Place(n.Pos().Start)
	last, to := file.Place(n.Pos().End)
	if line < first || line > last {
		return false
	}
	return col == 0 || (line > first || col >= from) && (line < last || col < to)
}

// wordEnd is where the word that begins at a byte ends.
func wordEnd(text string, at int) int {
	for at < len(text) && (text[at] >= 'a' && text[at] <= 'z') {
		at++
	}
	return at
}
