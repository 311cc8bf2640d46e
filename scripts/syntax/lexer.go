package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	kindEOF kind = iota
	kindName
	kindNumber
	kindString
	kindWord   // a keyword
	kindSymbol // an operator or bracket
	kindBad    // not Lua: see err
)

type token struct {
	Span
	kind kind
	text string // as written; of a text, what it says
	err  *Error
}

// is tells whether the token is this keyword or symbol.
func (t token) is(text string) bool {
	return (t.kind == kindWord || t.kind == kindSymbol) && t.text == text
}

func keyword(word string) bool {
	switch word {
	case "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
		"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while":
		return true
	}
	return false
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

type lexer struct {
	text     string
	at       int
	comments []Comment
}

// all are the tokens of the text. The last is the end of the text, or what is not Lua.
func (l *lexer) all() []token {
	tokens := make([]token, 0, len(l.text)/4+1)
	for {
		t := l.next()
		tokens = append(tokens, t)
		if t.kind == kindBad {
			tokens = append(tokens, token{Span: Span{len(l.text), len(l.text)}})
		}
		if t.kind == kindEOF || t.kind == kindBad {
			return tokens
		}
	}
}

// peek is the byte i places on, 0 past the end.
func (l *lexer) peek(i int) byte {
	if l.at+i < len(l.text) {
		return l.text[l.at+i]
	}
	return 0
}

func (l *lexer) bad(start, end int, message, hint string) token {
	return token{Span: Span{start, end}, kind: kindBad, text: l.text[start:end],
		err: &Error{Span: Span{start, end}, Message: message, Hint: hint}}
}

func (l *lexer) made(k kind, n int) token {
	t := token{Span: Span{l.at, l.at + n}, kind: k, text: l.text[l.at : l.at+n]}
	l.at += n
	return t
}

func (l *lexer) next() token {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.at++
		case c == '-' && l.peek(1) == '-':
			if bad, ok := l.comment(); !ok {
				return bad
			}
		default:
			return l.token(c)
		}
	}
	return token{Span: Span{l.at, l.at}}
}

// comment skips and keeps a comment.
func (l *lexer) comment() (bad token, ok bool) {
	start := l.at
	if l.peek(2) == '[' && (l.peek(3) == '[' || l.peek(3) == '=') {
		l.at += 2
		opened, value := l.level()
		if !opened {
			return l.bad(start, l.at, "'"+l.text[start:l.at]+"' begins neither a comment of one line nor one of many",
				"put a blank behind the dashes"), false
		}
		if _, closed := l.long(value); !closed {
			t := l.bad(start, start+2+value, "this comment is never closed", "end it with ]"+strings.Repeat("=", value-2)+"]")
			t.err.Unclosed = true
			return t, false
		}
	} else {
		for l.at < len(l.text) && l.text[l.at] != '\n' && l.text[l.at] != '\r' {
			l.at++
		}
	}
	l.comments = append(l.comments, Comment{Span{start, l.at}, l.text[start:l.at]})
	return token{}, true
}

// level reads [, =…, [ and tells whether it is that, and how long.
func (l *lexer) level() (opened bool, length int) {
	start := l.at
	for l.at++; l.peek(0) == '='; l.at++ {
	}
	if l.peek(0) != '[' {
		return false, l.at - start
	}
	l.at++
	return true, l.at - start
}

// long reads the rest of a long text or comment that was opened by so many characters.
func (l *lexer) long(length int) (value string, closed bool) {
	end := "]" + strings.Repeat("=", length-2) + "]"
	i := strings.Index(l.text[l.at:], end)
	if i < 0 {
		return "", false
	}
	value = unbroken(l.text[l.at : l.at+i])
	l.at += i + len(end)
	return strings.TrimPrefix(value, "\n"), true
}

