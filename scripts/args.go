package scripts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// args are the checked arguments of one call from Lua: parameters and options by name, as
// Go values, defaults filled in.
type args struct {
	sc   *script
	fn   string // "call:bridge", for messages
	all  []argument
	few  [6]argument // where all begins: most calls have no more
	rest *lua.LTable // the options table as it was
	at   string      // the author's line, if the call is traced
}

// argument is one of them.
type argument struct {
	name  string
	value any
	given bool // false: it is the default
}

// value is an argument as a Go value; nil if it was not given and has no default.
func (a *args) value(name string) any {
	for i := range a.all {
		if a.all[i].name == name {
			return a.all[i].value
		}
	}
	return nil
}

// given tells whether an argument was given.
func (a *args) given(name string) bool {
	for i := range a.all {
		if a.all[i].name == name {
			return a.all[i].given
		}
	}
	return false
}

// arg is a checked argument or option; the zero value if it was not given and has no default.
func arg[T any](a *args, name string) T {
	v, _ := a.value(name).(T)
	return v
}

// wrong raises that an argument is wrong.
func (sc *script) wrong(code, word, message, hint string) {
	sc.s.Raise(sandbox.Raised{Code: code, Word: word, Message: message, Hint: hint})
}

// check reads the arguments of f from the Lua stack, from the index first on.
func (sc *script) check(fn string, f api.Func, first int) *args {
	l := sc.s.L
	a := &args{sc: sc, fn: fn}
	a.all = a.few[:0]
	n := l.GetTop() - first + 1
	most := len(f.Params)
	if f.Options != nil {
		most++
	}
	if n > most {
		sc.wrong(diag.CodeArgument, lastWord(fn), fmt.Sprintf("%s takes %s, not %d arguments", fn, takes(f), n), "")
	}
	for i, p := range f.Params {
		v := l.Get(first + i)
		if i >= n || v == lua.LNil {
			if !p.Optional {
				sc.wrong(diag.CodeArgument, lastWord(fn), fmt.Sprintf("%s needs its %s", fn, p.Name), describe(p))
			}
			a.fallback(p)
			continue
		}
		// An options table may stand where a parameter that can be left out would.
		if _, table := v.(*lua.LTable); table && p.Optional && f.Options != nil && i == n-1 && p.Type != api.Any && p.Type != api.Table {
			a.fallback(p)
			a.options(f, v)
			return a
		}
		a.set(p, v)
	}
	if f.Options == nil {
		return a
	}
	v := lua.LValue(lua.LNil)
	if n == most {
		v = l.Get(first + n - 1)
	}
	a.options(f, v)
	return a
}

// options reads the options table: every key must be known.
func (a *args) options(f api.Func, v lua.LValue) {
	t, ok := a.sc.s.Table(v)
	if !ok && v != lua.LNil {
		a.sc.wrong(diag.CodeArgument, lastWord(a.fn), fmt.Sprintf("%s takes its options as a table, not %s", a.fn, aKind(v)), lastWord(a.fn)+"(…, { … })")
	}
	if ok {
		a.rest = t
		if !f.Free {
			a.sc.unknownOption(a.fn, t, api.Names(f.Options))
		}
	}
	for _, o := range f.Options {
		item := lua.LValue(lua.LNil)
		if t != nil {
			item = t.RawGetString(o.Name)
		}
		if item != lua.LNil {
			a.set(o, item)
			continue
		}
		if o.Required {
			a.sc.wrong(diag.CodeOption, lastWord(a.fn), fmt.Sprintf("%s needs the option %s", a.fn, o.Name), describe(o))
		}
		a.fallback(o)
	}
}

