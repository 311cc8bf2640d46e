package sandbox

import (
	"errors"
	"strings"
)

// Text patterns as in Lua 5.1, with a budget: every try of a pattern item costs a step, so
// that a pattern which would try for ever on a caller's name ends with the call's budget.

const (
	maxCaptures = 32
	maxNesting  = 200 // of choices to come back to
)

// How far a capture has come.
const (
	captureOpen     = -1
	capturePosition = -2
)

type capture struct{ start, length int }

type matcher struct {
	src, pat string
	charge   func(int) bool
	level    int
	captures [maxCaptures]capture
	nesting  int
	err      error
}

var (
	errBudget = errors.New("the budget is used up") // the meter knows which
	errNested = errors.New("this pattern is too complicated")
)

// find looks for the pattern from init on. It returns the bounds of the match, or start -1.
func (m *matcher) find(init int) (start, end int, err error) {
	pat, anchored := strings.CutPrefix(m.pat, "^")
	m.pat = pat
	for at := init; at <= len(m.src); at++ {
		m.level = 0
		if e := m.match(at, 0); e >= 0 {
			return at, e, nil
		}
		if m.err != nil {
			return -1, -1, m.err
		}
		if anchored {
			break
		}
	}
	return -1, -1, nil
}

func (m *matcher) fail(err error) int {
	if m.err == nil {
		m.err = err
	}
	return -1
}

func (m *matcher) step() bool {
	if m.err != nil {
		return false
	}
	if !m.charge(1) {
		m.err = errBudget
		return false
	}
	return true
}

// match matches the pattern from p on at s and returns where the match ends, or -1.
func (m *matcher) match(s, p int) int {
	if m.nesting++; m.nesting > maxNesting {
		return m.fail(errNested)
	}
	defer func() { m.nesting-- }()
	for p < len(m.pat) {
		if !m.step() {
			return -1
		}
		switch c := m.pat[p]; {
		case c == '(':
			return m.open(s, p)
		case c == ')':
			return m.close(s, p)
		case c == '$' && p+1 == len(m.pat):
			if s == len(m.src) {
				return s
			}
			return -1
		case c == '%' && p+1 < len(m.pat) && m.pat[p+1] == 'b':
			if s = m.balanced(s, p+2); s < 0 {
				return -1
			}
			p += 4
			continue
		case c == '%' && p+1 < len(m.pat) && m.pat[p+1] == 'f':
			next, ok := m.frontier(s, p+2)
			if !ok {
				return -1
			}
			p = next
			continue
		case c == '%' && p+1 < len(m.pat) && m.pat[p+1] >= '0' && m.pat[p+1] <= '9':
			if s = m.again(s, m.pat[p+1]); s < 0 {
				return -1
			}
			p += 2
			continue
		}
		end := m.item(p)
		if end < 0 {
			return -1
		}
		var repeat byte
		if end < len(m.pat) {
			repeat = m.pat[end]
		}
		switch repeat {
		case '?':
			if s < len(m.src) && m.single(m.src[s], p, end) {
				if e := m.match(s+1, end+1); e >= 0 || m.err != nil {
					return e
				}
			}
			p = end + 1
		case '*':
			return m.most(s, p, end, 0)
		case '+':
			return m.most(s, p, end, 1)
		case '-':
			return m.least(s, p, end)
		default:
			if s >= len(m.src) || !m.single(m.src[s], p, end) {
				return -1
			}
			s, p = s+1, end
		}
	}
	return s
}

// item finds the end of the pattern item at p: one character, a class or a set.
func (m *matcher) item(p int) int {
	switch m.pat[p] {
	case '%':
		if p+1 >= len(m.pat) {
			return m.fail(errors.New("the pattern ends with '%'"))
		}
		return p + 2
	case '[':
		q := p + 1
		if q < len(m.pat) && m.pat[q] == '^' {
			q++
		}
		for first := true; ; first = false {
			if q >= len(m.pat) {
				return m.fail(errors.New("the pattern's '[' has no ']'"))
			}
			switch {
			case m.pat[q] == ']' && !first:
				return q + 1
			case m.pat[q] == '%':
				q++
			}
			q++
		}
	}
	return p + 1
}

// single reports whether c matches the item pat[p:end].
func (m *matcher) single(c byte, p, end int) bool {
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return inSet(c, m.pat[p+1:end-1])
	}
	return m.pat[p] == c
}

