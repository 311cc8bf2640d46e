package syntax

import "strings"

// What is said of a text that is not Lua: the token that cannot stand where it does, and what was probably meant.

// here is where something is missing: the token, or if that is on a later line, the place behind the one before.
func (p *parser) here() Span {
	t, before := p.tok(), p.before()
	if p.at > 0 && p.file.Line(t.Start) != p.file.Line(before.End) || t.kind == kindEOF {
		end := before.End
		if p.at == 0 {
			end = t.Start
		}
		return Span{end, end}
	}
	return t.Span
}

// shown is the token as a message names it.
func (p *parser) shown(t token) string {
	if t.kind == kindEOF {
		return "the end of the file"
	}
	text, _, more := strings.Cut(p.file.Text[t.Start:t.End], "\n")
	if r := []rune(text); len(r) > 30 {
		text, more = string(r[:30]), true
	}
	if more {
		text += "…"
	}
	return "'" + text + "'"
}

// unexpected is about a token that nothing calls for.
func (p *parser) unexpected() {
	t := p.tok()
	message, hint, at := p.shown(t)+" cannot stand here", "", t.Span
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
		return
	case t.is("end"), t.is(")"), t.is("}"), t.is("]"):
		if len(p.open) > 0 {
			p.notClosed(t.text)
			return
		}
		message, hint = p.shown(t)+" closes nothing", "take it away, or look above it for what was closed too early"
	case t.is("else"), t.is("elseif"), t.is("then"):
		message, hint = p.shown(t)+" belongs to no 'if'", "if … then … elseif … then … else … end"
	case t.is("until"):
		message, hint = "'until' belongs to no 'repeat'", "repeat … until …"
	case t.is("="):
		hint = "'=' gives a value to a name; to compare, write =="
	case t.kind == kindString, t.kind == kindNumber:
		hint = "a statement is a call or an assignment"
	}
	p.fail(&Error{Span: at, Message: message, Hint: hint})
}

// noStatement is about an expression that is no statement.
func (p *parser) noStatement(e Expr) {
	t, next := p.tok(), p.ahead()
	adjoining := next.Start == t.End
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case (t.is("+") || t.is("-") || t.is("*") || t.is("/") || t.is("..")) && next.is("=") && adjoining:
		name := p.file.Text[e.Pos().Start:e.Pos().End]
		p.fail(&Error{Span: Span{t.Start, next.End}, Message: "'" + t.text + "=' cannot stand here",
			Hint: "write " + name + " = " + name + " " + t.text + " …"})
	case t.is("+") && next.is("+") && adjoining:
		name := p.file.Text[e.Pos().Start:e.Pos().End]
		p.fail(&Error{Span: Span{t.Start, next.End}, Message: "'++' cannot stand here", Hint: "write " + name + " = " + name + " + 1"})
	case t.is("=="):
		p.fail(&Error{Span: t.Span, Message: "'==' compares, and nothing is done with the answer", Hint: "to give a value, write ="})
	default:
		if name, ok := e.(*Name); ok {
			if hint := foreign(name.Text); hint != "" {
				p.fail(&Error{Span: name.Span, Message: "'" + name.Text + "' cannot stand here", Hint: hint})
				return
			}
		}
		hint := "a statement is a call or an assignment"
		if _, ok := e.(*Paren); !ok {
			hint = "to call it, write " + p.file.Text[e.Pos().Start:e.Pos().End] + "(…)"
		}
		if strings.Contains(hint, "\n") {
			hint = "to call it, write (…) behind it"
		}
		p.fail(&Error{Span: e.Pos(), Message: "this does nothing by itself", Hint: hint})
	}
}

// foreign is the hint for a keyword of other languages.
func foreign(word string) string {
	switch word {
	case "elif", "elsif":
		return "write elseif"
	case "var", "let", "const":
		return "write local"
	case "continue":
		return "Lua has none: put what follows into an if"
	case "switch", "case":
		return "Lua has none: write if … elseif …, or look the value up in a table"
	case "def", "func", "fn":
		return "write function"
	case "foreach":
		return "write for _, x in ipairs(list) do"
	case "try":
		return "write local ok, err = pcall(function() … end)"
	case "IF", "If", "Local", "Function", "Return", "End", "For", "While":
		return "write " + strings.ToLower(word)
	}
	return ""
}

