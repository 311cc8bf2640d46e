package scripts

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Binding does what a function or method of the API says, for packages that give scripts more than this one does. self is
// the value of the object. What it returns is nil, a text, a number, a bool, an Object, or the Args' Self; for a list,
// a slice of texts. A *Mistake is raised at the author's line; any other error ends the script, and nothing in Lua can catch it.
type Binding func(a Args, self any) (any, error)

// Object is an object of a class of the API.
type Object struct {
	Class string
	Value any
}

// Mistake is the author's: a value that cannot be meant.
type Mistake struct {
	Word    string // what to underline
	Message string
	Hint    string
}

func (m *Mistake) Error() string { return m.Message }

// Args are the checked arguments and options of one call from Lua.
type Args struct{ a *args }

// Name is what is called, "t:call".
func (a Args) Name() string { return a.a.fn }

// Given tells whether an argument or option was given.
func (a Args) Given(name string) bool { return a.a.given(name) }

// Text is a text or telephone number; "" if it was not given.
func (a Args) Text(name string) string { return arg[string](a.a, name) }

// Bool is true or false.
func (a Args) Bool(name string) bool { return arg[bool](a.a, name) }

// Int is a whole number.
func (a Args) Int(name string) int { return arg[int](a.a, name) }

// Duration is a length of time.
func (a Args) Duration(name string) time.Duration { return arg[time.Duration](a.a, name) }

// Texts is a list of texts.
func (a Args) Texts(name string) []string { return arg[[]string](a.a, name) }

// Maybe is an option that is a text, or false: "".
func (a Args) Maybe(name string) (text string, err error) {
	switch v := a.a.value(name).(type) {
	case lua.LString:
		return string(v), nil
	case lua.LBool:
		if !v {
			return "", nil
		}
	}
	return "", &Mistake{Word: name, Message: a.a.fn + ": '" + name + "' must be a text, or false"}
}

// Diversion is who diverted a call, and why.
func (a Args) Diversion(name string) (number, reason string) {
	if d := arg[*engine.Diversion](a.a, name); d != nil {
		return d.Number, d.Reason
	}
	return "", ""
}

// Prompts are the names of the prompts of an argument, those that speak numbers and times as the standard library speaks
// them. One that does not exist is raised as an error.
func (a Args) Prompts(name string) []string {
	var names []string
	for _, p := range a.a.prompts(name) {
		if p.Recording != nil {
			names = append(names, "recording")
		} else {
			names = append(names, p.Name)
		}
	}
	return names
}

// Written is an argument or option as an author would write it.
func (a Args) Written(name string) string {
	switch v := a.a.value(name).(type) {
	case string:
		return strconv.Quote(v)
	case time.Duration:
		return strconv.Quote(v.String())
	case lua.LString:
		return strconv.Quote(string(v))
	default:
		return fmt.Sprint(v)
	}
}

// Self is the object whose method was called, to be returned.
func (a Args) Self() any { return a.a.sc.s.L.Get(1) }

// Where is the author's line that is running, and what to underline in it.
func (a Args) Where() diag.Problem {
	p := a.a.sc.place()
	p.Width = len(lastWord(a.a.fn))
	return p
}

// place is the author's code that is running.
func (sc *script) place() diag.Problem {
	at := sc.s.Place()
	return diag.Problem{File: at.File, Line: at.Line, Col: at.Col, Source: sc.gen.text(at.File)}
}

func (b Binding) binding() binding {
	return func(sc *script, self any, a *args) (v lua.LValue, err error) {
		var result any
		sc.s.Meter.Wait(sc.host.clock.Now, func() { result, err = b(Args{a}, self) })
		var m *Mistake
		if errors.As(err, &m) {
			return nil, &raisedError{code: diag.CodeArgument, word: m.Word, message: m.Message, hint: m.Hint}
		}
		if err != nil {
			sc.stop(err)
		}
		switch r := result.(type) {
		case nil:
			return nil, nil
		case Object:
			return sc.object(r.Class, r.Value), nil
		case string:
			return lua.LString(r), nil
		case bool:
			return lua.LBool(r), nil
		case float64:
			return lua.LNumber(r), nil
		case []string:
			return sc.textList(r), nil
		case lua.LValue:
			return r, nil
		}
		return nil, nil
	}
}
