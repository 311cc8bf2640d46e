package scripts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// lineRef is a line by number; what is kept of it is read when a field is asked for first, and then kept by the script:
// what main.lua named is shared by calls.
type lineRef struct{ number string }

// groupRef is a group by number.
type groupRef struct{ number string }

// atLoad is the error of looking at something while the dialplan is loaded.
func (sc *script) atLoad(what string) error {
	if sc.phase != loading {
		return nil
	}
	return &raisedError{diag.CodeAtLoad, what, "a " + what + " can be named while the dialplan is loaded, but not looked at", "look at it in a function that an extension runs"}
}

func (r *lineRef) read(sc *script) (*directory.Line, error) {
	if l := sc.lines[r]; l != nil {
		return l, nil
	}
	if err := sc.atLoad("line"); err != nil {
		return nil, err
	}
	err := sc.wait(func(ctx context.Context) error {
		l, err := sc.engine().Directory().Line(ctx, r.number)
		if err == nil {
			if sc.lines == nil {
				sc.lines = map[*lineRef]*directory.Line{}
			}
			sc.lines[r] = &l
		}
		return err
	})
	return sc.lines[r], err
}

// done is the result of something that can only succeed or fail.
func done(err error) (lua.LValue, error) { return lua.LTrue, err }

func peopleBindings() map[string]binding {
	return map[string]binding{
		"line": func(sc *script, _ any, a *args) (lua.LValue, error) {
			r := &lineRef{number: arg[string](a, "number")}
			if sc.phase != loading {
				if _, err := r.read(sc); errors.Is(err, directory.ErrNoLine) {
					return nil, nil
				} else if err != nil {
					return nil, err
				}
			}
			return sc.object("Line", r), nil
		},
		"Line:setDnd": onLine(func(sc *script, ctx context.Context, r *lineRef, a *args) error {
			return sc.engine().Directory().SetDND(ctx, r.number, arg[bool](a, "on"))
		}),
		"Line:setForward": onLine(func(sc *script, ctx context.Context, r *lineRef, a *args) error {
			return sc.engine().Directory().SetForward(ctx, r.number, directory.ForwardKind(arg[string](a, "kind")), arg[string](a, "number"))
		}),
		"Line:lastForward": func(sc *script, self any, a *args) (lua.LValue, error) {
			var to string
			err := sc.wait(func(ctx context.Context) (err error) {
				to, err = sc.engine().Directory().LastForward(ctx, self.(*lineRef).number, directory.ForwardKind(arg[string](a, "kind")))
				return err
			})
			return text(to), err
		},
		"Line:hasPermission": func(sc *script, self any, a *args) (lua.LValue, error) {
			l, err := self.(*lineRef).read(sc)
			if err != nil {
				return nil, err
			}
			return lua.LBool(l.HasPermission(arg[string](a, "permission"))), nil
		},
		"Line:calls": lineCalls,

		"group":        groupBinding,
		"Group:login":  onGroup((*directory.Directory).Login),
		"Group:logout": onGroup((*directory.Directory).Logout),
		"Group:isLoggedIn": func(sc *script, self any, a *args) (lua.LValue, error) {
			d, err := self.(*groupRef).read(sc)
			if err != nil {
				return nil, err
			}
			yes, err := d.loggedIn(sc, arg[string](a, "number"))
			return lua.LBool(yes), err
		},
		"Group:isMember": func(sc *script, self any, a *args) (lua.LValue, error) {
			d, err := self.(*groupRef).read(sc)
			if err != nil {
				return nil, err
			}
			return lua.LBool(d.has(arg[string](a, "number"))), nil
		},
	}
}

// onLine is a change of a line; what was read of it before is stale.
func onLine(change func(sc *script, ctx context.Context, r *lineRef, a *args) error) binding {
	return func(sc *script, self any, a *args) (lua.LValue, error) {
		r := self.(*lineRef)
		err := sc.wait(func(ctx context.Context) error { return change(sc, ctx, r, a) })
		delete(sc.lines, r)
		return done(err)
	}
}

