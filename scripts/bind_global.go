package scripts

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// openGlobals gives the state what scripts can call.
func (sc *script) openGlobals() {
	l := sc.s.L
	for _, f := range sc.host.api.Funcs {
		switch f.Name {
		case "require":
			sc.s.SetGlobal(f.Name, l.NewFunction(require))
		case "extension":
			sc.s.SetGlobal(f.Name, l.NewFunction(extension))
		default:
			sc.s.SetGlobal(f.Name, l.NewFunction(sc.host.function(f.Name, f)))
		}
	}
	for _, m := range sc.host.api.Modules {
		t := l.CreateTable(0, 1)
		for _, f := range m.Funcs {
			t.RawSetString(f.Name, l.NewFunction(sc.host.function(m.Name+"."+f.Name, f)))
		}
		sc.s.SetGlobal(m.Name, sc.s.ReadOnly(m.Name, t))
	}
}

func announceValue() api.Value { return api.Value{Name: "announce", Type: api.Prompt} }

func globalBindings() map[string]binding {
	return map[string]binding{
		"now":  func(sc *script, _ any, _ *args) (lua.LValue, error) { return seconds(sc.host.clock.Now()), nil },
		"date": dateBinding,
		"test": testBinding,
		"schedule": func(sc *script, _ any, a *args) (lua.LValue, error) {
			var rules []string
			if a.rest != nil {
				sc.unknownScheduleOption(a)
				for i := 1; i <= a.rest.Len(); i++ {
					rules = append(rules, a.rest.RawGetInt(i).String())
				}
			}
			s, err := parseSchedule(rules, arg[string](a, "zone"), arg[[]string](a, "closedOn"))
			if err != nil {
				return nil, &raisedError{code: diag.CodeArgument, word: "schedule", message: err.Error()}
			}
			return sc.object("Schedule", s), nil
		},
		"Schedule:isOpen": func(sc *script, self any, a *args) (lua.LValue, error) {
			t := sc.host.clock.Now()
			if a.given("time") {
				t = arg[time.Time](a, "time")
			}
			s := self.(*schedule)
			open := s.isOpen(t)
			if sc.call != nil && sc.call.Traced() {
				sc.call.Step(s.step(open, sc.s.Where()))
			}
			return lua.LBool(open), nil
		},
		"check":     checkBinding,
		"choose":    choose,
		"log.info":  logBinding(slog.LevelInfo),
		"log.warn":  logBinding(slog.LevelWarn),
		"log.error": logBinding(slog.LevelError),
	}
}

// extension registers a handler.
func extension(l *lua.LState) int {
	sc := owner(l)
	if sc.phase != loading {
		sc.wrong(diag.CodeAtLoad, "extension", "extension can only be used while the dialplan is loaded", "register all extensions in main.lua or its modules")
	}
	fn, ok := l.Get(l.GetTop()).(*lua.LFunction)
	if !ok || l.GetTop() < 2 {
		sc.wrong(diag.CodeArgument, "extension", "extension needs a handler", `extension("600", function(call) … end)`)
	}
	l.SetTop(l.GetTop() - 1)
	f, _ := sc.host.api.Func("extension")
	a := sc.check("extension", f, 1)
	at := sc.s.Place()
	r := route{handler: fn, col: at.Col, Route: engine.Route{
		Pattern: arg[string](a, "pattern"), From: arg[[]string](a, "from"), Needs: arg[string](a, "needs"),
		Name: arg[string](a, "name"), Emergency: arg[bool](a, "emergency"), Where: at.String(),
	}}
	r.Refused = a.prompts("refused")
	if message := checkFrom(r.From); message != "" {
		sc.wrong(diag.CodeOption, "from", "extension: "+message, "")
	}
	sc.routes = append(sc.routes, r)
	return 0
}

func (sc *script) unknownScheduleOption(a *args) {
	known := []string{"zone", "closedOn"}
	for key, _ := a.rest.Next(lua.LNil); key != lua.LNil; key, _ = a.rest.Next(key) {
		if name, ok := key.(lua.LString); ok && !contains(known, string(name)) {
			sc.wrong(diag.CodeOption, string(name), fmt.Sprintf("schedule has no option '%s'", name), diag.Options(string(name), "options", known))
		}
	}
}

