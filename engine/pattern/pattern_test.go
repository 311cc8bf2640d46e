package pattern

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parse(t interface{ Fatal(...any) }, s string) Pattern {
	p, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, number, matched string
		ok                       bool
	}{
		{"77513", "77513", "", true},
		{"77513", "7751", "", false},
		{"77513", "775130", "", false},
		{"7xxxx", "77513", "7513", true},
		{"7xxxx", "7751*", "", false},
		{"zx", "05", "", false},
		{"nx", "15", "", false},
		{"nx", "25", "25", true},
		{"[2-57]x", "71", "71", true},
		{"[2-57]x", "61", "", false},
		{"00.", "00", "", false},
		{"00.", "0044", "44", true},
		{"+44.", "+441865", "1865", true},
		{"*97", "*97", "", true},
		{"**3", "**3", "", true},
		{"*7x#", "*72#", "2", true},
		{".", "alice", "alice", true},
		{".", "", "", false},
		{"0[1-2].", "01865277513", "1865277513", true},
	} {
		matched, ok := parse(t, c.pattern).Match(c.number)
		if matched != c.matched || ok != c.ok {
			t.Errorf("%s on %s: %q, %v", c.pattern, c.number, matched, ok)
		}
	}
	if _, ok := (Pattern{}).Match(""); ok {
		t.Error("the zero pattern matched the empty number")
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for s, want := range map[string]string{
		"":                               "empty",
		"7XXX":                           "write X in lower case",
		"7.7":                            "only be the last",
		"7[2-":                           "never closed",
		"7[]":                            "empty",
		"7[5-2]":                         "lower digit",
		"7[*-#]":                         "lower digit",
		"7[a]":                           "cannot stand",
		"7-":                             "'-' is none of",
		"sales":                          "'s' is none of",
		"١":                              "is none of",
		"7[2-5]]":                        "']' is none of",
		strings.Repeat("1", MaxPlaces+1): "more than 64",
	} {
		_, err := Parse(s)
		if !errors.Is(err, ErrPattern) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
}

func TestSpecificity(t *testing.T) {
	// Each is more specific than the next.
	order := []string{"77513", "7751[2-3]", "7751z", "7751x", "775.", "77x13", "77.", "7n513", "7xxxx", "7.", "x7513", "."}
	for i, a := range order {
		for j, b := range order {
			got := Compare(parse(t, a), parse(t, b))
			if (i < j) != (got < 0) || (i == j) != (got == 0) {
				t.Errorf("Compare(%s, %s) = %d", a, b, got)
			}
		}
	}
	if a, b := parse(t, "7[1-3]"), parse(t, "7[2-4]"); Compare(a, b) != 0 || !Overlaps(a, b) {
		t.Error("two sets of one size that share a digit: neither is the more specific")
	}
}

func text(t *rapid.T, label string) string {
	places := rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", "2", "7", "*", "#", "+", "x", "z", "n", "[2-5]", "[17]", "[0-9*]"}), 0, 4)
	end := rapid.SampledFrom([]string{"", "."})
	return strings.Join(places.Filter(func(s []string) bool { return len(s) > 0 }).Draw(t, label), "") + end.Draw(t, label+" end")
}

func number(t *rapid.T) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune(symbols)), 1, 6, -1).Draw(t, "number")
}

// A number that both take proves that they overlap; and of patterns that overlap and
// differ in rank, one of two orders always holds.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := parse(t, text(t, "a")), parse(t, text(t, "b")), parse(t, text(t, "c"))
		if Compare(a, a) != 0 || !Overlaps(a, a) {
			t.Fatalf("%s is not equal to itself", a)
		}
		if Compare(a, b) != -Compare(b, a) || Overlaps(a, b) != Overlaps(b, a) {
			t.Fatalf("%s and %s compare differently from either side", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Fatalf("%s ≤ %s ≤ %s but not %s ≤ %s", a, b, c, a, c)
		}
		n := number(t)
		_, inA := a.Match(n)
		_, inB := b.Match(n)
		if inA && inB && !Overlaps(a, b) {
			t.Fatalf("%s is in %s and %s, which do not overlap", n, a, b)
		}
		if a.Literal() {
			if _, ok := a.Match(a.String()); !ok {
				t.Fatalf("%s does not match itself", a)
			}
			if _, ok := b.Match(a.String()); ok && Compare(a, b) > 0 {
				t.Fatalf("%s is less specific than %s", a, b)
			}
		}
	})
}

// Where two patterns overlap a number can be built that both take.
func TestOverlapIsWitnessed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, text(t, "a")), parse(t, text(t, "b"))
		if !Overlaps(a, b) {
			return
		}
		var n strings.Builder
		for i := range max(len(a.places), len(b.places)) {
			common := uint16(1<<len(symbols) - 1)
			if i < len(a.places) {
				common &= a.places[i].of
			}
			if i < len(b.places) {
				common &= b.places[i].of
			}
			for j := range len(symbols) {
				if common&(1<<j) != 0 {
					n.WriteByte(symbols[j])
					break
				}
			}
		}
		if a.rest && b.rest {
			n.WriteString("1")
		}
		for _, p := range []Pattern{a, b} {
			if _, ok := p.Match(n.String()); !ok {
				t.Fatalf("%s and %s overlap but %s does not take %s", a, b, p, n.String())
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("7[2-5]x.")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		if p.String() != s || Compare(p, p) != 0 || !Overlaps(p, p) {
			t.Errorf("%q is not itself", s)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	p := parse(b, "0[1-2]xxx.")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.Match("01865277513"); !ok {
			b.Fatal("no match")
		}
	}
}

func TestNumbers(t *testing.T) {
	if all, ok := parse(t, "7[1-3]0z").Numbers(27); !ok || len(all) != 27 || all[0] != "7101" || all[26] != "7309" {
		t.Errorf("%v, %v", all, ok)
	}
	for _, s := range []string{"7.", "xx", "."} {
		if all, ok := parse(t, s).Numbers(27); ok {
			t.Errorf("%s: %v", s, all)
		}
	}
}

func TestBegins(t *testing.T) {
	for _, c := range []struct {
		pattern, start string
		want           bool
	}{
		{"**x.", "**3", true}, {"**xx", "**3", true}, {"**x", "**3", false}, {"**.", "**3", false}, {"*7x.", "**3", false}, {"*72.", "*72", true},
	} {
		if got := parse(t, c.pattern).Begins(c.start); got != c.want {
			t.Errorf("%s begins with %s: %v", c.pattern, c.start, got)
		}
	}
}