func lineCalls(sc *script, self any, a *args) (lua.LValue, error) {
	limit, kind := arg[int](a, "limit"), arg[string](a, "kind")
	var entries []callog.Entry
	err := sc.wait(func(ctx context.Context) (err error) {
		most := limit
		if kind != "" {
			most = 1000 // to find so many of one kind
		}
		entries, err = sc.engine().CallLog().Entries(ctx, self.(*lineRef).number, most)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := sc.s.L.CreateTable(0, 1)
	for _, e := range entries {
		if kind != "" && string(e.Kind) != kind || list.Len() >= limit {
			continue
		}
		list.Append(sc.record("LogEntry", map[string]lua.LValue{"id": lua.LString(e.ID), "kind": lua.LString(e.Kind), "number": lua.LString(e.Number),
			"name": lua.LString(e.Name), "time": seconds(e.Time), "length": lua.LNumber(e.Length.Seconds())}))
	}
	return list, nil
}

func groupBinding(sc *script, _ any, a *args) (lua.LValue, error) {
	number := arg[string](a, "number")
	if a.rest != nil {
		if sc.phase != loading {
			return nil, &raisedError{diag.CodeAtLoad, "group", "a group can only be declared while the dialplan is loaded", "declare it in main.lua"}
		}
		if err := sc.declare(number, a); err != nil {
			return nil, err
		}
		return sc.object("Group", &groupRef{number}), nil
	}
	if sc.phase != loading && sc.gen.groups[number] == nil {
		return nil, nil
	}
	return sc.object("Group", &groupRef{number}), nil
}

// declare makes a group part of the generation that is being loaded.
func (sc *script) declare(number string, a *args) error {
	if d := sc.gen.groups[number]; d != nil {
		return &raisedError{diag.CodeConflict, number, fmt.Sprintf("group %s is declared twice, first at %s", number, d.where), ""}
	}
	d := &groupDecl{where: sc.s.Where(), Group: Group{
		Number: number, Name: arg[string](a, "name"), Kind: arg[string](a, "kind"), Strategy: arg[string](a, "strategy"),
		Members: arg[[]Member](a, "members"), RingFor: a.lasting("ringFor"), Timeout: a.lasting("timeout"),
		Overflow: arg[string](a, "overflow"), Mailbox: arg[string](a, "mailbox"),
		Manager: arg[string](a, "manager"), Fallback: arg[string](a, "fallback"),
	}}
	for option, reason := range overflows() {
		if to := arg[string](a, option); to != "" {
			if d.OverflowBy == nil {
				d.OverflowBy = map[string]string{}
			}
			d.OverflowBy[reason] = to
		}
	}
	for name, to := range map[string]*[]string{"music": &d.music, "announce": &d.announce} {
		for _, v := range arg[[]lua.LValue](a, name) {
			s, ok := v.(lua.LString)
			if !ok {
				return &raisedError{diag.CodeArgument, name, "group: " + name + " takes names of prompts", ""}
			}
			*to = append(*to, string(s))
		}
	}
	sc.gen.groups[number] = d
	return nil
}

func (r *groupRef) read(sc *script) (*groupDecl, error) {
	if err := sc.atLoad("group"); err != nil {
		return nil, err
	}
	d := sc.gen.groups[r.number]
	if d == nil {
		return nil, fmt.Errorf("%w: %s", errNoGroup, r.number)
	}
	return d, nil
}

func (d *groupDecl) has(number string) bool {
	return slices.ContainsFunc(d.Members, func(m Member) bool { return m.Number == number })
}

// loggedIn tells whether a member takes calls now.
func (d *groupDecl) loggedIn(sc *script, number string) (bool, error) {
	var out []string
	err := sc.wait(func(ctx context.Context) (err error) {
		out, err = sc.engine().Directory().LoggedOut(ctx, d.Number)
		return err
	})
	return d.has(number) && !slices.Contains(out, number), err
}

func onGroup(change func(d *directory.Directory, ctx context.Context, group, member string) error) binding {
	return func(sc *script, self any, a *args) (lua.LValue, error) {
		d, err := self.(*groupRef).read(sc)
		if err != nil {
			return nil, err
		}
		number := arg[string](a, "number")
		if !d.has(number) {
			return nil, fmt.Errorf("%w: %s is no member of %s", errNoGroup, number, d.Number)
		}
		return done(sc.wait(func(ctx context.Context) error {
			return change(sc.engine().Directory(), ctx, d.Number, number)
		}))
	}
}

func peopleFields() map[string]field {
	all := map[string]field{
		"Line.number":     func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*lineRef).number), nil },
		"Group.number":    func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*groupRef).number), nil },
		"Line.registered": liveField(func(sc *script, n string) bool { return sc.engine().Registered(n) }),
		"Line.busy":       liveField(func(sc *script, n string) bool { return sc.engine().Busy(n) }),
	}
	for name, get := range map[string]func(sc *script, l *directory.Line) lua.LValue{
		"name":        func(_ *script, l *directory.Line) lua.LValue { return lua.LString(l.Name) },
		"kind":        func(_ *script, l *directory.Line) lua.LValue { return lua.LString(l.Kind) },
		"person":      func(_ *script, l *directory.Line) lua.LValue { return lua.LString(l.Person) },
		"department":  func(_ *script, l *directory.Line) lua.LValue { return lua.LString(l.Department) },
		"permissions": func(sc *script, l *directory.Line) lua.LValue { return sc.textList(l.Permissions) },
		"dnd":         func(_ *script, l *directory.Line) lua.LValue { return lua.LBool(l.DND) },
		"voicemail":   func(_ *script, l *directory.Line) lua.LValue { return lua.LBool(l.Voicemail) },
		"pickupGroup": func(_ *script, l *directory.Line) lua.LValue { return text(l.PickupGroup) },
		"email":       func(_ *script, l *directory.Line) lua.LValue { return text(l.Email) },
		"forward": func(sc *script, l *directory.Line) lua.LValue {
			t := sc.s.L.CreateTable(0, 1)
			for _, kind := range directory.ForwardKinds() {
				if to := l.ForwardOn(kind); to != "" {
					t.RawSetString(string(kind), lua.LString(to))
				}
			}
			return t
		},
	} {
		all["Line."+name] = func(sc *script, self any) (lua.LValue, error) {
			l, err := self.(*lineRef).read(sc)
			if err != nil {
				return nil, err
			}
			return get(sc, l), nil
		}
	}
	for name, get := range map[string]func(sc *script, d *groupDecl) (lua.LValue, error){
		"name":     func(_ *script, d *groupDecl) (lua.LValue, error) { return text(d.Name), nil },
		"kind":     func(_ *script, d *groupDecl) (lua.LValue, error) { return lua.LString(d.Kind), nil },
		"strategy": func(_ *script, d *groupDecl) (lua.LValue, error) { return lua.LString(d.Strategy), nil },
		"members":  func(sc *script, d *groupDecl) (lua.LValue, error) { return d.members(sc), nil },
		"ringFor":  func(_ *script, d *groupDecl) (lua.LValue, error) { return lua.LNumber(d.RingFor.Seconds()), nil },
		"timeout": func(_ *script, d *groupDecl) (lua.LValue, error) {
			if d.Timeout == 0 {
				return nil, nil
			}
			return lua.LNumber(d.Timeout.Seconds()), nil
		},
		"overflow": func(_ *script, d *groupDecl) (lua.LValue, error) { return text(d.Overflow), nil },
		"mailbox":  func(_ *script, d *groupDecl) (lua.LValue, error) { return text(d.Mailbox), nil },
		"manager":  func(_ *script, d *groupDecl) (lua.LValue, error) { return text(d.Manager), nil },
		"fallback": func(_ *script, d *groupDecl) (lua.LValue, error) { return text(d.Fallback), nil },
		"music":    func(sc *script, d *groupDecl) (lua.LValue, error) { return listOrNil(sc, d.music), nil },
		"announce": func(sc *script, d *groupDecl) (lua.LValue, error) { return listOrNil(sc, d.announce), nil },
	} {
		all["Group."+name] = func(sc *script, self any) (lua.LValue, error) {
			d, err := self.(*groupRef).read(sc)
			if err != nil {
				return nil, err
			}
			return get(sc, d)
		}
	}
	for option, reason := range overflows() {
		all["Group."+option] = func(sc *script, self any) (lua.LValue, error) {
			d, err := self.(*groupRef).read(sc)
			if err != nil {
				return nil, err
			}
			return text(d.OverflowBy[reason]), nil
		}
	}
	return all
}

// liveField is what the exchange knows of a line at this moment.
func liveField(get func(sc *script, number string) bool) field {
	return func(sc *script, self any) (lua.LValue, error) {
		if err := sc.atLoad("line"); err != nil {
			return nil, err
		}
		return lua.LBool(get(sc, self.(*lineRef).number)), nil
	}
}

func listOrNil(sc *script, list []string) lua.LValue {
	if list == nil {
		return nil
	}
	return sc.textList(list)
}

// members are a group's members as they are declared: numbers, or tables with what is special to one.
func (d *groupDecl) members(sc *script) lua.LValue {
	t := sc.s.L.CreateTable(len(d.Members), 0)
	for _, m := range d.Members {
		if m.RingFor == 0 && m.Weight == 0 {
			t.Append(lua.LString(m.Number))
			continue
		}
		item := sc.s.L.CreateTable(1, 2)
		item.Append(lua.LString(m.Number))
		if m.RingFor != 0 {
			item.RawSetString("ringFor", lua.LNumber(m.RingFor.Seconds()))
		}
		if m.Weight != 0 {
			item.RawSetString("weight", lua.LNumber(m.Weight))
		}
		t.Append(item)
	}
	return t
}
