package sandbox

import lua "github.com/yuin/gopher-lua"

// copies are one fork's copies of what it could change of an image. What holds the same thing in the image holds the same
// copy here. They are made as far as they can be reached from what the fork has asked for; but a table's copy stays
// empty, and what the table holds is copied item by item as it is read, until the whole is needed.
type copies struct {
	of        *Image
	tables    map[*lua.LTable]*lua.LTable // by the originals
	functions map[*lua.LFunction]*lua.LFunction
	variables map[*lua.Upvalue]*lua.Upvalue
	reads     map[*original]int
	todo      []any // originals whose copies are still empty and have to be filled
}

// enoughReads is how often a copy is read, of what has to be copied itself, before it is made whole: each such read takes
// a call of Go, so that this costs about as much as they did.
const enoughReads = 64

// Value is what stands in this state for a value of the image that it was forked from: itself, or this state's copy.
func (s *State) Value(v lua.LValue) lua.LValue { return s.copies.value(v) }

// Table is v if it is a table, fit to be looked into by Go: whatever does so has to get it from here, or from Whole.
func (s *State) Table(v lua.LValue) (*lua.LTable, bool) {
	t, ok := v.(*lua.LTable)
	if ok {
		s.Whole(t)
	}
	return t, ok
}

// Whole puts into a table what it lacks, if it is a copy that is still empty.
func (s *State) Whole(t *lua.LTable) *lua.LTable {
	if o := s.standsFor(t); o != nil {
		s.copies.fill(t, o.table)
		s.copies.finish()
	}
	return t
}

// standsFor is the table of which t is a copy that is still empty; nil for any other t.
func (s *State) standsFor(t *lua.LTable) *original {
	if t.Metatable == lua.LNil || s.copies == nil {
		return nil
	}
	mt, _ := t.Metatable.(*lua.LTable)
	return s.copies.of.standIns[mt]
}

// reader is __index of the copies of a table that are still empty. What need not be copied is found in a table that all
// states share.
func (img *Image) reader(o *original) lua.LValue {
	l := img.state.L
	read := l.NewFunction(func(l *lua.LState) int {
		l.Push(Of(l).copies.read(o, l.Get(2)))
		return 1
	})
	shared := l.CreateTable(0, 0)
	all, none := true, true
	for k, v := o.table.Next(lua.LNil); k != lua.LNil; k, v = o.table.Next(k) {
		if img.copied(v) {
			all = false
		} else {
			shared.RawSet(k, v)
			none = false
		}
	}
	switch {
	case all:
		return o.table
	case none:
		return read
	}
	shared.Metatable = l.CreateTable(0, 1)
	shared.Metatable.(*lua.LTable).RawSetString("__index", read)
	return shared
}

// writeStandIn is __newindex of copies that are still empty: the first write makes them whole.
func writeStandIn(l *lua.LState) int {
	l.RawSet(Of(l).Whole(l.CheckTable(1)), l.Get(2), l.Get(3))
	return 0
}

// lengthOfStandIn is their __len.
func lengthOfStandIn(l *lua.LState) int {
	l.Push(lua.LNumber(Of(l).Whole(l.CheckTable(1)).Len()))
	return 1
}

// read is one item of a copy that is still empty.
func (c *copies) read(o *original, key lua.LValue) lua.LValue {
	if c.reads == nil {
		c.reads = map[*original]int{}
	}
	if c.reads[o]++; c.reads[o] == enoughReads {
		c.fill(c.tables[o.table], o.table)
	}
	return c.value(o.table.RawGet(key))
}

func (c *copies) value(v lua.LValue) lua.LValue {
	v = c.shell(v)
	c.finish()
	return v
}

// finish fills all copies that have to be.
func (c *copies) finish() {
	for len(c.todo) > 0 {
		n := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		switch n := n.(type) {
		case *lua.LTable:
			c.fill(c.tables[n], n)
		case *lua.Upvalue:
			c.variables[n].SetValue(c.shell(n.Value()))
		}
	}
	c.todo = nil
}

// shell is a value's copy, which may still have to be filled.
func (c *copies) shell(v lua.LValue) lua.LValue {
	switch v := v.(type) {
	case *lua.LTable:
		if o := c.of.tables[v]; o != nil {
			return c.table(o)
		}
	case *lua.LFunction:
		if _, ok := c.of.functions[v]; ok {
			return c.function(v)
		}
	}
	return v
}

func (c *copies) table(o *original) *lua.LTable {
	made := c.tables[o.table]
	if made == nil {
		if c.tables == nil {
			c.tables = map[*lua.LTable]*lua.LTable{}
		}
		made = c.of.state.L.CreateTable(0, 0)
		c.tables[o.table] = made
		if o.standIn != nil {
			made.Metatable = o.standIn
		} else {
			c.todo = append(c.todo, o.table)
		}
	}
	return made
}

func (c *copies) function(fn *lua.LFunction) *lua.LFunction {
	made := c.functions[fn]
	if made == nil {
		if c.functions == nil {
			c.functions = map[*lua.LFunction]*lua.LFunction{}
		}
		one := *fn
		one.Upvalues = make([]*lua.Upvalue, len(fn.Upvalues))
		made = &one
		c.functions[fn] = made
		for i, up := range fn.Upvalues {
			made.Upvalues[i] = c.variable(up)
		}
	}
	return made
}

func (c *copies) variable(up *lua.Upvalue) *lua.Upvalue {
	if _, ok := c.of.variables[up]; !ok {
		return up
	}
	made := c.variables[up]
	if made == nil {
		if c.variables == nil {
			c.variables = map[*lua.Upvalue]*lua.Upvalue{}
		}
		made = &lua.Upvalue{}
		made.Close()
		c.variables[up] = made
		c.todo = append(c.todo, up)
	}
	return made
}

// fill puts into a copy what the original holds, in its order.
func (c *copies) fill(t, from *lua.LTable) {
	list := from.MaxN()
	made := c.of.state.L.CreateTable(list, fields(from))
	made.Metatable = c.shell(from.Metatable)
	for i := 1; i <= list; i++ {
		made.RawSetInt(i, c.shell(from.RawGetInt(i)))
	}
	for k, v := from.Next(afterList(from)); k != lua.LNil; k, v = from.Next(k) {
		made.RawSet(c.shell(k), c.shell(v))
	}
	*t = *made
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