// unknownOption raises for the first key of t that is not among known.
func (sc *script) unknownOption(fn string, t *lua.LTable, known []string) {
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		name, text := key.(lua.LString)
		if text && contains(known, string(name)) {
			continue
		}
		if !text {
			sc.wrong(diag.CodeOption, lastWord(fn), fmt.Sprintf("%s takes options by name, and this table is a list", fn), diag.Options("", "options", known))
		}
		if len(known) == 0 {
			sc.wrong(diag.CodeOption, string(name), fmt.Sprintf("%s takes no options", fn), "")
		}
		sc.wrong(diag.CodeOption, string(name), fmt.Sprintf("%s has no option '%s'", fn, name), diag.Options(string(name), "options", known))
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (a *args) set(p api.Value, v lua.LValue) {
	a.all = append(a.all, argument{p.Name, a.convert(p, v), true})
}

// fallback puts the documented default in.
func (a *args) fallback(p api.Value) {
	if v := defaultOf(p); v != nil {
		a.all = append(a.all, argument{p.Name, a.convert(p, v), false})
	}
}

// defaultOf is the documented default as Lua has it; nil: there is none, or it depends.
func defaultOf(p api.Value) lua.LValue {
	switch p.Default {
	case "", "now()":
		return nil
	case "true", "false":
		return lua.LBool(p.Default == "true")
	}
	if text, err := strconv.Unquote(p.Default); err == nil {
		return lua.LString(text)
	}
	if n, err := strconv.ParseFloat(p.Default, 64); err == nil {
		return lua.LNumber(n)
	}
	return nil
}

// bad raises that a value is not what is wanted.
func (a *args) bad(p api.Value, v lua.LValue, want string) {
	what := "'" + p.Name + "'"
	text := aKind(v)
	if p.Secret {
		a.sc.wrong(diag.CodeArgument, p.Name, fmt.Sprintf("%s: %s must be %s", a.fn, what, want), "")
	}
	switch v.(type) {
	case lua.LString:
		text = `"` + v.String() + `"`
	case lua.LNumber, lua.LBool:
		text = v.String()
	}
	a.sc.wrong(diag.CodeArgument, p.Name, fmt.Sprintf("%s: %s must be %s, not %s", a.fn, what, want, text), "")
}

// convert checks one value and makes it a Go one.
func (a *args) convert(p api.Value, v lua.LValue) any {
	switch p.Type {
	case api.Text, api.Music:
		s, ok := v.(lua.LString)
		if !ok {
			a.bad(p, v, wanted(p))
		}
		if len(p.OneOf) > 0 && !contains(p.OneOf, string(s)) {
			a.sc.wrong(diag.CodeArgument, string(s), fmt.Sprintf("%s: %s cannot be %q", a.fn, p.Name, string(s)), diag.Options(string(s), "one of", p.OneOf))
		}
		return string(s)
	case api.Digits:
		s, ok := v.(lua.LString)
		if n, number := v.(lua.LNumber); number && !p.Secret {
			a.sc.wrong(diag.CodeArgument, n.String(), fmt.Sprintf("%s: telephone numbers are texts, and %s is a number", a.fn, n), `write "`+n.String()+`"`)
		}
		if !ok {
			a.bad(p, v, "a telephone number")
		}
		return string(s)
	case api.Bool:
		b, ok := v.(lua.LBool)
		if !ok {
			a.bad(p, v, "true or false")
		}
		return bool(b)
	case api.Int:
		n, ok := v.(lua.LNumber)
		if !ok || n != lua.LNumber(int64(n)) {
			a.bad(p, v, "a whole number")
		}
		a.within(p, v, float64(n), "")
		return int(n)
	case api.Number:
		n, ok := v.(lua.LNumber)
		if !ok || n != n {
			a.bad(p, v, "a number")
		}
		a.within(p, v, float64(n), "")
		return float64(n)
	case api.Duration:
		d, ok := duration(v)
		if !ok {
			a.bad(p, v, `a time such as "20s", "1m30s", or a number of seconds`)
		}
		a.within(p, v, d.Seconds(), " s")
		return d
	case api.Time:
		n, ok := v.(lua.LNumber)
		if !ok || !(n > -1e11 && n < 1e11) {
			a.bad(p, v, "a time, as from now()")
		}
		return fromSeconds(float64(n))
	case api.Function:
		f, ok := v.(*lua.LFunction)
		if !ok {
			a.bad(p, v, "a function")
		}
		return f
	case api.Table:
		t, ok := a.sc.s.Table(v)
		if !ok {
			a.bad(p, v, "a table")
		}
		return t
	case api.Keys:
		return a.keys(p, v)
	case api.Texts, api.Targets:
		return a.texts(p, v)
	case api.Prompt:
		return a.prompt(p, v)
	case api.Sound:
		r, ok := recordingOf(v)
		if !ok {
			a.bad(p, v, "a recording")
		}
		return r
	case api.Diverted:
		return a.diverted(p, v)
	case api.Members:
		return a.members(p, v)
	}
	return v
}

// wanted says what a parameter takes.
func wanted(p api.Value) string {
	if len(p.OneOf) > 0 {
		return "one of " + api.Quoted(p.OneOf)
	}
	return "a text"
}

func (a *args) within(p api.Value, v lua.LValue, n float64, unit string) {
	switch {
	case p.Min == 0 && n < 0:
		a.bad(p, v, "0 or more")
	case n < p.Min:
		a.bad(p, v, fmt.Sprintf("%g%s or more", p.Min, unit))
	case p.Max != 0 && n > p.Max:
		a.bad(p, v, fmt.Sprintf("%g%s or less", p.Max, unit))
	}
}

// allKeys are the keys of a telephone.
const allKeys = "0123456789*#ABCD"

func (a *args) keys(p api.Value, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LBool:
		if v {
			return allKeys
		}
		return ""
	case lua.LString:
		if strings.Trim(string(v), allKeys) == "" {
			return string(v)
		}
	}
	a.bad(p, v, `keys such as "12#", true for any, or false for none`)
	return ""
}