func dateBinding(sc *script, _ any, a *args) (lua.LValue, error) {
	t := sc.host.clock.Now()
	if a.given("time") {
		t = arg[time.Time](a, "time")
	}
	zone, err := location(arg[string](a, "zone"))
	if err != nil {
		return nil, &raisedError{code: diag.CodeArgument, word: "zone", message: err.Error()}
	}
	t = t.In(zone)
	n := func(v int) lua.LValue { return lua.LNumber(v) }
	return sc.record("Date", map[string]lua.LValue{"year": n(t.Year()), "month": n(int(t.Month())), "day": n(t.Day()), "hour": n(t.Hour()),
		"minute": n(t.Minute()), "second": n(t.Second()), "weekday": lua.LString(weekdays()[t.Weekday()]), "yearday": n(t.YearDay())}), nil
}

// choose is choose(name, choices, digits): exactly those digits, or else the most specific pattern that they fit.
func choose(sc *script, _ any, a *args) (lua.LValue, error) {
	choices, digits := arg[*lua.LTable](a, "choices"), arg[string](a, "digits")
	var names []string
	for key, _ := choices.Next(lua.LNil); key != lua.LNil; key, _ = choices.Next(key) {
		name, ok := key.(lua.LString)
		if !ok {
			return nil, &raisedError{diag.CodeArgument, "choose", fmt.Sprintf("choose: the keys of choices are texts, and %s is not", key), `write ["1"] = …`}
		}
		names = append(names, string(name))
	}
	chosen := ""
	if contains(names, digits) {
		chosen = digits
	} else {
		chosen = fitting(names, digits)
	}
	if sc.host.witness != nil {
		sc.host.witness.Chose(arg[string](a, "name"), names, chosen)
	}
	if chosen == "" {
		return nil, nil
	}
	return choices.RawGetString(chosen), nil
}

// fitting is the most specific of the patterns that digits fit; "" if there is none.
func fitting(patterns []string, digits string) string {
	best, found := pattern.Pattern{}, ""
	for _, text := range patterns {
		p, err := pattern.Parse(text)
		if err != nil || strings.Trim(text, "0123456789*#+") == "" {
			continue
		}
		if _, fits := p.Match(digits); fits && (found == "" || pattern.Compare(p, best) < 0) {
			best, found = p, text
		}
	}
	return found
}

// checkBinding is check(what, given, known): strict options for modules written in Lua.
func checkBinding(sc *script, _ any, a *args) (lua.LValue, error) {
	what, known := arg[string](a, "what"), arg[*lua.LTable](a, "known")
	var names []string
	out := sc.s.L.CreateTable(0, 1)
	for key, def := known.Next(lua.LNil); key != lua.LNil; key, def = known.Next(key) {
		names = append(names, key.String())
		if def != lua.LFalse {
			out.RawSet(key, def)
		}
	}
	given, _ := a.value("given").(lua.LValue)
	if given == nil {
		return out, nil
	}
	t, ok := sc.s.Table(given)
	if !ok {
		return nil, &raisedError{code: diag.CodeArgument, word: what, message: fmt.Sprintf("%s takes its options as a table, not %s", what, aKind(given))}
	}
	sc.unknownOption(what, t, names)
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		out.RawSet(key, v)
	}
	return out, nil
}

// maxLog is how long one line of a script's log may be.
const maxLog = 2000

func logBinding(level slog.Level) binding {
	return func(sc *script, _ any, a *args) (lua.LValue, error) {
		clip := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxLog)], "") }
		v, _ := a.value("text").(lua.LValue)
		attrs := []slog.Attr{slog.String("at", sc.s.Where())}
		if a.rest != nil {
			for key, v := a.rest.Next(lua.LNil); key != lua.LNil && len(attrs) < 20; key, v = a.rest.Next(key) {
				attrs = append(attrs, slog.String(clip(key.String()), clip(sc.s.L.ToStringMeta(v).String())))
			}
		}
		sc.log.LogAttrs(sc.ctx, level, clip(sc.s.L.ToStringMeta(v).String()), attrs...)
		return nil, nil
	}
}
