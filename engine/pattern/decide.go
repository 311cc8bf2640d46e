package pattern

import (
	"math/bits"
	"strings"
)

// Place is what a pattern has at one place.
type Place struct {
	Text string // as it is written: "7", "x", "[2-5]", "."; "": the pattern has ended
	Of   int    // how many symbols it takes; 0: at "." and at the end, where nothing bounds or nothing is taken
}

// Decide says where Compare finds which of two patterns is the more specific: the first such place, from 1, and what
// each has there. 0: neither is.
func Decide(a, b Pattern) (place int, atA, atB Place) {
	for i := range max(len(a.places), len(b.places)) + 1 {
		if a.rank(i) != b.rank(i) {
			return i + 1, a.place(i), b.place(i)
		}
	}
	return 0, Place{}, Place{}
}

func (p Pattern) place(i int) Place {
	if i > len(p.places) {
		return Place{}
	}
	rest := p.text
	for range i {
		rest = rest[len(first(rest)):]
	}
	one := Place{Text: first(rest)}
	if i < len(p.places) {
		one.Of = bits.OnesCount16(p.places[i].of)
	}
	return one
}

// first is how the first place of a pattern is written.
func first(text string) string {
	switch {
	case text == "":
		return ""
	case text[0] == '[':
		return text[:strings.IndexByte(text, ']')+1]
	default:
		return text[:1]
	}
}
