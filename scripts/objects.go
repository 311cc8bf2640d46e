package scripts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// object is what a user data of a class holds.
type object struct {
	class string
	value any
}

// binding does what one function or method of the API says. An error ends the handler if the
// call is over, becomes nil, err where the API says so, and is raised at the author's line otherwise.
type binding func(sc *script, self any, a *args) (lua.LValue, error)

// field reads one field of an object.
type field func(sc *script, self any) (lua.LValue, error)

// bound is what the API's names do.
type bound struct {
	funcs  map[string]binding // "list", "log.info", "Call:bridge"
	fields map[string]field   // "Call.from"
}

// bindings connects the API's names with what they do.
func bindings(more map[string]Binding) *bound {
	b := &bound{funcs: map[string]binding{}, fields: map[string]field{}}
	for _, set := range []map[string]binding{callBindings(), globalBindings(), peopleBindings(), mailboxBindings(), keepBindings(), roomBindings()} {
		for name, fn := range set {
			b.funcs[name] = fn
		}
	}
	for name, fn := range more {
		b.funcs[name] = fn.binding()
	}
	for _, set := range []map[string]field{callFields(), peopleFields(), mailboxFields(), keepFields(), roomFields()} {
		for name, fn := range set {
			b.fields[name] = fn
		}
	}
	return b
}

// object makes a Lua object of a class of the API.
func (sc *script) object(class string, value any) *lua.LUserData {
	ud := sc.s.L.NewUserData()
	ud.Value = &object{class, value}
	ud.Metatable = sc.gen.classes[class]
	return ud
}

// openClasses makes the metatables of objects and records. Scripts can neither see nor change them.
func (h *Host) openClasses(l *lua.LState) map[string]*lua.LTable {
	all := map[string]*lua.LTable{}
	for _, c := range h.api.Classes {
		if h.bound.has(c) {
			all[c.Name] = h.objectClass(l, c)
		} else {
			all[c.Name] = recordClass(l, c)
		}
	}
	return all
}

// has tells whether anything does what the methods and fields of a class are for; otherwise it is a plain table.
func (b *bound) has(c api.Class) bool {
	return slices.ContainsFunc(c.Methods, func(f api.Func) bool { return b.funcs[c.Name+":"+f.Name] != nil }) ||
		slices.ContainsFunc(c.Fields, func(f api.Value) bool { return b.fields[c.Name+"."+f.Name] != nil })
}

// objectClass is the metatable of a class of objects.
func (h *Host) objectClass(l *lua.LState, c api.Class) *lua.LTable {
	methods := map[string]*lua.LFunction{}
	for _, f := range c.Methods {
		methods[f.Name] = l.NewFunction(h.method(c, f))
	}
	mt := l.CreateTable(0, 1)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		ud, key := l.CheckUserData(1), l.Get(2).String()
		if fn := methods[key]; fn != nil {
			l.Push(fn)
			return 1
		}
		l.Push(owner(l).readField(c, ud, key))
		return 1
	}))
	mt.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		owner(l).wrong(diag.CodeArgument, l.Get(2).String(), fmt.Sprintf("a %s's '%s' cannot be assigned", c.Word(), l.Get(2)), "")
		return 0
	}))
	mt.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
		shown := c.Word()
		if o, ok := l.CheckUserData(1).Value.(*object); ok {
			if err, ok := o.value.(error); ok {
				shown = err.Error()
			}
		}
		l.Push(lua.LString(shown))
		return 1
	}))
	return mt
}

func (sc *script) readField(c api.Class, ud *lua.LUserData, key string) lua.LValue {
	o, _ := ud.Value.(*object)
	get := sc.host.bound.fields[c.Name+"."+key]
	if get == nil || o == nil {
		sc.wrong(diag.CodeMethod, key, fmt.Sprintf("a %s has no '%s'", c.Word(), key), diag.DidYouMean(key, c.Members()))
	}
	v, err := get(sc, o.value)
	if err != nil {
		return sc.failed(c.Word()+"."+key, api.Func{Name: key}, err)
	}
	if v == nil {
		return lua.LNil
	}
	return v
}

// method is the Lua function of one method.
func (h *Host) method(c api.Class, f api.Func) lua.LGFunction {
	name := c.Word() + ":" + f.Name
	do := h.bound.funcs[c.Name+":"+f.Name]
	return func(l *lua.LState) int {
		sc := owner(l)
		ud, _ := l.Get(1).(*lua.LUserData)
		var o *object
		if ud != nil {
			o, _ = ud.Value.(*object)
		}
		if o == nil || o.class != c.Name {
			sc.wrong(diag.CodeMethod, f.Name, fmt.Sprintf("%s is called with a colon", f.Name), "write "+name+"(…)")
		}
		return sc.perform(c.Name, name, f, do, o.value, 2)
	}
}

