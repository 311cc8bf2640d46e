package sandbox

import (
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func tableLibrary() map[string]function {
	return map[string]function{
		"concat": (*State).tableConcat, "insert": (*State).tableInsert, "remove": (*State).tableRemove,
		"sort": (*State).tableSort, "unpack": (*State).unpack,
	}
}

func (s *State) tableConcat(l *lua.LState) int {
	t, sep := s.Whole(l.CheckTable(1)), l.OptString(2, "")
	from, to := l.OptInt(3, 1), l.OptInt(4, t.Len())
	if from > to {
		l.Push(lua.LString(""))
		return 1
	}
	if to-from > t.Len() {
		s.argument("table.concat goes beyond the end of the list")
	}
	parts := make([]string, 0, to-from+1)
	size := 0
	for i := from; i <= to; i++ {
		v := t.RawGetInt(i)
		if !lua.LVCanConvToString(v) {
			s.argument("table.concat joins texts and numbers, and item " + lua.LNumber(i).String() + " is " + aOrNil(v.Type().String()))
		}
		parts = append(parts, v.String())
		size += len(parts[len(parts)-1]) + len(sep)
	}
	s.newText(size)
	l.Push(lua.LString(strings.Join(parts, sep)))
	return 1
}

func (s *State) tableInsert(l *lua.LState) int {
	t := s.changeable(l)
	n := t.Len()
	switch l.GetTop() {
	case 2:
		t.Append(l.Get(2))
	case 3:
		at := l.CheckInt(2)
		if at < 1 || at > n+1 {
			s.argument("table.insert: the list has no place " + lua.LNumber(at).String())
		}
		s.work((n - at + 1) / 8)
		if at == n+1 {
			t.Append(l.Get(3))
		} else {
			t.Insert(at, l.Get(3))
		}
	default:
		s.argument("table.insert takes a list, perhaps a place, and a value")
	}
	return 0
}

func (s *State) tableRemove(l *lua.LState) int {
	t := s.changeable(l)
	n := t.Len()
	at := l.OptInt(2, n)
	if n == 0 || at < 1 || at > n {
		l.Push(lua.LNil)
		return 1
	}
	s.work((n - at) / 8)
	l.Push(t.Remove(at))
	return 1
}

// tableSort sorts a copy, so that a comparison which meddles with the list finds it as it was.
func (s *State) tableSort(l *lua.LState) int {
	t := s.changeable(l)
	less := l.OptFunction(2, nil)
	items := make([]lua.LValue, t.Len())
	for i := range items {
		items[i] = t.RawGetInt(i + 1)
	}
	before := func(a, b lua.LValue) bool {
		s.work(1)
		if less == nil {
			return l.LessThan(a, b)
		}
		l.Push(less)
		l.Push(a)
		l.Push(b)
		l.Call(2, 1)
		yes := l.ToBool(-1)
		l.Pop(1)
		return yes
	}
	slices.SortFunc(items, func(a, b lua.LValue) int {
		switch {
		case before(a, b):
			return -1
		case before(b, a):
			return 1
		}
		return 0
	})
	for i, v := range items {
		t.RawSetInt(i+1, v)
	}
	return 0
}

func mathLibrary() map[string]function {
	one := func(fn func(float64) float64) function {
		return func(_ *State, l *lua.LState) int {
			l.Push(lua.LNumber(fn(float64(l.CheckNumber(1)))))
			return 1
		}
	}
	extreme := func(fn func(a, b float64) float64) function {
		return func(_ *State, l *lua.LState) int {
			v := float64(l.CheckNumber(1))
			for i := 2; i <= l.GetTop(); i++ {
				v = fn(v, float64(l.CheckNumber(i)))
			}
			l.Push(lua.LNumber(v))
			return 1
		}
	}
	return map[string]function{
		"abs": one(math.Abs), "ceil": one(math.Ceil), "floor": one(math.Floor), "sqrt": one(math.Sqrt),
		"exp": one(math.Exp), "log": one(math.Log),
		"max": extreme(math.Max), "min": extreme(math.Min),
		"fmod": func(_ *State, l *lua.LState) int {
			l.Push(lua.LNumber(math.Mod(float64(l.CheckNumber(1)), float64(l.CheckNumber(2)))))
			return 1
		},
		"random": (*State).random,
	}
}

// random is in [0, 1), or a whole number from 1 or from m up to n.
func (s *State) random(l *lua.LState) int {
	if l.GetTop() == 0 {
		l.Push(lua.LNumber(s.opts.Rand()))
		return 1
	}
	lo, hi := lua.LNumber(1), l.CheckNumber(1)
	if l.GetTop() > 1 {
		lo, hi = hi, l.CheckNumber(2)
	}
	if !(lo <= hi) {
		s.argument("math.random: from " + lo.String() + " to " + hi.String() + " there is nothing to choose")
	}
	l.Push(lo + lua.LNumber(math.Floor(s.opts.Rand()*float64(hi-lo+1))))
	return 1
}