// unbroken makes every line break \n.
func unbroken(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\n' || c == '\r' {
			if i+1 < len(s) && (s[i+1] == '\n' || s[i+1] == '\r') && s[i+1] != c {
				i++
			}
			b.WriteByte('\n')
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (l *lexer) token(c byte) token {
	switch {
	case isLetter(c):
		n := 1
		for isLetter(l.peek(n)) || isDigit(l.peek(n)) {
			n++
		}
		t := l.made(kindName, n)
		if keyword(t.text) {
			t.kind = kindWord
		}
		return t
	case isDigit(c) || c == '.' && isDigit(l.peek(1)):
		return l.number()
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c == '[' && (l.peek(1) == '[' || l.peek(1) == '='):
		return l.bracketed()
	}
	for _, s := range []string{"...", "..", "==", "~=", "<=", ">=", "::"} {
		if strings.HasPrefix(l.text[l.at:], s) {
			return l.made(kindSymbol, len(s))
		}
	}
	if strings.IndexByte("+-*/%^#=<>(){}[];:,.", c) >= 0 {
		return l.made(kindSymbol, 1)
	}
	return l.stray()
}

func (l *lexer) number() token {
	start := l.at
	if l.text[l.at] == '0' && (l.peek(1) == 'x' || l.peek(1) == 'X') {
		n := 2
		for isHex(l.peek(n)) {
			n++
		}
		if n == 2 {
			return l.bad(start, start+2, "'"+l.text[start:start+2]+"' begins a hexadecimal number that has no digits", "")
		}
		return l.made(kindNumber, n)
	}
	digits := func(n int) int {
		for isDigit(l.peek(n)) {
			n++
		}
		return n
	}
	n := digits(0)
	if l.peek(n) == '.' {
		n = digits(n + 1)
	}
	strict := l.text[start] == '.' && l.peek(n) == '.'
	if c := l.peek(n); c == 'e' || c == 'E' {
		n++
		if c := l.peek(n); c == '-' || c == '+' {
			n++
		}
		whole := digits(n)
		strict = strict || whole == n
		n = whole
	}
	if strict {
		t := l.bad(start, start+n, "'"+l.text[start:start+n]+"' is not a number", "")
		t.err.Strict = true
		return t
	}
	return l.made(kindNumber, n)
}

// quoted reads a text in quotes.
func (l *lexer) quoted(quote byte) token {
	start := l.at
	var b strings.Builder
	for l.at++; ; l.at++ {
		c := l.peek(0)
		switch {
		case l.at >= len(l.text) || c == '\n' || c == '\r':
			end := min(l.at, len(l.text)) // a backslash may have been the last
			t := l.bad(start, end, "this text is never closed", "add "+string(quote)+" at its end")
			t.err.Unclosed = true
			return t
		case c == quote:
			l.at++
			return token{Span: Span{start, l.at}, kind: kindString, text: b.String()}
		case c == '\\':
			l.at++
			if l.at < len(l.text) {
				l.escape(&b)
			}
		default:
			b.WriteByte(c)
		}
	}
}

// escape reads what stands behind a backslash, to its last byte.
func (l *lexer) escape(b *strings.Builder) {
	c := l.text[l.at]
	if i := strings.IndexByte(`abfnrtv`, c); i >= 0 {
		b.WriteByte("\a\b\f\n\r\t\v"[i])
		return
	}
	switch {
	case c == '\n' || c == '\r':
		b.WriteByte('\n')
		if next := l.peek(1); (next == '\n' || next == '\r') && next != c {
			l.at++
		}
	case isDigit(c):
		n := 1
		for n < 3 && isDigit(l.peek(n)) {
			n++
		}
		value, _ := strconv.Atoi(l.text[l.at : l.at+n]) // at most 999
		b.WriteByte(byte(value))
		l.at += n - 1
	default:
		b.WriteByte(c)
	}
}

// bracketed reads a text in long brackets.
func (l *lexer) bracketed() token {
	start := l.at
	opened, length := l.level()
	if !opened {
		return l.bad(start, l.at, "'"+l.text[start:l.at]+"' cannot stand here", "a text in long brackets begins with [[ or [=[")
	}
	value, closed := l.long(length)
	if !closed {
		t := l.bad(start, start+length, "this text is never closed", "end it with ]"+strings.Repeat("=", length-2)+"]")
		t.err.Unclosed = true
		return t
	}
	return token{Span: Span{start, l.at}, kind: kindString, text: value}
}

// stray is a character that means nothing in Lua; some have a meaning in other languages.
func (l *lexer) stray() token {
	start, rest := l.at, l.text[l.at:]
	for _, s := range []struct{ text, hint string }{
		{"!=", "'not equal' is written ~="}, {"!", "'not' is written not"},
		{"&&", "write and"}, {"&", "write and"}, {"||", "write or"}, {"|", "write or"},
		{"~", "'not equal' is written ~="}, {"?", "write a and b or c"}, {"@", ""}, {"$", ""}, {"`", `texts stand in " or '`}, {"\\", ""},
		{"“", `texts stand in straight quotes: "`}, {"”", `texts stand in straight quotes: "`}, {"„", `texts stand in straight quotes: "`},
		{"‘", "texts stand in straight quotes: '"}, {"’", "texts stand in straight quotes: '"},
		{"–", "write -"}, {"—", "a comment begins with --"}, {"…", "write ..."},
	} {
		if strings.HasPrefix(rest, s.text) {
			return l.bad(start, start+len(s.text), "'"+s.text+"' cannot stand here", s.hint)
		}
	}
	switch r, n := utf8.DecodeRuneInString(rest); {
	case r == '\ufeff':
		return l.bad(start, start+n, "there is a byte-order mark here", "save the file as UTF-8 without one")
	case r == '\u00a0' || r == '\u2009' || r == '\u202f':
		return l.bad(start, start+n, "this blank is one that does not break lines", "write an ordinary one")
	case r == utf8.RuneError || r < ' ' || r == 0x7f:
		return l.bad(start, start+n, "the byte "+strconv.QuoteToASCII(rest[:n])+" cannot stand here", "is this file a text in UTF-8?")
	default:
		return l.bad(start, start+n, "'"+rest[:n]+"' cannot stand here", "names are made of the letters a-z and A-Z, digits and _")
	}
}