// function is the Lua function of one global.
func (h *Host) function(name string, f api.Func) lua.LGFunction {
	do := h.bound.funcs[name]
	return func(l *lua.LState) int { return owner(l).perform("", name, f, do, nil, 1) }
}

// perform checks the phase and the arguments, does what is to be done, and turns its outcome into Lua's.
func (sc *script) perform(class, name string, f api.Func, do binding, self any, first int) int {
	l := sc.s.L
	if sc.phase == loading && !f.AtLoad {
		sc.wrong(diag.CodeAtLoad, f.Name, name+" can only be used while handling a call", "put it into a function that an extension runs")
	}
	if sc.phase == over && strings.HasPrefix(name, "call:") {
		sc.wrong(diag.CodeAtLoad, f.Name, name+" cannot be used any more: the call is over", "")
	}
	a := sc.check(name, f, first)
	done := sc.traced(class, name, f, self, a, first)
	v, err := do(sc, self, a)
	if done != nil {
		done(v, err)
	}
	if err != nil {
		failed := sc.failed(name, f, err)
		l.Push(lua.LNil)
		l.Push(failed)
		return 2
	}
	if f.Ends {
		sc.stop(engine.ErrEnded)
	}
	if v == nil {
		if len(f.Returns) == 0 {
			return 0
		}
		v = lua.LNil
	}
	l.Push(v)
	return 1
}

// failed makes an error what the API says it is: the end of the handler, an error value, or a raised one.
func (sc *script) failed(name string, f api.Func, err error) lua.LValue {
	if ended(err) || sc.s.Meter.Cause() != nil {
		sc.stop(err)
	}
	if f.Fails {
		return sc.errorValue(err)
	}
	var r *raisedError
	if errors.As(err, &r) {
		sc.wrong(r.code, r.word, r.message, r.hint)
	}
	sc.wrong(diag.CodeRun, lastWord(name), name+": "+err.Error(), "")
	return lua.LNil
}

// raisedError is the author's mistake, found by a binding.
type raisedError struct{ code, word, message, hint string }

func (e *raisedError) Error() string { return e.message }

// errorValue is the second of nil, err.
func (sc *script) errorValue(err error) lua.LValue {
	return sc.object("Error", err)
}

// coded is an error with its stable code.
type coded struct {
	err  error
	code string
}

func errorCodes() []coded {
	return []coded{
		{directory.ErrNoLine, "notFound"}, {mailbox.ErrNoMailbox, "notFound"}, {store.ErrNotFound, "notFound"}, {errNoGroup, "notFound"},
		{directory.ErrExists, "exists"}, {directory.ErrListFull, "full"}, {mailbox.ErrFull, "full"}, {mailbox.ErrNoSpace, "full"},
		{mailbox.ErrNoMessage, "notFound"}, {mailbox.ErrBadPIN, "invalid"}, {mailbox.ErrTooLong, "invalid"},
		{mailbox.ErrTrivialPIN, "invalid"}, {mailbox.ErrTooShort, "tooShort"}, {store.ErrConflict, "conflict"}, {errTooLarge, "invalid"},
	}
}

func codeOf(err error) string {
	for _, c := range errorCodes() {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	var f *directory.FieldError
	if errors.As(err, &f) {
		return "invalid"
	}
	return "failed"
}

// record is a table of plain fields whose reader may not misspell them.
func (sc *script) record(class string, fields map[string]lua.LValue) *lua.LTable {
	l := sc.s.L
	t := l.CreateTable(0, len(fields))
	for name, v := range fields {
		if v != nil {
			t.RawSetString(name, v)
		}
	}
	t.Metatable = sc.gen.classes[class]
	return t
}

// recordClass is the metatable of a class of records.
func recordClass(l *lua.LState, c api.Class) *lua.LTable {
	known := api.Names(c.Fields)
	mt := l.CreateTable(0, 2)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		key, ok := l.Get(2).(lua.LString)
		if ok && slices.Contains(known, string(key)) {
			return 0 // it is nil
		}
		owner(l).wrong(diag.CodeMethod, l.Get(2).String(), fmt.Sprintf("this has no '%s'", l.Get(2)), diag.Options(l.Get(2).String(), "fields", known))
		return 0
	}))
	return mt
}

// text is a Lua text, or nil for "".
func text(s string) lua.LValue {
	if s == "" {
		return nil
	}
	return lua.LString(s)
}

// textList is a Lua list of texts.
func (sc *script) textList(list []string) lua.LValue {
	t := sc.s.L.CreateTable(len(list), 0)
	for _, s := range list {
		t.Append(lua.LString(s))
	}
	return t
}
