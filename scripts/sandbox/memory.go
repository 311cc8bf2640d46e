package sandbox

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// The sizes, roughly, of what the virtual machine allocates, in bytes.
const (
	sizeTable    = 96
	sizeItem     = 16      // of the array part
	leastItems   = 32      // what the array part starts with
	sizeHash     = 1 << 10 // what the hash part starts with
	sizeField    = 120     // of the hash part: value, key, its index and its place
	sizeFunction = 80
	sizeUpvalue  = 48
	sizeUserData = 64
)

// reach adds up what a state holds: everything that can be got at from its globals, its
// stack and the given roots. It stops when the sum exceeds limit.
func reach(s *State, roots []lua.LValue, limit int) int {
	l, w := s.L, walk{state: s, limit: limit, seen: map[any]struct{}{}}
	w.add(l.G.Global)
	w.add(l.G.Registry)
	for _, v := range roots {
		w.add(v)
	}
	for level := 0; ; level++ {
		dbg, ok := l.GetStack(level)
		if !ok {
			break
		}
		if fn, err := l.GetInfo("f", dbg, lua.LNil); err == nil {
			w.add(fn)
		}
		for no := 1; w.sum <= limit; no++ {
			name, v := l.GetLocal(dbg, no)
			if name == "" {
				break
			}
			w.add(v)
		}
	}
	for len(w.todo) > 0 && w.sum <= limit {
		v := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		w.open(v)
	}
	return w.sum
}

type walk struct {
	state      *State
	sum, limit int
	seen       map[any]struct{}
	todo       []lua.LValue
}

// add counts a value once and remembers it if it holds others.
func (w *walk) add(v lua.LValue) {
	var id any
	var size int
	holds := true
	switch v := v.(type) {
	case lua.LString:
		if len(v) < 64 { // not worth a look whether it was seen
			w.sum += len(v)
			return
		}
		id, size, holds = unsafe.StringData(string(v)), len(v), false
	case *lua.LTable:
		id, size = v, sizeTable
	case *lua.LFunction:
		id, size = v, sizeFunction
	case *lua.LUserData:
		id, size = v, sizeUserData
	default:
		return
	}
	if _, ok := w.seen[id]; ok {
		return
	}
	w.seen[id] = struct{}{}
	w.sum += size
	if holds {
		w.todo = append(w.todo, v)
	}
}

// open adds what a table, function or user data holds.
func (w *walk) open(v lua.LValue) {
	switch v := v.(type) {
	case *lua.LTable:
		if n := v.MaxN(); n > 0 {
			w.sum += max(n, leastItems) * sizeItem
		}
		if w.state.standsFor(v) != nil {
			return // it is empty, and the image is not the script's
		}
		w.add(v.Metatable)
		hash := false
		v.ForEach(func(k, item lua.LValue) {
			if w.sum > w.limit {
				return
			}
			if _, array := k.(lua.LNumber); !array {
				if w.sum += sizeField; !hash {
					hash = true
					w.sum += sizeHash
				}
			}
			w.add(k)
			w.add(item)
		})
	case *lua.LFunction:
		for _, up := range v.Upvalues {
			w.sum += sizeUpvalue
			if up != nil {
				w.add(up.Value())
			}
		}
	case *lua.LUserData:
		w.add(v.Metatable)
	}
}
