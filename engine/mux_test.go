package engine_test

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
)

// place is one place of a pattern: how it is written and what it takes.
type place struct{ text, takes string }

var places = []place{
	{"1", "1"}, {"2", "2"}, {"3", "3"}, {"*", "*"}, {"#", "#"},
	{"[23]", "23"}, {"[12]", "12"}, {"[1-3]", "123"}, {"n", "23456789"}, {"z", "123456789"}, {"x", "0123456789"},
}

// taker is a pattern as somebody would read it aloud: place by place, and perhaps more after that.
type taker struct {
	places []place
	rest   bool
}

func (k taker) String() string {
	text := ""
	for _, p := range k.places {
		text += p.text
	}
	if k.rest {
		text += "."
	}
	return text
}

func (k taker) takes(number string) bool {
	if len(number) < len(k.places) || k.rest != (len(number) > len(k.places)) {
		return false
	}
	for i, p := range k.places {
		if !strings.Contains(p.takes, number[i:i+1]) {
			return false
		}
	}
	return true
}

// compare says which is the more specific: at the first place where they differ the one that takes less. A
// place takes less than the rest, and nothing less than both.
func (k taker) compare(o taker) int {
	width := func(k taker, i int) int {
		switch {
		case i < len(k.places):
			return len(k.places[i].takes)
		case i == len(k.places) && k.rest:
			return 100
		}
		return 0
	}
	for i := range max(len(k.places), len(o.places)) + 1 {
		if c := cmp.Compare(width(k, i), width(o, i)); c != 0 {
			return c
		}
	}
	return 0
}

// shares tells whether some number of up to four keys is in both.
func (k taker) shares(o taker, numbers []string) bool {
	return slices.ContainsFunc(numbers, func(n string) bool { return k.takes(n) && o.takes(n) })
}

func TestMuxAgainstAPlainReadingOfPatterns(t *testing.T) {
	t.Parallel()
	var numbers []string
	for _, a := range "0123*#" {
		for _, b := range "0123*" {
			numbers = append(numbers, string(a), string(a)+string(b), string(a)+string(b)+"2", string(a)+string(b)+"24")
		}
	}
	callers := []engine.Party{{Line: "1"}, {Trunk: "pstn"}, {Trunk: "other"}, {}}
	froms := [][]string{nil, {"any"}, {"trunk:pstn"}, {"lines", "trunk:other"}}
	admits := func(from []string, p engine.Party) bool {
		return from == nil && p.Line != "" || slices.Contains(from, "any") || slices.Contains(from, "lines") && p.Line != "" ||
			slices.Contains(from, "trunk:"+p.Trunk)
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		type added struct {
			taker
			from []string
		}
		var all []added
		var mux engine.Mux
		for range 1 + r.IntN(12) {
			k := added{from: froms[r.IntN(len(froms))]}
			for range r.IntN(4) {
				k.places = append(k.places, places[r.IntN(len(places))])
			}
			k.rest = len(k.places) == 0 || r.IntN(4) == 0
			clash := slices.ContainsFunc(all, func(o added) bool {
				both := slices.ContainsFunc(callers, func(p engine.Party) bool { return admits(k.from, p) && admits(o.from, p) })
				return both && k.compare(o.taker) == 0 && k.shares(o.taker, numbers)
			})
			err := mux.Add(engine.Route{Pattern: k.String(), From: k.from, Where: "x"})
			if clash && !errors.Is(err, engine.ErrRouteConflict) {
				t.Fatalf("seed %d: %s for %v clashes with one of %v, and Add says %v", seed, k, k.from, all, err)
			}
			if err == nil {
				all = append(all, k)
			} else if !errors.Is(err, engine.ErrRouteConflict) {
				t.Fatalf("seed %d: %s: %v", seed, k, err)
			}
		}
		for _, number := range numbers {
			for _, p := range callers {
				want := ""
				var best taker
				for _, k := range all {
					if admits(k.from, p) && k.takes(number) && (want == "" || k.compare(best) < 0) {
						want, best = k.String(), k.taker
					}
				}
				got, _, ok := mux.Match(number, p)
				if ok != (want != "") || got.Pattern != want {
					t.Fatalf("seed %d: %q of %+v goes to %q, want %q of %v", seed, number, p, got.Pattern, want, all)
				}
				if mux.Reaches(p, number) != ok {
					t.Fatalf("seed %d: Reaches disagrees with Match", seed)
				}
			}
		}
	}
}

func TestWhatThePatternMatched(t *testing.T) {
	t.Parallel()
	var mux engine.Mux
	for _, p := range []string{"*7[2-4]x.", "100"} {
		if err := mux.Add(engine.Route{Pattern: p, Where: p}); err != nil {
			t.Fatal(err)
		}
	}
	for number, want := range map[string]string{"*7355512": "355512", "100": ""} {
		if _, matched, ok := mux.Match(number, engine.Party{Line: "1"}); !ok || matched != want {
			t.Errorf("%s matched %q, %v; want %q", number, matched, ok, want)
		}
	}
	err := mux.Add(engine.Route{Pattern: "100", From: []string{"any"}, Where: "here"})
	if !errors.Is(err, engine.ErrRouteConflict) || !strings.Contains(err.Error(), "here") {
		t.Errorf("a second 100: %v", err)
	}
}
