package stdlib_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/stdlib"
)

// state is a plain Lua state in which the modules here can be required, with as much of
// the exchange's own functions as modules use that make no call.
func state(t *testing.T) *lua.LState {
	t.Helper()
	l := lua.NewState()
	t.Cleanup(l.Close)
	loaded := map[string]lua.LValue{}
	l.SetGlobal("require", l.NewFunction(func(l *lua.LState) int {
		name := l.CheckString(1)
		if loaded[name] == nil {
			file := strings.ReplaceAll(name, ".", "/") + ".lua"
			text, err := stdlib.Files.ReadFile(file)
			if err != nil {
				l.RaiseError("no module %s", name)
			}
			fn, err := l.Load(strings.NewReader(string(text)), file)
			if err != nil {
				l.RaiseError("%s", err)
			}
			l.Push(fn)
			l.Call(0, 1)
			loaded[name] = l.Get(-1)
			l.Pop(1)
		}
		l.Push(loaded[name])
		return 1
	}))
	run(t, l, prelude)
	return l
}

const prelude = `
function check(what, given, known)
  local out = {}
  for name, default in pairs(known) do if default ~= false then out[name] = default end end
  for name, value in pairs(given or {}) do
    assert(known[name] ~= nil, what .. " has no option " .. tostring(name))
    out[name] = value
  end
  return out
end
`

func run(t *testing.T, l *lua.LState, code string) {
	t.Helper()
	if err := l.DoString(code); err != nil {
		t.Fatal(err)
	}
}

// eval is the value of an expression; lists are joined with blanks.
func eval(t *testing.T, l *lua.LState, expression string, args ...any) string {
	t.Helper()
	run(t, l, "result = "+fmt.Sprintf(expression, args...))
	switch v := l.GetGlobal("result").(type) {
	case *lua.LTable:
		var words []string
		v.ForEach(func(_, item lua.LValue) { words = append(words, item.String()) })
		return strings.Join(words, " ")
	default:
		return v.String()
	}
}

func expect(t *testing.T, l *lua.LState, want, expression string, args ...any) {
	t.Helper()
	if got := eval(t, l, expression, args...); got != want {
		t.Errorf("%s\n is %s\nnot %s", fmt.Sprintf(expression, args...), got, want)
	}
}

// prompts are the names of the shipped prompts.
func prompts(t *testing.T) map[string]bool {
	t.Helper()
	f, err := os.Open("prompts/en.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, _, ok := strings.Cut(s.Text(), "\t"); ok {
			names[name] = true
		}
	}
	return names
}
