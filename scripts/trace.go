package scripts

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/api"
)

// What a call's trace says of its script: each method that it calls, with the line. A call's own methods stand there when
// they begin, for they may take long; others when they are done, with what they returned.

// traced begins to take down that the script calls f, a method of class or a function, with the arguments on the Lua stack
// from first on. What it returns is called with what came of it.
func (sc *script) traced(class, name string, f api.Func, self any, a *args, first int) func(v lua.LValue, err error) {
	if sc.phase != handling || sc.call == nil || !sc.call.Traced() {
		return nil
	}
	a.at = sc.s.Where()
	sc.hide(f, a)
	note := strings.HasPrefix(name, "log.")
	if class == "Schedule" || class == "" && !note {
		return nil // it says more itself; and of line(…), store(…) what is done with them says more
	}
	text := name
	if who := sc.whose(class, self); who != "" {
		text = strings.Replace(name, ":", "("+who+"):", 1)
	}
	if shown := sc.shownArgs(class, f, first); shown != "" {
		text += " " + shown
	}
	step := trace.Step{Kind: trace.Script, Text: text, At: a.at}
	if class == "Call" || note {
		sc.call.Step(step)
		return nil
	}
	return func(v lua.LValue, err error) {
		switch v := v.(type) {
		case lua.LBool:
			step.Text += " → " + v.String()
		case lua.LString:
			if len(f.Returns) > 0 && len(f.Returns[0].OneOf) > 0 { // one of our words; any other text may be a secret
				step.Text += " → " + string(v)
			}
		}
		if err != nil {
			step.Text += " → nil, " + err.Error()
		}
		sc.call.Step(step)
	}
}

// hide keeps secrets that are given to f out of the trace: what was read with readDigits may have been shown.
func (sc *script) hide(f api.Func, a *args) {
	for _, list := range [...][]api.Value{f.Params, f.Options} {
		for _, p := range list {
			if p.Secret {
				sc.call.Hide(arg[string](a, p.Name))
			}
		}
	}
}

// whose is the number or name of an object; "" if it has none.
func (sc *script) whose(class string, self any) string {
	if class == "" || class == "Call" {
		return ""
	}
	for _, name := range [...]string{"number", "name", "id"} {
		if get := sc.host.bound.fields[class+"."+name]; get != nil {
			if v, err := get(sc, self); err == nil {
				if s, ok := v.(lua.LString); ok {
					return string(s)
				}
			}
		}
	}
	return ""
}

// shownArgs are the arguments as they may be shown. What is kept in a store is nobody's business: a key may be a PIN.
func (sc *script) shownArgs(class string, f api.Func, first int) string {
	if class == "Store" {
		return ""
	}
	var all []string
	for i, p := range f.Params {
		v := sc.s.L.Get(first + i)
		switch {
		case v == lua.LNil:
		case p.Secret:
			all = append(all, trace.Hidden)
		default:
			all = append(all, shownValue(v)...)
		}
	}
	return strings.Join(all, ", ")
}

// maxShown is how many items of a list are shown.
const maxShown = 8

func shownValue(v lua.LValue) []string {
	switch v := v.(type) {
	case lua.LString, lua.LNumber, lua.LBool:
		return []string{v.String()}
	case *lua.LTable:
		var all []string
		for i := 1; i <= v.Len(); i++ {
			if i > maxShown {
				return append(all, "…")
			}
			if s, ok := v.RawGetInt(i).(lua.LString); ok {
				all = append(all, string(s))
			}
		}
		return all
	}
	return nil
}
