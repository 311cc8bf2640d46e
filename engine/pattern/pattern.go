// Package pattern matches dialled numbers: the patterns of extension() in a
// dialplan, of lists and of ranges of numbers.
//
// Digits, *, # and + stand for themselves; x is any digit, z 1-9, n 2-9, [2-57]
// one of a set; a final . is one or more of anything.
package pattern

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// ErrPattern is wrapped by what Parse returns for text that is no pattern.
var ErrPattern = errors.New("not a number pattern")

// MaxPlaces is how many places a pattern may have: no number is longer.
const MaxPlaces = 64

// Pattern is a parsed pattern. The zero Pattern matches nothing.
type Pattern struct {
	text   string
	places []set
	rest   bool // ends in "."
}

// set is the symbols one place takes, a bit for each of symbols, and whether it
// was written as a set (and is therefore part of what Match returns).
type set struct {
	of   uint16
	wild bool
}

const symbols = "0123456789*#+"

func symbol(c byte) (uint16, bool) {
	i := strings.IndexByte(symbols, c)
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}

// span is the digits from lo to hi.
func span(lo, hi byte) uint16 {
	return (1<<(hi-lo+1) - 1) << (lo - '0')
}

// Parse reads a pattern. Its errors wrap ErrPattern and say what is wrong where.
func Parse(s string) (Pattern, error) {
	p := Pattern{text: s}
	fail := func(format string, args ...any) (Pattern, error) {
		return Pattern{}, fmt.Errorf("%w: %q: %s", ErrPattern, s, fmt.Sprintf(format, args...))
	}
	if s == "" {
		return fail("it is empty")
	}
	for i := 0; i < len(s); i++ {
		var place set
		switch c := s[i]; c {
		case 'x':
			place = set{span('0', '9'), true}
		case 'z':
			place = set{span('1', '9'), true}
		case 'n':
			place = set{span('2', '9'), true}
		case 'X', 'Z', 'N':
			return fail("write %c in lower case", c)
		case '.':
			if i != len(s)-1 {
				return fail("'.' may only be the last character")
			}
			p.rest = true
			continue
		case '[':
			end := strings.IndexByte(s[i:], ']')
			if end < 0 {
				return fail("'[' is never closed")
			}
			of, err := parseSet(s[i+1 : i+end])
			if err != nil {
				return fail("%v", err)
			}
			place = set{of, true}
			i += end
		default:
			bit, ok := symbol(c)
			if !ok {
				return fail("%q is none of the digits, * # + x z n [ ] and .", c)
			}
			place = set{bit, false}
		}
		p.places = append(p.places, place)
	}
	if len(p.places) > MaxPlaces {
		return fail("it has more than %d places", MaxPlaces)
	}
	return p, nil
}

// parseSet reads what stands between [ and ]: symbols and ranges of digits.
func parseSet(s string) (uint16, error) {
	var of uint16
	for i := 0; i < len(s); i++ {
		bit, ok := symbol(s[i])
		if !ok {
			return 0, fmt.Errorf("%q cannot stand in [%s]", s[i], s)
		}
		if i+2 < len(s) && s[i+1] == '-' {
			lo, hi := s[i], s[i+2]
			if lo < '0' || hi > '9' || lo > hi {
				return 0, fmt.Errorf("%q is not a range from a lower digit to a higher one", s[i:i+3])
			}
			bit = span(lo, hi)
			i += 2
		}
		of |= bit
	}
	if of == 0 {
		return 0, errors.New("[] is empty")
	}
	return of, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Literal reports whether the pattern is one number and nothing else.
func (p Pattern) Literal() bool {
	for _, place := range p.places {
		if place.wild {
			return false
		}
	}
	return !p.rest && len(p.places) > 0
}

// Match reports whether the pattern takes number, and what of it was taken by
// x, z, n, sets and the final "." together.
func (p Pattern) Match(number string) (matched string, ok bool) {
	n := len(p.places)
	if len(number) < n || (len(number) > n) != p.rest || n == 0 && !p.rest {
		return "", false
	}
	wild := make([]byte, 0, MaxPlaces)
	for i, place := range p.places {
		bit, ok := symbol(number[i])
		if !ok || place.of&bit == 0 {
			return "", false
		}
		if place.wild {
			wild = append(wild, number[i])
		}
	}
	return string(wild) + number[n:], true
}

// The ranks of what may stand at one place, more specific first. Between them lie
// the sizes of sets.
const (
	rankEnd  = 0
	rankRest = len(symbols) + 1
)

func (p Pattern) rank(i int) int {
	switch {
	case i < len(p.places):
		return bits.OnesCount16(p.places[i].of)
	case p.rest && i == len(p.places):
		return rankRest
	default:
		return rankEnd
	}
}

// Compare says which of two patterns is the more specific: negative if a is, positive
// if b is. It goes place by place: a digit comes before a smaller set, that before a
// larger one, that before the final ".". Zero means that neither is: where they also
// overlap, nothing tells which of them a number belongs to.
func Compare(a, b Pattern) int {
	for i := range max(len(a.places), len(b.places)) + 1 {
		if c := cmp.Compare(a.rank(i), b.rank(i)); c != 0 {
			return c
		}
	}
	return 0
}

// Overlaps reports whether some number is taken by both.
func Overlaps(a, b Pattern) bool {
	for i := range min(len(a.places), len(b.places)) {
		if a.places[i].of&b.places[i].of == 0 {
			return false
		}
	}
	switch la, lb := len(a.places), len(b.places); {
	case la == 0 && !a.rest || lb == 0 && !b.rest:
		return false
	case la == lb:
		return a.rest == b.rest
	case la < lb:
		return a.rest
	default:
		return b.rest
	}
}

// Numbers are all that the pattern takes, if they are at most so many.
func (p Pattern) Numbers(most int) (all []string, ok bool) {
	if p.rest || len(p.places) == 0 {
		return nil, false
	}
	all = []string{""}
	for _, place := range p.places {
		if len(all)*bits.OnesCount16(place.of) > most {
			return nil, false
		}
		var longer []string
		for _, s := range all {
			for i := range len(symbols) {
				if place.of&(1<<i) != 0 {
					longer = append(longer, s+symbols[i:i+1])
				}
			}
		}
		all = longer
	}
	return all, true
}

// Begins reports whether some number that the pattern takes is longer than start and begins with it, at places the
// pattern names: what its final "." stands for begins with anything.
func (p Pattern) Begins(start string) bool {
	if len(start) > len(p.places) || len(start) == len(p.places) && !p.rest {
		return false
	}
	for i := range len(start) {
		bit, ok := symbol(start[i])
		if !ok || p.places[i].of&bit == 0 {
			return false
		}
	}
	return true
}