// noValue is about a token where a value should begin.
func (p *parser) noValue() {
	t, before := p.tok(), p.before()
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case p.at > 0 && t.is("=") && before.is("=") && t.Start != before.End:
		p.fail(&Error{Span: t.Span, Message: "'=' cannot stand here", Hint: "one is enough"})
	case t.is("="), t.is("=="), t.is("*"), t.is("/"), t.is("+"), t.is(".."), t.is("and"), t.is("or"), t.is("<"), t.is(">"), t.is("<="), t.is(">="), t.is("~="), t.is("^"), t.is("%"):
		p.fail(&Error{Span: t.Span, Message: p.shown(t) + " cannot stand here", Hint: "a value is missing before it"})
	case t.is(",") || t.is(";"):
		p.fail(&Error{Span: t.Span, Message: p.shown(t) + " cannot stand here", Hint: "a value is missing before it, or there is one too many"})
	case t.is("then") || t.is("do") && len(p.open) > 0:
		p.fail(&Error{Span: p.here(), Message: "the condition is missing", Hint: "put it before " + p.shown(t)})
	case p.inBracket() && (t.endsBlock() || t.is(")") || t.is("}") || t.is("]") || t.kind == kindWord) && !p.closesTop(t):
		p.openError()
	case p.at > 0 && (before.is(",") || before.is(";")) && p.inBracket():
		p.fail(&Error{Span: before.Span, Message: "'" + before.text + "' is the last here", Hint: "take it away, or add a value"})
	default:
		p.fail(&Error{Span: p.here(), Message: "a value is missing here", Hint: "behind " + p.shown(before)})
	}
}

// inBracket tells whether the last thing opened is a bracket.
func (p *parser) inBracket() bool {
	return len(p.open) > 0 && p.open[len(p.open)-1].kind == kindSymbol
}

// closesTop tells whether a token closes what was opened last.
func (p *parser) closesTop(t token) bool {
	return len(p.open) > 0 && t.is(closer(p.open[len(p.open)-1].text))
}

// noName is about a token where a name should be.
func (p *parser) noName(what string) {
	t := p.tok()
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case t.kind == kindWord && p.file.Line(t.Start) == p.file.Line(p.before().End):
		p.fail(&Error{Span: t.Span, Message: "'" + t.text + "' is a word of Lua's own and no name", Hint: "take another; a field can be written t[\"" + t.text + "\"]"})
	default:
		p.fail(&Error{Span: p.here(), Message: what + " is missing here"})
	}
}

// noArguments is about a method that is named but not called.
func (p *parser) noArguments(method *Name) {
	if t := p.tok(); t.kind == kindBad {
		p.fail(t.err)
		return
	}
	p.fail(&Error{Span: method.Span, Message: "a method behind ':' has to be called", Hint: "write " + method.Text + "(…), or a dot for a field"})
}

// missingWord is about then and do.
func (p *parser) missingWord(word string) {
	t := p.tok()
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case t.is("="):
		p.fail(&Error{Span: t.Span, Message: "'=' cannot stand in a condition", Hint: "to compare, write =="})
	case word == "then" && t.is("do"), word == "do" && t.is("then"), t.is("{"):
		p.fail(&Error{Span: t.Span, Message: "'" + word + "' belongs here, not " + p.shown(t)})
	case t.kind == kindSymbol && p.file.Line(t.Start) == p.file.Line(p.before().End):
		p.fail(&Error{Span: t.Span, Message: p.shown(t) + " cannot stand here", Hint: "'" + word + "' ends the condition"})
	default:
		p.fail(&Error{Span: p.here(), Message: "'" + word + "' is missing here", Hint: writtenAs(p.open[len(p.open)-1].text)})
	}
}

func (p *parser) missingIn() {
	if t := p.tok(); t.kind == kindBad {
		p.fail(t.err)
		return
	}
	p.fail(&Error{Span: p.here(), Message: "'=' or 'in' is missing here", Hint: "for i = 1, 10 do, or for _, x in ipairs(list) do"})
}

// afterLast is about a statement behind return or break.
func (p *parser) afterLast() {
	t := p.tok()
	switch {
	case t.kind == kindBad:
		p.fail(t.err)
	case t.is(")") || t.is("}") || t.is("]") || t.is("=") || t.is(","):
		p.unexpected()
	default:
		p.fail(&Error{Span: t.Span, Message: "nothing can follow 'return' or 'break' in a block", Hint: "what stands here would never run; take it away, or write do return end above it"})
	}
}

func writtenAs(word string) string {
	switch word {
	case "if":
		return "if … then … end"
	case "while":
		return "while … do … end"
	case "for":
		return "for … do … end"
	}
	return ""
}
