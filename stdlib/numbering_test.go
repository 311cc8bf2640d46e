package stdlib_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/pattern"
)

func numbers(t *testing.T) *lua.LState {
	l := state(t)
	run(t, l, `numbers = require("numbering").new {
		country = "44", area = "01865", blocks = { ["7"] = "2", ["1"] = "6", ["8"] = "2" },
	}`)
	return l
}

func TestEveryFormOfAnExtensionIsTheExtension(t *testing.T) {
	l := numbers(t)
	r := rand.New(rand.NewPCG(1, 2))
	forms := strings.Fields(eval(t, l, "numbers:forms()"))
	if len(forms) != 3*7 {
		t.Errorf("%d forms of three blocks: %q", len(forms), forms)
	}
	for range 300 {
		extension := fmt.Sprintf("%c%04d", "718"[r.IntN(3)], r.IntN(10000))
		subscriber := map[byte]string{'7': "2", '1': "6", '8': "2"}[extension[0]] + extension
		for _, before := range []string{"", "01865", "+441865", "00441865", "441865", "+4401865", "004401865"} {
			dialled := before + subscriber
			expect(t, l, extension, "numbers:internal(%q)", dialled)
			expect(t, l, "internal", "numbers:classify(%q)", dialled)
			if n := matching(t, forms, dialled); n != 1 {
				t.Errorf("%s is matched by %d of the forms", dialled, n)
			}
		}
		expect(t, l, extension, "numbers:internal(%q)", extension)
		expect(t, l, extension, "numbers:internal(numbers:external(%q))", extension)
		expect(t, l, "+441865"+subscriber, "numbers:external(%q)", extension)
	}
}

func matching(t *testing.T, patterns []string, number string) int {
	t.Helper()
	n := 0
	for _, text := range patterns {
		p, err := pattern.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Match(number); ok {
			n++
		}
	}
	return n
}

// The patterns for extension() and classify must agree: a number that needs one permission by its
// class must not be let out by the pattern of another.
func TestPatternsAndClassesAgree(t *testing.T) {
	l := numbers(t)
	type route struct {
		class   string
		pattern pattern.Pattern
	}
	var routes []route
	seen := map[string]string{}
	for _, class := range []string{"emergency", "local", "national", "mobile", "nonGeographic", "short", "international", "premium"} {
		for _, text := range strings.Fields(eval(t, l, "numbers:patterns(%q)", class)) {
			p, err := pattern.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if seen[text] != "" {
				t.Errorf("%s is a pattern of %s and of %s", text, seen[text], class)
			}
			seen[text] = class
			routes = append(routes, route{class, p})
		}
	}
	routed := func(number string) string {
		best := -1
		for i, r := range routes {
			if _, ok := r.pattern.Match(number); ok && (best < 0 || pattern.Compare(r.pattern, routes[best].pattern) < 0) {
				best = i
			}
		}
		if best < 0 {
			return "nil"
		}
		return routes[best].class
	}
	variants := strings.Fields(eval(t, l, "numbers:variants()"))
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		before := []string{"", "0", "00", "+", "+44", "+440", "0044", "44", "07", "09", "01865", "118", "116", "00440", "440"}[r.IntN(15)]
		number := before
		for range r.IntN(13) {
			number += string(rune('0' + r.IntN(10)))
		}
		class := eval(t, l, "numbers:classify(%q)", number)
		if class == "nil" || class == "internal" { // refused by the handler; taken by another pattern
			continue
		}
		if matching(t, variants, number) > 0 {
			number = eval(t, l, "numbers:national(%q)", number)
		}
		if got := routed(number); got != class {
			t.Errorf("%s is %s, but its most specific pattern is one of %s", number, class, got)
		}
	}
}
