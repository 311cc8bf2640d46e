package scripts

import (
	"context"
	"errors"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
)

// boxRef is a mailbox by number.
type boxRef struct{ number string }

// messageRef is a message as it was listed.
type messageRef struct {
	box *boxRef
	mailbox.Message
}

func (r *boxRef) get(sc *script) (*mailbox.Mailbox, error) {
	if err := sc.atLoad("mailbox"); err != nil {
		return nil, err
	}
	return sc.engine().Mailboxes().Get(r.number)
}

// box reads or changes a mailbox and returns a Lua value made of what was read.
func onBox[T any](do func(ctx context.Context, b *mailbox.Mailbox, a *args) (T, error), show func(sc *script, r *boxRef, v T) lua.LValue) binding {
	return func(sc *script, self any, a *args) (lua.LValue, error) {
		r := self.(*boxRef)
		b, err := r.get(sc)
		if err != nil {
			return nil, err
		}
		var v T
		if err := sc.wait(func(ctx context.Context) (err error) { v, err = do(ctx, b, a); return err }); err != nil {
			return nil, err
		}
		return show(sc, r, v), nil
	}
}

// onMessage changes a message.
func onMessage(do func(ctx context.Context, b *mailbox.Mailbox, id string, a *args) error) binding {
	return func(sc *script, self any, a *args) (lua.LValue, error) {
		m := self.(*messageRef)
		b, err := m.box.get(sc)
		if err != nil {
			return nil, err
		}
		return done(sc.wait(func(ctx context.Context) error { return do(ctx, b, m.ID, a) }))
	}
}

// nothing is what a change has read.
type nothing struct{}

func isTrue(*script, *boxRef, nothing) lua.LValue { return lua.LTrue }

// sound is a clip as a recording; nil if there is none.
func sound(sc *script, _ *boxRef, c *media.Clip) lua.LValue {
	if c == nil {
		return nil
	}
	return sc.object("Recording", &engine.Recording{Clip: c, Length: c.Duration()})
}

func clipOf(r *engine.Recording) *media.Clip {
	if r == nil {
		return nil
	}
	return r.Clip
}

func mailboxBindings() map[string]binding {
	return map[string]binding{
		"mailbox": func(sc *script, _ any, a *args) (lua.LValue, error) {
			r := &boxRef{arg[string](a, "number")}
			if sc.phase != loading {
				if _, err := r.get(sc); errors.Is(err, mailbox.ErrNoMailbox) {
					return nil, nil
				} else if err != nil {
					return nil, err
				}
			}
			return sc.object("Mailbox", r), nil
		},
		"Mailbox:checkPin": onBox(func(ctx context.Context, b *mailbox.Mailbox, a *args) (mailbox.PINResult, error) {
			return b.CheckPIN(ctx, arg[string](a, "pin"))
		}, func(_ *script, _ *boxRef, r mailbox.PINResult) lua.LValue { return lua.LString(r) }),
		"Mailbox:setPin": onBox(func(ctx context.Context, b *mailbox.Mailbox, a *args) (nothing, error) {
			return nothing{}, b.SetPIN(ctx, arg[string](a, "pin"))
		}, isTrue),
		"Mailbox:mustChangePin": onBox(func(ctx context.Context, b *mailbox.Mailbox, _ *args) (bool, error) {
			return b.MustChangePIN(ctx)
		}, func(_ *script, _ *boxRef, must bool) lua.LValue { return lua.LBool(must) }),
		"Mailbox:messages": onBox(func(ctx context.Context, b *mailbox.Mailbox, a *args) ([]mailbox.Message, error) {
			return b.Messages(ctx, arg[string](a, "folder"))
		}, func(sc *script, r *boxRef, list []mailbox.Message) lua.LValue {
			t := sc.s.L.CreateTable(len(list), 0)
			for _, m := range list {
				t.Append(sc.object("Message", &messageRef{r, m}))
			}
			return t
		}),
		"Mailbox:purge": onBox(func(ctx context.Context, b *mailbox.Mailbox, _ *args) (nothing, error) {
			return nothing{}, b.Purge(ctx)
		}, isTrue),
		"Mailbox:greeting": onBox(func(ctx context.Context, b *mailbox.Mailbox, a *args) (*media.Clip, error) {
			return b.Greeting(ctx, arg[string](a, "kind"))
		}, sound),
		"Mailbox:setGreeting": onBox(func(ctx context.Context, b *mailbox.Mailbox, a *args) (nothing, error) {
			return nothing{}, b.SetGreeting(ctx, arg[string](a, "kind"), clipOf(arg[*engine.Recording](a, "recording")))
		}, isTrue),
		"Message:markHeard": onMessage(func(ctx context.Context, b *mailbox.Mailbox, id string, _ *args) error { return b.MarkHeard(ctx, id) }),
		"Message:save":      onMessage(func(ctx context.Context, b *mailbox.Mailbox, id string, _ *args) error { return b.Save(ctx, id) }),
		"Message:delete":    onMessage(func(ctx context.Context, b *mailbox.Mailbox, id string, _ *args) error { return b.Delete(ctx, id) }),
		"Message:undelete":  onMessage(func(ctx context.Context, b *mailbox.Mailbox, id string, _ *args) error { return b.Undelete(ctx, id) }),
		"Message:forward": onMessage(func(ctx context.Context, b *mailbox.Mailbox, id string, a *args) error {
			return b.Forward(ctx, id, arg[string](a, "to"), clipOf(arg[*engine.Recording](a, "introduction")))
		}),
	}
}

func mailboxFields() map[string]field {
	all := map[string]field{
		"Mailbox.number": func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(*boxRef).number), nil },
		"Message.sound": func(sc *script, self any) (lua.LValue, error) {
			m := self.(*messageRef)
			b, err := m.box.get(sc)
			if err != nil {
				return nil, err
			}
			var c *media.Clip
			err = sc.wait(func(ctx context.Context) (err error) { c, err = b.Sound(ctx, m.ID); return err })
			return sound(sc, m.box, c), err
		},
	}
	for name, get := range map[string]func(m *messageRef) lua.LValue{
		"id":          func(m *messageRef) lua.LValue { return lua.LString(m.ID) },
		"from":        func(m *messageRef) lua.LValue { return lua.LString(m.From) },
		"name":        func(m *messageRef) lua.LValue { return lua.LString(m.Name) },
		"time":        func(m *messageRef) lua.LValue { return seconds(m.Time) },
		"length":      func(m *messageRef) lua.LValue { return lua.LNumber(m.Length.Seconds()) },
		"urgent":      func(m *messageRef) lua.LValue { return lua.LBool(m.Urgent) },
		"heard":       func(m *messageRef) lua.LValue { return lua.LBool(m.Heard) },
		"interrupted": func(m *messageRef) lua.LValue { return lua.LBool(m.Interrupted) },
		"forwardedBy": func(m *messageRef) lua.LValue { return text(m.ForwardedBy) },
		"folder":      func(m *messageRef) lua.LValue { return lua.LString(m.Folder) },
	} {
		all["Message."+name] = func(_ *script, self any) (lua.LValue, error) { return get(self.(*messageRef)), nil }
	}
	return all
}
