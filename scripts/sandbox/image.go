package sandbox

import (
	"context"

	lua "github.com/yuin/gopher-lua"
)

// Image is what a script left behind: functions, tables, and whatever they hold. Forks begin with it. It is never
// changed: what a fork could change of it is copied for that fork when it is used (copies.go), the rest is shared by all.
type Image struct {
	state *State
	// What has to be copied: tables, variables that are assigned or hold such, and the functions that have such variables.
	tables    map[*lua.LTable]*original
	functions map[*lua.LFunction]struct{}
	variables map[*lua.Upvalue]struct{}
	// Copies that are still empty are known by their metatables.
	standIns map[*lua.LTable]*original
}

// original is a table that has to be copied.
type original struct {
	table *lua.LTable
	// standIn is the metatable of copies that are still empty: it lets them be read and written as if they were whole.
	// Nil for tables that are copied whole at once: those with metatables, metatables, and those with tables for keys.
	standIn *lua.LTable
}

// Freeze ends the running of scripts in a state: from now on it can only be forked. Forks may ask for the roots, and
// for what these lead to. It leaves out what is shared by nature: globals, libraries, what is given as shared, and user
// data, which has to be immutable.
func (s *State) Freeze(roots, shared []lua.LValue) *Image {
	nodes := reachable(s.L, roots, shared)
	img := &Image{state: s, tables: map[*lua.LTable]*original{}, functions: map[*lua.LFunction]struct{}{},
		variables: map[*lua.Upvalue]struct{}{}, standIns: map[*lua.LTable]*original{}}
	img.divide(nodes)
	whole := map[*lua.LTable]bool{}
	for t := range img.tables {
		if mt, ok := t.Metatable.(*lua.LTable); ok {
			whole[t], whole[mt] = true, true
		}
	}
	l := s.L
	write, length := l.NewFunction(writeStandIn), l.NewFunction(lengthOfStandIn)
	for t, o := range img.tables {
		if whole[t] || img.keysCopied(t) {
			continue
		}
		o.standIn = l.CreateTable(0, 3)
		o.standIn.RawSetString("__index", img.reader(o))
		o.standIn.RawSetString("__newindex", write)
		o.standIn.RawSetString("__len", length)
		img.standIns[o.standIn] = o
	}
	l.RemoveContext() // NewThread would make another one beneath it
	l.SetTop(0)
	s.Meter, s.Roots, s.Owner, s.last = nil, nil, nil, nil
	return img
}

// Fork makes a state under ctx that shares what the image has: its globals and libraries, which scripts cannot change.
// It has stacks and a budget of its own. Any number of goroutines may fork an image at once. Of the options, Log, Now
// and Rand may be others than those of the state that the image was made of.
func (img *Image) Fork(ctx context.Context, o Options) *State {
	s := img.state
	l, _ := s.L.NewThread()
	f := &State{L: l, opts: s.opts, globals: s.globals, copies: &copies{of: img}}
	if o.Log != nil {
		f.opts.Log = o.Log
	}
	if o.Now != nil {
		f.opts.Now = o.Now
	}
	if o.Rand != nil {
		f.opts.Rand = o.Rand
	}
	f.SetContext(ctx)
	return f
}

// copied tells whether each fork has a copy of v of its own.
func (img *Image) copied(v lua.LValue) bool {
	switch v := v.(type) {
	case *lua.LTable:
		return img.tables[v] != nil
	case *lua.LFunction:
		_, ok := img.functions[v]
		return ok
	}
	return false
}

func (img *Image) keysCopied(t *lua.LTable) bool {
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if img.copied(k) {
			return true
		}
	}
	return false
}

// divide finds out what has to be copied. Tables always; a variable if some function assigns it, or if it holds what has
// to be copied; a function if one of its variables has to be.
func (img *Image) divide(nodes []any) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *lua.LTable:
			img.tables[n] = &original{table: n}
		case *lua.LFunction:
			for i, assigned := range assigns(n) {
				if assigned {
					img.variables[n.Upvalues[i]] = struct{}{}
				}
			}
		}
	}
	for before := -1; before != len(img.functions)+len(img.variables); {
		before = len(img.functions) + len(img.variables)
		for i := len(nodes) - 1; i >= 0; i-- {
			switch n := nodes[i].(type) {
			case *lua.Upvalue:
				if img.copied(n.Value()) {
					img.variables[n] = struct{}{}
				}
			case *lua.LFunction:
				for _, up := range n.Upvalues {
					if _, ok := img.variables[up]; ok {
						img.functions[n] = struct{}{}
					}
				}
			}
		}
	}
}

// assigns tells which of its variables a function, or one made in it, may assign.
func assigns(fn *lua.LFunction) []bool {
	if fn.IsG {
		all := make([]bool, len(fn.Upvalues))
		for i := range all {
			all[i] = true // such as how far an iterator has come
		}
		return all
	}
	return assignedIn(fn.Proto)
}

// assignedIn reads it from the code. A function is made by CLOSURE (bits 0 to 17 say which), after which an instruction for
// each of its variables says what that is: with GETUPVAL (bits 0 to 8) one of the function that makes it.
func assignedIn(p *lua.FunctionProto) []bool {
	set := make([]bool, p.NumUpvalues)
	for pc := 0; pc < len(p.Code); pc++ {
		switch inst := p.Code[pc]; int(inst >> 26) {
		case lua.OP_SETUPVAL:
			set[inst&0x1ff] = true
		case lua.OP_CLOSURE:
			for _, assigned := range assignedIn(p.FunctionPrototypes[inst&0x3ffff]) {
				pc++
				if from := p.Code[pc]; assigned && int(from>>26) == lua.OP_GETUPVAL {
					set[from&0x1ff] = true
				}
			}
		}
	}
	return set
}

// reachable is what can be got at from roots, except by what is shared: tables, functions, and their variables.
func reachable(l *lua.LState, roots, shared []lua.LValue) []any {
	g := &graph{seen: map[any]struct{}{}}
	g.add(l.G.Global)
	g.add(l.GetMetatable(lua.LString("")))
	for _, v := range shared {
		g.add(v)
	}
	g.walk()
	g.nodes = nil
	for _, v := range roots {
		g.add(v)
	}
	g.walk()
	return g.nodes
}

// graph is what has been seen so far, in the order in which it was.
type graph struct {
	nodes []any
	seen  map[any]struct{}
}

func (g *graph) add(v any) {
	switch v.(type) {
	case *lua.LTable, *lua.LFunction, *lua.Upvalue:
		if _, ok := g.seen[v]; !ok {
			g.seen[v] = struct{}{}
			g.nodes = append(g.nodes, v)
		}
	}
}

func (g *graph) walk() {
	for i := 0; i < len(g.nodes); i++ {
		switch n := g.nodes[i].(type) {
		case *lua.LTable:
			g.add(n.Metatable)
			n.ForEach(func(k, v lua.LValue) {
				g.add(k)
				g.add(v)
			})
		case *lua.LFunction:
			for _, up := range n.Upvalues {
				g.add(up)
			}
		case *lua.Upvalue:
			if n.Close(); n.Value() == nil {
				n.SetValue(lua.LNil) // an error left it open, and what it was open to is gone
			}
			g.add(n.Value())
		}
	}
}
