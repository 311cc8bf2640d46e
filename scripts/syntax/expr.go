package syntax

// The binding powers of operators, to their left and right; those of gopher-lua's grammar.
func power(t token) (left, right int) {
	if t.kind != kindSymbol && t.kind != kindWord {
		return 0, 0
	}
	switch t.text {
	case "or":
		return 1, 1
	case "and":
		return 2, 2
	case "<", ">", "<=", ">=", "~=", "==":
		return 3, 3
	case "..":
		return 5, 4
	case "+", "-":
		return 6, 6
	case "*", "/", "%":
		return 7, 7
	case "^":
		return 10, 9
	}
	return 0, 0
}

const powerUnary = 8

func (p *parser) expressions() []Expr {
	list := []Expr{p.expression()}
	for p.accept(",") {
		list = append(list, p.expression())
	}
	return list
}

func (p *parser) expression() Expr { return p.binary(0) }

// binary reads operators that bind more tightly than limit.
func (p *parser) binary(limit int) Expr {
	p.enter()
	defer p.leave()
	start := p.tok()
	var e Expr
	if start.is("-") || start.is("not") || start.is("#") {
		p.next()
		x := p.binary(powerUnary)
		e = &Unary{p.since(start.Start), start.text, x}
	} else {
		e = p.simple()
	}
	for n := 0; ; n++ {
		left, right := power(p.tok())
		if left <= limit {
			return e
		}
		if n == maxChain {
			p.fail(&Error{Span: p.tok().Span, Message: "this expression is too long", Hint: "make several of it", Strict: true})
		}
		op := p.next()
		e = &Binary{Op: op.text, OpPos: op.Span, Left: e, Right: p.binary(right)}
		e.(*Binary).Span = p.since(start.Start)
	}
}

func (p *parser) simple() Expr {
	t := p.tok()
	switch t.kind {
	case kindNumber:
		p.next()
		return &Number{t.Span, t.text}
	case kindString:
		p.next()
		return &String{t.Span, t.text}
	case kindName:
		return p.suffixed()
	}
	switch {
	case t.is("nil"):
		p.next()
		return &Nil{t.Span}
	case t.is("true"), t.is("false"):
		p.next()
		return &Bool{t.Span, t.text == "true"}
	case t.is("..."):
		p.next()
		return &Vararg{t.Span}
	case t.is("function"):
		return p.functionBody(p.opens())
	case t.is("{"):
		return p.table()
	case t.is("("):
		return p.suffixed()
	}
	p.noValue()
	return &Nil{t.Span}
}

// suffixed is a name or an expression in parentheses with fields, indexes and calls after it.
func (p *parser) suffixed() Expr {
	start := p.tok()
	var e Expr
	if start.is("(") {
		p.opens()
		inner := p.expression()
		p.closes(")")
		e = &Paren{p.since(start.Start), inner}
	} else {
		p.next()
		e = &Name{start.Span, start.text}
	}
	for n := 0; ; n++ {
		if n == maxChain {
			p.fail(&Error{Span: p.tok().Span, Message: "this expression is too long", Hint: "make several of it", Strict: true})
		}
		t := p.tok()
		switch {
		case t.kind == kindString, t.is("("), t.is("{"):
			args := p.arguments()
			e = &Call{p.since(start.Start), e, nil, args}
		case t.is("."):
			p.next()
			e = p.dotted(e)
		case t.is("["):
			p.opens()
			key := p.expression()
			p.closes("]")
			e = &Index{p.since(start.Start), e, key, false}
		case t.is(":"):
			p.next()
			name := p.name("a method's name")
			if next := p.tok(); next.kind != kindString && !next.is("(") && !next.is("{") {
				p.noArguments(name)
				return e
			}
			args := p.arguments()
			e = &Call{p.since(start.Start), e, name, args}
		default:
			return e
		}
	}
}

func (p *parser) arguments() []Expr {
	t := p.tok()
	if t.kind == kindString {
		p.next()
		return []Expr{&String{t.Span, t.text}}
	}
	if t.is("{") {
		return []Expr{p.table()}
	}
	p.opens()
	if p.tok().is(")") {
		p.closes(")")
		return nil
	}
	list := p.expressions()
	p.closes(")")
	return list
}

func (p *parser) table() Expr {
	start := p.opens()
	t := &Table{}
	for !p.tok().is("}") {
		t.Fields = append(t.Fields, p.field())
		if !p.accept(",") && !p.accept(";") {
			break
		}
		for p.accept(",") || p.accept(";") { // gopher-lua does not mind
		}
	}
	p.closes("}")
	t.Span = p.since(start.Start)
	return t
}

func (p *parser) field() Field {
	switch t := p.tok(); {
	case t.kind == kindName && p.ahead().is("="):
		p.next()
		p.next()
		return Field{Key: &String{t.Span, t.text}, Named: true, Value: p.expression()}
	case t.is("["):
		p.opens()
		key := p.expression()
		p.closes("]")
		p.want("=", `an entry with a key is written [key] = value`)
		return Field{Key: key, Value: p.expression()}
	}
	return Field{Value: p.expression()}
}