func inSet(c byte, set string) bool {
	set, not := strings.CutPrefix(set, "^")
	for i := 0; i < len(set); i++ {
		switch {
		case set[i] == '%' && i+1 < len(set):
			i++
			if inClass(c, set[i]) {
				return !not
			}
		case i+2 < len(set) && set[i+1] == '-':
			if set[i] <= c && c <= set[i+2] {
				return !not
			}
			i += 2
		case set[i] == c:
			return !not
		}
	}
	return not
}

func inClass(c, class byte) bool {
	var is bool
	lower := c | 0x20
	letter := 'a' <= lower && lower <= 'z'
	digit := '0' <= c && c <= '9'
	switch class | 0x20 {
	case 'a':
		is = letter
	case 'c':
		is = c < 32 || c == 127
	case 'd':
		is = digit
	case 'l':
		is = letter && c == lower
	case 'p':
		is = 32 < c && c < 127 && !letter && !digit
	case 's':
		is = c == ' ' || 9 <= c && c <= 13
	case 'u':
		is = letter && c != lower
	case 'w':
		is = letter || digit
	case 'x':
		is = digit || 'a' <= lower && lower <= 'f'
	case 'z':
		is = c == 0
	default:
		return class == c
	}
	if 'A' <= class && class <= 'Z' {
		return !is
	}
	return is
}

// most is * and +: as many as there are, then fewer.
func (m *matcher) most(s, p, end, least int) int {
	n := 0
	for s+n < len(m.src) && m.single(m.src[s+n], p, end) {
		if !m.step() {
			return -1
		}
		n++
	}
	for ; n >= least; n-- {
		if e := m.match(s+n, end+1); e >= 0 || m.err != nil {
			return e
		}
	}
	return -1
}

// least is -: as few as will do.
func (m *matcher) least(s, p, end int) int {
	for {
		if e := m.match(s, end+1); e >= 0 || m.err != nil {
			return e
		}
		if s >= len(m.src) || !m.single(m.src[s], p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p int) int {
	if m.level >= maxCaptures {
		return m.fail(errors.New("the pattern has too many captures"))
	}
	length := captureOpen
	p++
	if p < len(m.pat) && m.pat[p] == ')' {
		length = capturePosition
		p++
	}
	m.captures[m.level] = capture{s, length}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	for i := m.level - 1; i >= 0; i-- {
		if m.captures[i].length == captureOpen {
			m.captures[i].length = s - m.captures[i].start
			e := m.match(s, p+1)
			if e < 0 {
				m.captures[i].length = captureOpen
			}
			return e
		}
	}
	return m.fail(errors.New("the pattern has a ')' without a '('"))
}

// balanced is %bxy at s; p is where x stands.
func (m *matcher) balanced(s, p int) int {
	if p+1 >= len(m.pat) {
		return m.fail(errors.New("the pattern's %b lacks its two characters"))
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	for depth := 0; s < len(m.src); s++ {
		if !m.step() {
			return -1
		}
		switch m.src[s] {
		case m.pat[p+1]:
			if depth--; depth == 0 {
				return s + 1
			}
		case m.pat[p]:
			depth++
		}
	}
	return -1
}

// frontier is %f[set] at s; p is where the set stands. It returns where the pattern goes on.
func (m *matcher) frontier(s, p int) (next int, ok bool) {
	if p >= len(m.pat) || m.pat[p] != '[' {
		m.fail(errors.New("the pattern's %f lacks its set"))
		return 0, false
	}
	end := m.item(p)
	if end < 0 {
		return 0, false
	}
	var before, here byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		here = m.src[s]
	}
	set := m.pat[p+1 : end-1]
	return end, !inSet(before, set) && inSet(here, set)
}

// again is %1 … %9: what a capture took, once more.
func (m *matcher) again(s int, digit byte) int {
	i := int(digit - '1')
	if i < 0 || i >= m.level || m.captures[i].length < 0 {
		return m.fail(errors.New("the pattern refers to a capture it does not have"))
	}
	c := m.src[m.captures[i].start : m.captures[i].start+m.captures[i].length]
	if !m.charge(len(c) / 8) {
		return m.fail(errBudget)
	}
	if !strings.HasPrefix(m.src[s:], c) {
		return -1
	}
	return s + len(c)
}
