package sandbox

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

func stringLibrary() map[string]function {
	mapped := func(fn func(string) string) function {
		return func(s *State, l *lua.LState) int {
			text := l.CheckString(1)
			s.newText(len(text))
			l.Push(lua.LString(fn(text)))
			return 1
		}
	}
	return map[string]function{
		"byte": (*State).textByte, "char": (*State).textChar, "find": (*State).textFind, "format": (*State).textFormat,
		"gmatch": (*State).textGmatch, "gsub": (*State).textGsub, "match": (*State).textMatch, "rep": (*State).textRep, "sub": textSub,
		"len":   func(_ *State, l *lua.LState) int { l.Push(lua.LNumber(len(l.CheckString(1)))); return 1 },
		"lower": mapped(strings.ToLower), "upper": mapped(strings.ToUpper), "reverse": mapped(reverse),
	}
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// span turns Lua's bounds, from 1 and negative from the end, into Go's.
func span(l *lua.LState, n int, defTo lua.LNumber) (from, to int) {
	bound := func(v lua.LNumber) int {
		switch {
		case v < 0:
			v += lua.LNumber(n) + 1
		}
		return int(max(0, min(v, lua.LNumber(n)+1)))
	}
	from, to = max(1, bound(l.OptNumber(2, 1))), min(n, bound(l.OptNumber(3, defTo)))
	if from > to {
		return 0, 0
	}
	return from - 1, to
}

func textSub(_ *State, l *lua.LState) int {
	text := l.CheckString(1)
	from, to := span(l, len(text), -1)
	l.Push(lua.LString(text[from:to]))
	return 1
}

func (s *State) textByte(l *lua.LState) int {
	text := l.CheckString(1)
	from, to := span(l, len(text), l.OptNumber(2, 1))
	if to-from > maxUnpack {
		s.argument(fmt.Sprintf("string.byte of more than %d characters", maxUnpack))
	}
	for i := from; i < to; i++ {
		l.Push(lua.LNumber(text[i]))
	}
	return to - from
}

func (s *State) textChar(l *lua.LState) int {
	b := make([]byte, l.GetTop())
	for i := range b {
		n := l.CheckNumber(i + 1)
		if !(n >= 0 && n <= 255) {
			s.argument("string.char takes numbers from 0 to 255")
		}
		b[i] = byte(n)
	}
	s.newText(len(b))
	l.Push(lua.LString(b))
	return 1
}

func (s *State) textRep(l *lua.LState) int {
	text, n := l.CheckString(1), l.CheckNumber(2)
	if !(n > 0) || text == "" {
		l.Push(lua.LString(""))
		return 1
	}
	if n > lua.LNumber(s.opts.Limits.Text) { // before it becomes an int
		n = lua.LNumber(s.opts.Limits.Text) + 1
	}
	s.newText(int(n) * len(text))
	l.Push(lua.LString(strings.Repeat(text, int(n))))
	return 1
}

// start is the optional third argument of find and match: where to begin.
func start(l *lua.LState, n int) (int, bool) {
	at := l.OptNumber(3, 1)
	if at < 0 {
		at = max(1, at+lua.LNumber(n)+1)
	}
	if at < 1 {
		at = 1
	}
	if !(at <= lua.LNumber(n)+1) {
		return 0, false
	}
	return int(at) - 1, true
}

func (s *State) matcher(src, pat string) *matcher {
	return &matcher{src: src, pat: pat, charge: s.Meter.Charge}
}

// run runs a matcher; what is wrong with its pattern is the author's error.
func (s *State) run(m *matcher, init int) (from, to int) {
	from, to, err := m.find(init)
	if err == errBudget {
		s.L.RaiseError("%s", s.Meter.Cause())
	}
	if err != nil {
		s.Raise(Raised{Code: diag.CodeArgument, Message: err.Error()})
	}
	return from, to
}

func (s *State) textFind(l *lua.LState) int {
	src, pat := l.CheckString(1), l.CheckString(2)
	init, ok := start(l, len(src))
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	if l.ToBool(4) || !strings.ContainsAny(pat, "^$*+?.([%-") {
		s.work((len(src) - init) / 8)
		at := strings.Index(src[init:], pat)
		if at < 0 {
			l.Push(lua.LNil)
			return 1
		}
		l.Push(lua.LNumber(init + at + 1))
		l.Push(lua.LNumber(init + at + len(pat)))
		return 2
	}
	m := s.matcher(src, pat)
	from, to := s.run(m, init)
	if from < 0 {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(from + 1))
	l.Push(lua.LNumber(to))
	return 2 + s.pushCaptures(l, m, from, to, false)
}

func (s *State) textMatch(l *lua.LState) int {
	src := l.CheckString(1)
	m := s.matcher(src, l.CheckString(2))
	init, ok := start(l, len(src))
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	from, to := s.run(m, init)
	if from < 0 {
		l.Push(lua.LNil)
		return 1
	}
	return s.pushCaptures(l, m, from, to, true)
}

// captured is the ith capture of a match; with no captures at all the first is the match itself.
func (s *State) captured(m *matcher, i, from, to int) lua.LValue {
	if m.level == 0 && i == 0 {
		return lua.LString(m.src[from:to])
	}
	c := m.captures[i]
	switch c.length {
	case capturePosition:
		return lua.LNumber(c.start + 1)
	case captureOpen:
		s.argument("the pattern's '(' has no ')'")
	}
	return lua.LString(m.src[c.start : c.start+c.length])
}

func (s *State) pushCaptures(l *lua.LState, m *matcher, from, to int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		l.Push(s.captured(m, i, from, to))
	}
	return n
}

