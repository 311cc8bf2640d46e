package sandbox

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// fromBase are the functions of the virtual machine's own base library that are harmless as they are.
var fromBase = [...]string{"ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "select", "tonumber", "type", "xpcall"}

func (s *State) openBase() {
	s.L.Push(s.L.NewFunction(lua.OpenBase))
	s.L.Call(0, 0)
	all := s.L.G.Global
	for _, name := range fromBase {
		s.globals.RawSetString(name, all.RawGetString(name))
	}
	for _, name := range []string{"ipairs", "next", "pairs", "rawget"} {
		wholeFirst(all.RawGetString(name).(*lua.LFunction))
	}
	caught(all.RawGetString("pcall").(*lua.LFunction), false)
	caught(all.RawGetString("xpcall").(*lua.LFunction), true)
	// The environment itself stays empty: reads fall through to the sealed globals.
	var names []lua.LValue
	all.ForEach(func(k, _ lua.LValue) { names = append(names, k) })
	for _, k := range names {
		all.RawSet(k, lua.LNil)
	}
	s.globals.RawSetString("_G", all)
	for name, fn := range map[string]function{
		"assert": (*State).assert, "error": (*State).error, "getmetatable": (*State).getMetatable, "setmetatable": (*State).setMetatable, "rawset": (*State).rawSet,
		"unpack": (*State).unpack, "print": (*State).print, "tostring": (*State).toString, nameJoin: (*State).join, nameKey: (*State).key,
	} {
		s.globals.RawSetString(name, s.L.NewFunction(bind(fn)))
	}
}

// toString is tostring.
func (s *State) toString(l *lua.LState) int {
	l.Push(lua.LString(s.text(l.CheckAny(1))))
	return 1
}

// text is a value in words. Of what has none, such as a table, it is the kind: where a thing lies in memory is another
// address each time, and nobody's business.
func (s *State) text(v lua.LValue) string {
	text := s.L.ToStringMeta(v).String()
	switch v.(type) {
	case *lua.LTable, *lua.LFunction, *lua.LUserData, *lua.LState:
		if text == v.String() {
			return v.Type().String()
		}
	}
	return text
}

// argument raises that the nth argument of a library function is wrong.
func (s *State) argument(what string) {
	s.Raise(Raised{Code: diag.CodeArgument, Message: what})
}

func (s *State) assert(l *lua.LState) int {
	if l.ToBool(1) {
		return l.GetTop()
	}
	message := "assertion failed"
	if l.GetTop() >= 2 {
		message = s.text(l.Get(2))
	}
	s.Raise(Raised{Message: message, Word: "assert"})
	return 0
}

// wholeFirst lets a function of the virtual machine's library, and the iterator that it returns, look into whole tables.
func wholeFirst(fn *lua.LFunction) {
	do := fn.GFunction
	fn.GFunction = func(l *lua.LState) int {
		Of(l).Table(l.Get(1))
		return do(l)
	}
	for _, up := range fn.Upvalues {
		wholeFirst(up.Value().(*lua.LFunction))
	}
}

func (s *State) getMetatable(l *lua.LState) int {
	v := l.CheckAny(1)
	s.Table(v)
	l.Push(l.GetMetatable(v))
	return 1
}

func (s *State) setMetatable(l *lua.LState) int {
	t := s.Whole(l.CheckTable(1))
	l.CheckTypes(2, lua.LTNil, lua.LTTable)
	s.Table(l.Get(2)) // the virtual machine will look into it
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__metatable") != lua.LNil {
		s.argument("this table's metatable is protected")
	}
	t.Metatable = l.Get(2)
	l.SetTop(1)
	return 1
}

// changeable is the table that a library function is to change: one whose metatable is protected says
// itself what may be done with it.
func (s *State) changeable(l *lua.LState) *lua.LTable {
	t := s.Whole(l.CheckTable(1))
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__metatable") != lua.LNil {
		s.argument("this table cannot be changed")
	}
	return t
}

func (s *State) rawSet(l *lua.LState) int {
	t := s.changeable(l)
	if key := l.CheckAny(2); s.checkKey(t, key) {
		l.RawSet(t, key, l.CheckAny(3))
	}
	l.SetTop(1)
	return 1
}

// maxUnpack is how many values a table may become at once.
const maxUnpack = 4096

