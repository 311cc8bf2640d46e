package syntax

// The most a script may nest, and the longest chain of operators or calls: whoever walks the tree may do so by recursion.
const (
	maxDepth = 190 // gopher-lua's compiler and Lua 5.1 both have some 200
	maxChain = 5000
)

type parser struct {
	file   *File
	tokens []token
	at     int
	open   []token // blocks and brackets that are not yet closed
	depth  int
	err    *Error // the first; after it, all tokens are the end of the text
}

func (p *parser) tok() token { return p.tokens[p.at] }

// ahead is the token after this one.
func (p *parser) ahead() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

// before is the token before this one.
func (p *parser) before() token { return p.tokens[max(p.at-1, 0)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

// accept takes the token if it is this keyword or symbol.
func (p *parser) accept(text string) bool {
	if !p.tok().is(text) {
		return false
	}
	p.next()
	return true
}

// since is the span from a place to the last token that was taken.
func (p *parser) since(start int) Span {
	return Span{start, max(start, p.before().End)}
}

// fail keeps the first error and ends the reading.
func (p *parser) fail(err *Error) {
	if p.err == nil {
		p.err = err
		last := p.tokens[len(p.tokens)-1]
		p.tokens, p.at = []token{last}, 0
	}
}

// enter counts how deeply the text is nested; leave goes back.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail(&Error{Span: p.tok().Span, Message: "this is nested too deeply", Hint: "make functions of its parts", Strict: true})
	}
}

func (p *parser) leave() { p.depth-- }

// opens takes a token that something else must close.
func (p *parser) opens() token {
	t := p.next()
	p.open = append(p.open, t)
	return t
}

// closes takes the token that closes what was opened last.
func (p *parser) closes(text string) {
	if !p.tok().is(text) {
		p.notClosed(text)
		return
	}
	p.next()
	p.open = p.open[:len(p.open)-1]
}

func (p *parser) chunk() *Block {
	b := p.block()
	if p.tok().kind != kindEOF {
		p.unexpected()
	}
	b.Span = Span{0, len(p.file.Text)}
	return b
}

// endsBlock tells whether the token ends a block.
func (t token) endsBlock() bool {
	return t.kind == kindEOF || t.is("end") || t.is("else") || t.is("elseif") || t.is("until")
}

func (p *parser) block() *Block {
	p.enter()
	defer p.leave()
	b := &Block{Span: Span{p.tok().Start, p.tok().Start}}
	for !p.tok().endsBlock() {
		if p.accept(";") {
			continue
		}
		last := p.tok().is("return") || p.tok().is("break")
		b.Stmts = append(b.Stmts, p.statement())
		if last {
			p.accept(";")
			if !p.tok().endsBlock() {
				p.afterLast()
			}
			break
		}
	}
	b.End = max(b.Start, p.before().End)
	return b
}

func (p *parser) statement() Stmt {
	t := p.tok()
	switch t.kind {
	case kindWord:
		switch t.text {
		case "do":
			p.opens()
			body := p.block()
			p.closes("end")
			return &Do{p.since(t.Start), body}
		case "while":
			p.opens()
			cond := p.condition("do")
			body := p.block()
			p.closes("end")
			return &While{p.since(t.Start), cond, body}
		case "repeat":
			p.opens()
			body := p.block()
			p.closes("until")
			cond := p.expression()
			return &Repeat{p.since(t.Start), body, cond}
		case "if":
			return p.ifStatement()
		case "for":
			return p.forStatement()
		case "function":
			return p.functionStatement()
		case "local":
			return p.localStatement()
		case "return":
			p.next()
			var values []Expr
			if next := p.tok(); !next.endsBlock() && !next.is(";") {
				values = p.expressions()
			}
			return &Return{p.since(t.Start), values}
		case "break":
			p.next()
			return &Break{t.Span}
		case "goto":
			p.next()
			name := p.name("the label that goto goes to")
			return &Goto{p.since(t.Start), name}
		}
	case kindSymbol:
		if t.text == "::" {
			p.next()
			name := p.name("a label's name")
			p.want("::", "a label is written ::name::")
			return &Label{p.since(t.Start), name}
		}
	}
	return p.assignmentOrCall()
}

// condition reads one and the keyword that must follow it.
func (p *parser) condition(word string) Expr {
	e := p.expression()
	if !p.accept(word) {
		p.missingWord(word)
	}
	return e
}

func (p *parser) ifStatement() Stmt {
	s := &If{Span: p.tok().Span}
	start := p.opens()
	clause := start.Span
	for {
		cond := p.condition("then")
		s.Clauses = append(s.Clauses, Clause{clause, cond, p.block()})
		clause = p.tok().Span
		if !p.accept("elseif") {
			break
		}
	}
	if p.accept("else") {
		s.Else = p.block()
	}
	p.closes("end")
	s.Span = p.since(start.Start)
	return s
}

