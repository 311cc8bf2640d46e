package scripts

import (
	"math"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"pgregory.net/rapid"

	"github.com/belfry-pbx/belfry/scripts/api"
)

// odd draws a value that no function expects, or that some might.
func odd(t *rapid.T, sc *script, depth int) lua.LValue {
	l := sc.s.L
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return lua.LNil
	case 1:
		return lua.LBool(rapid.Bool().Draw(t, "bool"))
	case 2:
		return lua.LNumber(rapid.SampledFrom([]float64{0, 1, -1, 0.5, 1e18, -1e300, math.Inf(1), math.NaN()}).Draw(t, "number"))
	case 3:
		return l.NewFunction(func(*lua.LState) int { return 0 })
	case 4:
		return l.NewUserData()
	case 5:
		return sc.object("List", &listRef{"x"})
	case 6, 7:
		table := l.NewTable()
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			if depth < 3 {
				table.RawSet(lua.LString(rapid.SampledFrom([]string{"prompt", "timeout", "members", "number", "ringFor", "zone", "x"}).Draw(t, "key")), odd(t, sc, depth+1))
				table.Append(odd(t, sc, depth+1))
			}
		}
		return table
	}
	return lua.LString(rapid.SampledFrom([]string{"", "5s", "77513", "busy", "tone:busy", "always", "-5s", "99999999h", "number:x", "\x00\xff", strings.Repeat("9", 400)}).Draw(t, "text"))
}

// Whatever a script passes, checking it ends well or with an error at the script's line; Go never panics.
func TestWrongArgumentsAreErrors(t *testing.T) {
	h, err := open(t, map[string]string{"main.lua": `extension("600", function(call) end)`})
	if err != nil {
		t.Fatal(err)
	}
	var all []api.Func
	all = append(all, h.api.Funcs...)
	for _, c := range h.api.Classes {
		all = append(all, c.Methods...)
	}
	rapid.Check(t, func(t *rapid.T) {
		sc := newScript(t.Context(), h, h.current(), nil)
		defer sc.close()
		f := rapid.SampledFrom(all).Draw(t, "function")
		var values []lua.LValue
		for range rapid.IntRange(0, 4).Draw(t, "arguments") {
			values = append(values, odd(t, sc, 0))
		}
		_, err := sc.s.Call(sc.s.L.NewFunction(func(*lua.LState) int { sc.check("x:"+f.Name, f, 1); return 0 }), values...)
		if err != nil && (strings.Contains(err.Error(), "runtime error") || strings.Contains(err.Error(), "interface conversion")) {
			t.Fatalf("%s%v: %v", f.Name, values, err)
		}
	})
}