func (s *State) unpack(l *lua.LState) int {
	t := s.Whole(l.CheckTable(1))
	from, to := l.OptNumber(2, 1), l.OptNumber(3, lua.LNumber(t.Len()))
	if !(from <= to) {
		return 0
	}
	if to-from >= maxUnpack {
		s.argument(fmt.Sprintf("unpack of more than %d values", maxUnpack))
	}
	for i := int(from); i <= int(to); i++ {
		l.Push(t.RawGetInt(i))
	}
	return int(to) - int(from) + 1
}

func (s *State) print(l *lua.LState) int {
	var parts []string
	for i := 1; i <= l.GetTop(); i++ {
		parts = append(parts, s.text(l.Get(i)))
	}
	text := strings.Join(parts, "\t")
	if s.newText(len(text)) {
		s.opts.Log.Info(text, "at", s.Where())
	}
	return 0
}

// newText accounts for text about to be made. When it may not be made the script is over:
// the error raised here is only the way out.
func (s *State) newText(n int) bool {
	if !s.Meter.Text(n) {
		s.L.RaiseError("%s", s.Meter.Cause())
	}
	return true
}

// grow adds to a text that is being made.
func (s *State) grow(b *strings.Builder, text string) {
	if b.Len()+len(text) > s.opts.Limits.Text {
		s.newText(b.Len() + len(text))
	}
	s.newText(len(text))
	b.WriteString(text)
}

// work accounts for n steps of work done in Go.
func (s *State) work(n int) {
	if !s.Meter.Charge(n) {
		s.L.RaiseError("%s", s.Meter.Cause())
	}
}

// join is a .. b .. c, from the right as in Lua.
func (s *State) join(l *lua.LState) int {
	n := l.GetTop()
	size, plain := 0, true
	for i := 1; i <= n; i++ {
		switch v := l.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 24
		default:
			plain = false
		}
	}
	if plain {
		s.newText(size)
		parts := make([]string, n)
		for i := range parts {
			parts[i] = l.Get(i + 1).String()
		}
		l.Push(lua.LString(strings.Join(parts, "")))
		return 1
	}
	right := l.Get(n)
	for i := n - 1; i >= 1; i-- {
		right = s.joinTwo(l, i, l.Get(i), right)
	}
	l.Push(right)
	return 1
}

// joinTwo joins the nth operand of a chain, counted from 1, to what stands on its right.
func (s *State) joinTwo(l *lua.LState, nth int, a, b lua.LValue) lua.LValue {
	if lua.LVCanConvToString(a) && lua.LVCanConvToString(b) {
		left, right := a.String(), b.String()
		s.newText(len(left) + len(right))
		return lua.LString(left + right)
	}
	op := l.GetMetaField(a, "__concat")
	if op == lua.LNil {
		op = l.GetMetaField(b, "__concat")
	}
	if op == lua.LNil {
		wrong := a
		if lua.LVCanConvToString(a) {
			wrong, nth = b, nth+1
		}
		hint := "tostring(…) makes a text of anything"
		if wrong == lua.LNil {
			hint = "test it first, or write (x or \"\")"
		}
		s.Raise(Raised{Code: diag.CodeArgument, Operand: nth, Message: "'..' joins texts and numbers, and one of these is " + aOrNil(wrong.Type().String()), Hint: hint})
	}
	l.Push(op)
	l.Push(a)
	l.Push(b)
	l.Call(2, 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// key checks the index of t[k] = v and returns it.
func (s *State) key(l *lua.LState) int {
	t, _ := l.Get(1).(*lua.LTable)
	key := l.Get(2)
	s.checkKey(t, key)
	l.Push(key)
	return 1
}

// maxGap is how far beyond its last item a table may be written to: everything in between is
// allocated too.
const maxGap = 1 << 17

func (s *State) checkKey(t *lua.LTable, key lua.LValue) bool {
	n, ok := key.(lua.LNumber)
	if !ok || n != lua.LNumber(math.Trunc(float64(n))) || n < 64 {
		return true
	}
	if n >= lua.LNumber(lua.MaxArrayIndex) {
		return true // the hash part takes it
	}
	last := 0
	if t != nil {
		last = s.Whole(t).MaxN()
	}
	gap := int(n) - last
	if gap <= 1 {
		return true
	}
	if gap > maxGap {
		s.Raise(Raised{Code: diag.CodeArgument, Message: fmt.Sprintf("a list of %d items cannot grow to item %d at once", last, int(n)),
			Hint: "numbers that name things are texts: t[\"" + fmt.Sprint(int(n)) + "\"]"})
	}
	s.work(gap * sizeItem / 8)
	return true
}
