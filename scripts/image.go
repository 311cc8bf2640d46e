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
	// private is what has to be copied: *lua.LTable, *lua.LFunction and *lua.Upvalue.
	private map[any]struct{}
}

// newImage takes over the state of a script that has run main.lua.
func newImage(sc *script) *image {
	img := &image{state: sc.s, modules: sc.modules, private: map[any]struct{}{}}
	g := newGraph(sc)
	for _, n := range g.nodes {
		switch n := n.(type) {
		case *lua.LTable, *lua.Upvalue:
			img.private[n] = struct{}{}
		}
	}
	g.spread(img.private)
	sc.s.Freeze()
	return img
}

// graph is what can be reached from handlers and modules without what is shared by nature: globals, libraries, the
// metatables of objects, and the objects themselves, which are immutable.
type graph struct {
	nodes  []any
	seen   map[any]struct{}
	heldBy map[any][]any
}

func newGraph(sc *script) *graph {
	g := &graph{seen: map[any]struct{}{}, heldBy: map[any][]any{}}
	l := sc.s.L
	fixed := &graph{seen: map[any]struct{}{}, heldBy: map[any][]any{}}
	fixed.add(nil, l.G.Global)
	fixed.add(nil, l.GetMetatable(lua.LString("")))
	for _, mt := range sc.gen.classes {
		fixed.add(nil, mt)
	}
	fixed.walk()
	for n := range fixed.seen {
		g.seen[n] = struct{}{}
	}
	for _, r := range sc.routes {
		g.add(nil, r.handler)
	}
	for _, m := range sc.modules {
		g.add(nil, m)
	}
	g.walk()
	return g
}

// add notes that from holds v.
func (g *graph) add(from any, v any) {
	switch v.(type) {
	case *lua.LTable, *lua.LFunction, *lua.Upvalue:
	default:
		return
	}
	if from != nil {
		g.heldBy[v] = append(g.heldBy[v], from)
	}
	if _, ok := g.seen[v]; !ok {
		g.seen[v] = struct{}{}
		g.nodes = append(g.nodes, v)
	}
}

func (g *graph) walk() {
	for i := 0; i < len(g.nodes); i++ {
		switch n := g.nodes[i].(type) {
		case *lua.LTable:
			g.add(n, n.Metatable)
			n.ForEach(func(k, v lua.LValue) {
				g.add(n, k)
				g.add(n, v)
			})
		case *lua.LFunction:
			for _, up := range n.Upvalues {
				g.add(n, up)
			}
		case *lua.Upvalue:
			g.add(n, n.Value())
		}
	}
}

// spread adds to a set of nodes all that hold any of them, so that nothing outside the set leads into it.
func (g *graph) spread(set map[any]struct{}) {
	todo := make([]any, 0, len(set))
	for n := range set {
		todo = append(todo, n)
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range g.heldBy[n] {
			if _, ok := set[from]; !ok {
				set[from] = struct{}{}
				todo = append(todo, from)
			}
		}
	}
}

// copies are one call's copies of what it could change of an image. What holds the same thing in the image holds the
// same copy here.
type copies struct {
	of   *image
	made map[any]any
	todo []any // whose copies are still empty
}

func (img *image) copies() *copies { return &copies{of: img} }

// value is what stands for a value of the image in this call: itself, or its copy.
func (c *copies) value(v lua.LValue) lua.LValue {
	v = c.shell(v)
	for len(c.todo) > 0 {
		n := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		c.fill(n)
	}
	return v
}

// shell is a value's copy, which may still have to be filled.
func (c *copies) shell(v lua.LValue) lua.LValue {
	switch v.(type) {
	case *lua.LTable, *lua.LFunction:
	default:
		return v
	}
	if _, ok := c.of.private[v]; !ok {
		return v
	}
	if made, ok := c.made[v]; ok {
		return made.(lua.LValue)
	}
	var made lua.LValue
	switch v := v.(type) {
	case *lua.LTable:
		made = c.of.state.L.CreateTable(v.MaxN(), fields(v))
	case *lua.LFunction:
		fn := *v
		fn.Upvalues = make([]*lua.Upvalue, len(v.Upvalues))
		made = &fn
	}
	c.note(v, made)
	return made
}

func (c *copies) note(v, made any) {
	if c.made == nil {
		c.made = map[any]any{}
	}
	c.made[v] = made
	c.todo = append(c.todo, v)
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

// fill puts into a copy what the original holds.
func (c *copies) fill(n any) {
	switch n := n.(type) {
	case *lua.LTable:
		t := c.made[n].(*lua.LTable)
		t.Metatable = c.shell(n.Metatable)
		list := n.MaxN()
		for i := 1; i <= list; i++ {
			t.RawSetInt(i, c.shell(n.RawGetInt(i)))
		}
		for k, v := n.Next(afterList(n)); k != lua.LNil; k, v = n.Next(k) {
			t.RawSet(c.shell(k), c.shell(v))
		}
	case *lua.LFunction:
		fn := c.made[n].(*lua.LFunction)
		for i, up := range n.Upvalues {
			fn.Upvalues[i] = c.upvalue(up)
		}
	case *lua.Upvalue:
		c.made[n].(*lua.Upvalue).SetValue(c.shell(n.Value()))
	}
}

func (c *copies) upvalue(up *lua.Upvalue) *lua.Upvalue {
	if _, ok := c.of.private[up]; !ok {
		return up
	}
	if made, ok := c.made[up]; ok {
		return made.(*lua.Upvalue)
	}
	made := &lua.Upvalue{}
	made.Close()
	c.note(up, made)
	return made
}