func (s *State) textGmatch(l *lua.LState) int {
	src, pat := l.CheckString(1), l.CheckString(2)
	l.Push(l.NewClosure(bind((*State).textNext), lua.LString(src), lua.LString(pat), lua.LNumber(0)))
	return 1
}

// textNext is the iterator of gmatch. How far it has come is an upvalue of it, so that it can be copied.
func (s *State) textNext(l *lua.LState) int {
	upvalue := func(i int) lua.LValue { return l.Get(lua.UpvalueIndex(i)) }
	src, pat, at := upvalue(1).String(), upvalue(2).String(), int(lua.LVAsNumber(upvalue(3)))
	if at > len(src) {
		return 0
	}
	m := s.matcher(src, pat)
	from, to := s.run(m, at)
	next := to
	if from < 0 {
		next = len(src) + 1
	} else if to == from {
		next++
	}
	l.Replace(lua.UpvalueIndex(3), lua.LNumber(next))
	if from < 0 {
		return 0
	}
	return s.pushCaptures(l, m, from, to, true)
}

func (s *State) textGsub(l *lua.LState) int {
	src, pat, with := l.CheckString(1), l.CheckString(2), l.Get(3)
	switch with.Type() {
	case lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction:
	default:
		s.argument("string.gsub replaces by a text, a table or a function, not by " + aOrNil(with.Type().String()))
	}
	most := l.OptNumber(4, lua.LNumber(len(src)+1))
	var out strings.Builder
	add := func(text string) { s.grow(&out, text) }
	at, count := 0, 0
	for at <= len(src) && lua.LNumber(count) < most {
		m := s.matcher(src, pat)
		from, to := s.run(m, at)
		if from < 0 {
			break
		}
		count++
		add(src[at:from])
		add(s.replacement(l, m, with, from, to))
		if at = to; from == to {
			if at < len(src) {
				add(src[at : at+1])
			}
			at++
		}
		if strings.HasPrefix(pat, "^") {
			break
		}
	}
	if at < len(src) {
		add(src[at:])
	}
	l.Push(lua.LString(out.String()))
	l.Push(lua.LNumber(count))
	return 2
}

// replacement is what gsub puts in the place of one match.
func (s *State) replacement(l *lua.LState, m *matcher, with lua.LValue, from, to int) string {
	whole := m.src[from:to]
	var v lua.LValue
	switch w := with.(type) {
	case *lua.LTable:
		v = l.GetTable(w, s.captured(m, 0, from, to))
	case *lua.LFunction:
		l.Push(w)
		l.Call(s.pushCaptures(l, m, from, to, true), 1)
		v = l.Get(-1)
		l.Pop(1)
	default:
		return s.template(m, with.String(), from, to)
	}
	if !lua.LVAsBool(v) {
		return whole
	}
	if !lua.LVCanConvToString(v) {
		s.argument("string.gsub was given " + aOrNil(v.Type().String()) + " to put in")
	}
	return v.String()
}

// template fills in %0 … %9 and %%.
func (s *State) template(m *matcher, text string, from, to int) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		part := text[i : i+1]
		switch c := text[i]; {
		case c == '0':
			part = m.src[from:to]
		case c >= '1' && c <= '9':
			n := int(c - '1')
			if n >= max(1, m.level) {
				s.argument("string.gsub: the pattern has no capture %" + part)
			}
			part = s.captured(m, n, from, to).String()
		}
		s.grow(&b, part)
	}
	return b.String()
}
