package scripts

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// image is what main.lua left behind: handlers, modules, and whatever they hold. A call's state begins with it. It is
// never changed: what a call could change of it is copied for that call, the rest is shared by all.
type image struct {
	state   *sandbox.State
	modules map[string]lua.LValue
	// What has to be copied, numbered: tables, variables, and the functions that have variables.
	tables    map[*lua.LTable]int32
	functions map[*lua.LFunction]int32
	variables map[*lua.Upvalue]int32
}

// newImage takes over the state of a script that has run main.lua.
func newImage(sc *script) *image {
	img := &image{state: sc.s, modules: sc.modules, tables: map[*lua.LTable]int32{}, functions: map[*lua.LFunction]int32{},
		variables: map[*lua.Upvalue]int32{}}
	for _, n := range reachable(sc) {
		switch n := n.(type) {
		case *lua.LTable:
			img.tables[n] = int32(len(img.tables))
		case *lua.LFunction:
			if len(n.Upvalues) > 0 {
				img.functions[n] = int32(len(img.functions))
			}
		case *lua.Upvalue:
			img.variables[n] = int32(len(img.variables))
		}
	}
	sc.s.Freeze()
	return img
}

// reachable is what can be got at from handlers and modules: tables, functions, and their variables. It leaves out what
// is shared by nature: globals, libraries, the metatables of objects, and the objects themselves, which are immutable.
func reachable(sc *script) []any {
	g := &graph{seen: map[any]struct{}{}}
	l := sc.s.L
	g.add(l.G.Global)
	g.add(l.GetMetatable(lua.LString("")))
	for _, mt := range sc.gen.classes {
		g.add(mt)
	}
	g.walk()
	g.nodes = nil
	for _, r := range sc.routes {
		g.add(r.handler)
	}
	for _, m := range sc.modules {
		g.add(m)
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

// copies are one call's copies of what it could change of an image. What holds the same thing in the image holds the
// same copy here. They are made as far as they can be reached from what the call has asked for.
type copies struct {
	of        *image
	tables    []*lua.LTable // by the numbers of the originals
	functions []*lua.LFunction
	variables []*lua.Upvalue
	todo      []any // originals whose copies are still empty
}

func (img *image) copies() *copies { return &copies{of: img} }

// value is what stands for a value of the image in this call: itself, or its copy.
func (c *copies) value(v lua.LValue) lua.LValue {
	if c.tables == nil {
		c.tables = make([]*lua.LTable, len(c.of.tables))
		c.functions = make([]*lua.LFunction, len(c.of.functions))
		c.variables = make([]*lua.Upvalue, len(c.of.variables))
	}
	v = c.shell(v)
	for len(c.todo) > 0 {
		n := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		c.fill(n)
	}
	c.todo = nil
	return v
}

// shell is a value's copy, which may still have to be filled.
func (c *copies) shell(v lua.LValue) lua.LValue {
	switch v := v.(type) {
	case *lua.LTable:
		if i, ok := c.of.tables[v]; ok {
			return c.table(v, i)
		}
	case *lua.LFunction:
		if i, ok := c.of.functions[v]; ok {
			return c.function(v, i)
		}
	}
	return v
}

func (c *copies) table(t *lua.LTable, i int32) *lua.LTable {
	made := c.tables[i]
	if made == nil {
		made = c.of.state.L.CreateTable(t.MaxN(), fields(t))
		c.tables[i] = made
		c.todo = append(c.todo, t)
	}
	return made
}

func (c *copies) function(fn *lua.LFunction, i int32) *lua.LFunction {
	made := c.functions[i]
	if made == nil {
		one := *fn
		one.Upvalues = make([]*lua.Upvalue, len(fn.Upvalues))
		made = &one
		c.functions[i] = made
		for i, up := range fn.Upvalues {
			made.Upvalues[i] = c.variable(up)
		}
	}
	return made
}

func (c *copies) variable(up *lua.Upvalue) *lua.Upvalue {
	i, ok := c.of.variables[up]
	if !ok {
		return up
	}
	made := c.variables[i]
	if made == nil {
		made = &lua.Upvalue{}
		made.Close()
		c.variables[i] = made
		c.todo = append(c.todo, up)
	}
	return made
}

// fill puts into a copy what the original holds.
func (c *copies) fill(n any) {
	switch n := n.(type) {
	case *lua.LTable:
		t := c.tables[c.of.tables[n]]
		t.Metatable = c.shell(n.Metatable)
		list := n.MaxN()
		for i := 1; i <= list; i++ {
			t.RawSetInt(i, c.shell(n.RawGetInt(i)))
		}
		for k, v := n.Next(afterList(n)); k != lua.LNil; k, v = n.Next(k) {
			t.RawSet(c.shell(k), c.shell(v))
		}
	case *lua.Upvalue:
		c.variables[c.of.variables[n]].SetValue(c.shell(n.Value()))
	}
}

// fields is how many items a table has outside of its list.
func fields(t *lua.LTable) int {
	n := 0
	for k, _ := t.Next(afterList(t)); k != lua.LNil; k, _ = t.Next(k) {
		n++
	}
	return n
}

// afterList is the key after which Next goes on with what is not in a table's list.
func afterList(t *lua.LTable) lua.LValue {
	if n := t.MaxN(); n > 0 {
		return lua.LNumber(n)
	}
	return lua.LNil
}