// diverted reads { number =, reason = }.
func (a *args) diverted(p api.Value, v lua.LValue) *engine.Diversion {
	t, ok := a.sc.s.Table(v)
	if !ok {
		a.bad(p, v, "a table { number =, reason = }")
	}
	a.sc.unknownOption(p.Name, t, []string{"number", "reason"})
	d := &engine.Diversion{Number: a.convert(api.Value{Name: "number", Type: api.Digits}, t.RawGetString("number")).(string), Reason: "unconditional"}
	if reason := t.RawGetString("reason"); reason != lua.LNil {
		d.Reason = a.convert(api.Value{Name: "reason", Type: api.Text}, reason).(string)
	}
	return d
}

// maxItems is how long a list of targets, prompts and the like may be.
const maxItems = 500

func (a *args) texts(p api.Value, v lua.LValue) []string {
	if s, ok := v.(lua.LString); ok {
		return []string{string(s)}
	}
	t, ok := a.sc.s.Table(v)
	if !ok {
		if n, number := v.(lua.LNumber); number && p.Type == api.Targets {
			a.sc.wrong(diag.CodeArgument, n.String(), fmt.Sprintf("%s: telephone numbers are texts, and %s is a number", a.fn, n), `write "`+n.String()+`"`)
		}
		a.bad(p, v, "a text or a list of texts")
	}
	if t.Len() > maxItems {
		a.bad(p, v, fmt.Sprintf("a list of at most %d", maxItems))
	}
	list := make([]string, 0, t.Len())
	for i := 1; i <= t.Len(); i++ {
		s, ok := t.RawGetInt(i).(lua.LString)
		if !ok {
			a.bad(p, t.RawGetInt(i), "a list of texts")
		}
		list = append(list, string(s))
	}
	if len(list) == 0 && p.Type == api.Targets {
		a.sc.wrong(diag.CodeArgument, lastWord(a.fn), a.fn+": there is nobody in the list of "+p.Name, "")
	}
	return list
}

// duration reads "20s", "1m30s", "250ms", or seconds. It is never negative and at most a hundred years.
func duration(v lua.LValue) (time.Duration, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		if v >= 0 && v < 100*366*86400 {
			return time.Duration(float64(v) * float64(time.Second)), true
		}
	case lua.LString:
		if d, err := time.ParseDuration(string(v)); err == nil && d >= 0 {
			return d, true
		}
		if days, ok := strings.CutSuffix(string(v), "d"); ok {
			if n, err := strconv.ParseUint(days, 10, 16); err == nil {
				return time.Duration(n) * 24 * time.Hour, true
			}
		}
	}
	return 0, false
}

func fromSeconds(n float64) time.Time {
	return time.UnixMicro(int64(n * 1e6))
}

func seconds(t time.Time) lua.LNumber {
	return lua.LNumber(float64(t.UnixMicro()) / 1e6)
}

// aKind is what a value is, with its article.
func aKind(v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LNilType:
		return "nil"
	case *lua.LUserData:
		if o, ok := v.Value.(*object); ok {
			return "a " + strings.ToLower(o.class)
		}
		return "an object"
	}
	return "a " + v.Type().String()
}

func takes(f api.Func) string {
	names := api.Names(f.Params)
	if f.Options != nil {
		names = append(names, "{ options }")
	}
	if len(names) == 0 {
		return "nothing"
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func describe(p api.Value) string {
	if len(p.OneOf) > 0 {
		return "one of " + api.Quoted(p.OneOf)
	}
	return p.Doc
}

// lastWord is the method of "call:bridge".
func lastWord(fn string) string {
	if i := strings.LastIndexAny(fn, ":."); i >= 0 {
		return fn[i+1:]
	}
	return fn
}
