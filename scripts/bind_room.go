package scripts

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
)

// roomRef is a conference, and how it stood.
type roomRef struct {
	*engine.Room
	locked  bool
	members []engine.MemberInfo
}

func roomBindings() map[string]binding {
	do := func(fn func(r *engine.Room, a *args)) binding {
		return func(_ *script, self any, a *args) (lua.LValue, error) { fn(self.(*roomRef).Room, a); return nil, nil }
	}
	return map[string]binding{
		"room": func(sc *script, _ any, a *args) (lua.LValue, error) {
			r, ok := sc.engine().Room(arg[string](a, "name"))
			if !ok {
				return nil, nil
			}
			return sc.object("Room", &roomRef{r, r.Locked(), r.Members()}), nil
		},
		"Room:play": func(sc *script, self any, a *args) (lua.LValue, error) {
			prompts := a.prompts("prompt")
			return nil, sc.wait(func(ctx context.Context) error { return self.(*roomRef).Play(ctx, prompts, a.language()) })
		},
		"Room:muteAll": do(func(r *engine.Room, a *args) { r.MuteAll(arg[bool](a, "muted")) }),
		"Room:lock":    do(func(r *engine.Room, a *args) { r.Lock(arg[bool](a, "locked")) }),
		"Room:close":   do(func(r *engine.Room, _ *args) { r.End() }),
		"Room:kick": func(_ *script, self any, a *args) (lua.LValue, error) {
			return lua.LBool(self.(*roomRef).Kick(arg[string](a, "call"))), nil
		},
		"Room:kickLast": func(_ *script, self any, _ *args) (lua.LValue, error) {
			return lua.LBool(self.(*roomRef).KickLast()), nil
		},
	}
}

func roomFields() map[string]field {
	return map[string]field{
		"Room.name":   func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*roomRef).Name()), nil },
		"Room.locked": func(_ *script, self any) (lua.LValue, error) { return lua.LBool(self.(*roomRef).locked), nil },
		"Room.members": func(sc *script, self any) (lua.LValue, error) {
			members := self.(*roomRef).members
			t := sc.s.L.CreateTable(len(members), 0)
			for _, m := range members {
				t.Append(sc.record("RoomMember", map[string]lua.LValue{"call": lua.LString(m.Call), "number": lua.LString(m.Number), "name": lua.LString(m.Name),
					"moderator": lua.LBool(m.Moderator), "muted": lua.LBool(m.Muted), "talking": lua.LBool(m.Talking), "seconds": lua.LNumber(m.For.Seconds())}))
			}
			return t, nil
		},
	}
}