func (p *parser) forStatement() Stmt {
	start := p.opens()
	names := []*Name{p.name("the name that for counts with")}
	if p.accept("=") {
		s := &NumFor{Name: names[0], From: p.expression()}
		p.want(",", "for counts from one number to another: for i = 1, 10 do")
		s.To = p.expression()
		if p.accept(",") {
			s.Step = p.expression()
		}
		if !p.accept("do") {
			p.missingWord("do")
		}
		s.Body = p.block()
		p.closes("end")
		s.Span = p.since(start.Start)
		return s
	}
	for p.accept(",") {
		names = append(names, p.name("another name"))
	}
	if !p.accept("in") {
		p.missingIn()
	}
	s := &GenFor{Names: names, Values: p.expressions()}
	if !p.accept("do") {
		p.missingWord("do")
	}
	s.Body = p.block()
	p.closes("end")
	s.Span = p.since(start.Start)
	return s
}

func (p *parser) functionStatement() Stmt {
	start := p.opens()
	s := &FuncStmt{}
	s.Target = p.name("the function's name")
	for p.accept(".") {
		s.Target = p.dotted(s.Target)
	}
	if p.accept(":") {
		s.Method = p.name("the method's name")
	}
	s.Func = p.functionBody(start)
	s.Span = p.since(start.Start)
	return s
}

// dotted is object.key, from behind the dot.
func (p *parser) dotted(object Expr) Expr {
	key := p.name("a field's name")
	return &Index{p.since(object.Pos().Start), object, &String{key.Span, key.Text}, true}
}

func (p *parser) localStatement() Stmt {
	start := p.next()
	if p.tok().is("function") {
		keyword := p.opens()
		name := p.name("the function's name")
		fn := p.functionBody(keyword)
		return &LocalFunc{p.since(start.Start), name, fn}
	}
	s := &Local{Names: []*Name{p.name("a local's name")}}
	for p.accept(",") {
		s.Names = append(s.Names, p.name("another local's name"))
	}
	if p.accept("=") {
		s.Values = p.expressions()
	} else if p.tok().is("==") {
		p.fail(&Error{Span: p.tok().Span, Message: "'==' compares", Hint: "to give the local a value, write ="})
	}
	s.Span = p.since(start.Start)
	return s
}

// functionBody reads (parameters) … end; the keyword has been opened.
func (p *parser) functionBody(keyword token) *Func {
	f := &Func{Keyword: keyword.Span}
	if !p.tok().is("(") {
		p.want("(", "parameters stand in parentheses, also when there are none: function()")
		return f
	}
	p.opens()
	if !p.tok().is(")") {
		for {
			if p.accept("...") {
				f.Vararg = true
				break
			}
			f.Params = append(f.Params, p.name("a parameter's name"))
			if !p.accept(",") {
				break
			}
		}
	}
	p.closes(")")
	f.Body = p.block()
	p.closes("end")
	f.Span = p.since(keyword.Start)
	return f
}

func (p *parser) assignmentOrCall() Stmt {
	start := p.tok()
	if start.kind != kindName && !start.is("(") {
		p.unexpected()
		return &Do{start.Span, &Block{Span: start.Span}}
	}
	e := p.suffixed()
	if !p.tok().is("=") && !p.tok().is(",") {
		if _, ok := Bare(e).(*Call); !ok {
			p.noStatement(e)
		}
		return &CallStmt{p.since(start.Start), e}
	}
	s := &Assign{}
	for {
		switch e.(type) {
		case *Name, *Index:
		default:
			p.fail(&Error{Span: e.Pos(), Message: "this cannot be assigned to", Hint: "only names and fields can: x = …, t.x = …, t[i] = …"})
		}
		s.Targets = append(s.Targets, e)
		if !p.accept(",") {
			break
		}
		if t := p.tok(); t.kind != kindName && !t.is("(") {
			p.unexpected()
			break
		}
		e = p.suffixed()
	}
	p.want("=", "names on the left, values on the right: a, b = 1, 2")
	s.Values = p.expressions()
	s.Span = p.since(start.Start)
	return s
}

// name takes a name; what says which, for errors.
func (p *parser) name(what string) *Name {
	t := p.tok()
	if t.kind != kindName {
		p.noName(what)
		return &Name{Span: t.Span}
	}
	p.next()
	return &Name{t.Span, t.text}
}

// want takes this symbol.
func (p *parser) want(symbol, hint string) {
	if p.accept(symbol) {
		return
	}
	if t := p.tok(); t.kind == kindBad {
		p.unexpected()
	} else {
		p.fail(&Error{Span: p.here(), Message: "'" + symbol + "' is missing here", Hint: hint})
	}
}
