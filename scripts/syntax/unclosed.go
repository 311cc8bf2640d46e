package syntax

// closer is what closes a block or bracket.
func closer(open string) string {
	switch open {
	case "(":
		return ")"
	case "{":
		return "}"
	case "[":
		return "]"
	case "repeat":
		return "until"
	}
	return "end"
}

// notClosed is about what was opened last: something else stands where it should be closed.
func (p *parser) notClosed(text string) {
	t, before := p.tok(), p.before()
	top := p.open[len(p.open)-1]
	sameLine := p.file.Line(t.Start) == p.file.Line(before.End)
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case top.is("{") && t.is("=") && before.kind == kindString:
		p.fail(&Error{Span: before.Span, Message: "this key is a text", Hint: "write [" + p.file.Text[before.Start:before.End] + "] ="})
	case top.is("{") && t.is(":"):
		p.fail(&Error{Span: t.Span, Message: "':' cannot stand here", Hint: "an entry is written name = value"})
	case top.kind == kindSymbol && before.kind == kindNumber && t.kind == kindName && t.Start == before.End:
		p.fail(&Error{Span: Span{before.Start, t.End}, Message: "'" + before.text + t.text + "' is neither a number nor a name",
			Hint: `a text stands in quotes: "` + before.text + t.text + `"`})
	case (top.is("{") || top.is("(")) && t.begins() && (sameLine || top.is("{") && p.file.indent(t.Start) > p.file.indent(top.Start)):
		p.fail(&Error{Span: Span{before.End, before.End}, Message: "a comma is missing here, before " + p.shown(t)})
	case top.kind == kindSymbol && t.is("="):
		p.fail(&Error{Span: t.Span, Message: "'=' cannot stand here", Hint: "to compare, write =="})
	case top.kind == kindSymbol && sameLine && t.kind != kindEOF && !t.closing():
		p.fail(&Error{Span: t.Span, Message: p.shown(t) + " cannot stand here", Hint: "is '" + text + "' missing before it?"})
	default:
		p.openError()
	}
}

// begins tells whether a token can begin an entry of a table or an argument.
func (t token) begins() bool {
	return t.kind == kindName || t.kind == kindString || t.kind == kindNumber || t.is("{") || t.is("function") || t.is("nil") || t.is("true") || t.is("false")
}

func (t token) closing() bool {
	return t.endsBlock() || t.is(")") || t.is("}") || t.is("]")
}

// openError points at the block or bracket that is never closed.
func (p *parser) openError() {
	lost := p.open[len(p.open)-1]
	if lost.kind == kindWord {
		lost = p.lost(lost)
	}
	hint := "add '" + closer(lost.text) + "'"
	switch lost.text {
	case "if":
		hint = "every 'if … then' needs an 'end'"
		if at, ok := p.elseIf(lost); ok {
			p.fail(&Error{Span: at, Unclosed: true, Message: "this 'if' behind 'else' is never closed",
				Hint: "write elseif, which needs no 'end' of its own"})
			return
		}
	case "for", "while":
		hint = "every '" + lost.text + " … do' needs an 'end'"
	case "do", "function":
		hint = "every '" + lost.text + "' needs an 'end'"
	case "repeat":
		hint = "every 'repeat' needs an 'until'"
	}
	p.fail(&Error{Span: lost.Span, Unclosed: true, Message: "this '" + lost.text + "' is never closed", Hint: hint})
}

// elseIf finds else and if side by side, from an if on whose end is missing.
func (p *parser) elseIf(from token) (Span, bool) {
	for i, t := range p.tokens[1:] {
		if before := p.tokens[i]; t.Start >= from.Start && t.is("if") && before.is("else") && p.file.Line(before.Start) == p.file.Line(t.Start) {
			return Span{before.Start, t.End}, true
		}
	}
	return Span{}, false
}

// lost finds the block that has lost its end. The parser knows of one that was left over; which it was tells the
// indentation: a block whose end is indented less than itself has another's, and one with something behind it that is
// indented no more than itself was meant to be over. If the indentation tells nothing, it is last.
func (p *parser) lost(last token) token {
	var open []token
	do := false // the next do belongs to for or while
	for _, t := range p.tokens {
		switch {
		case t.is("for") || t.is("while"):
			do = true
			open = append(open, t)
		case t.is("do") && do:
			do = false
		case t.is("do"), t.is("function"), t.is("if"), t.is("repeat"), t.is("("), t.is("{"), t.is("["):
			open = append(open, t)
		case t.is("end"), t.is("until"), t.is(")"), t.is("}"), t.is("]"):
			if len(open) == 0 {
				return last
			}
			top := open[len(open)-1]
			if t.text != closer(top.text) || t.is("end") && p.file.leads(t.Start) && p.file.indent(t.Start) < p.file.indent(top.Start) {
				return top
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[len(open)-1]
	}
	return last
}
