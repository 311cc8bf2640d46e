package dialtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// nearest is the candidate that was most likely meant.
func nearest(word string, all []string) string { return diag.Nearest(word, all) }

// mailboxOf is t:mailbox.
func mailboxOf(a scripts.Args, t *test) (any, error) {
	t.used = true
	number := a.Text("number")
	box, err := t.x.Engine().Mailboxes().Get(number)
	if err != nil {
		return nil, &scripts.Mistake{Word: number, Message: fmt.Sprintf("there is no mailbox %s", number), Hint: "lines with voicemail have one"}
	}
	return scripts.Object{Class: "TestMailbox", Value: &box1{t, box}}, nil
}

// box1 is a mailbox in a test.
type box1 struct {
	t   *test
	box *mailbox.Mailbox
}

// messages are those of a folder; "": of all but the deleted.
func (b *box1) messages(folder string) []mailbox.Message {
	folders := []string{folder}
	if folder == "" {
		folders = []string{"new", "saved"}
	}
	var all []mailbox.Message
	for _, f := range folders {
		list, err := b.box.Messages(b.t.ctx, f)
		if err == nil {
			all = append(all, list...)
		}
	}
	return all
}

// listed says what is in it.
func (b *box1) listed(folder string) string {
	var parts []string
	for _, m := range b.messages(folder) {
		s := fmt.Sprintf("one of %s from %q", short(m.Length.Round(time.Second)), m.From)
		if m.Urgent {
			s += ", urgent"
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return "but it is empty"
	}
	return "but has " + strings.Join(parts, "; ")
}

// sameLength compares to the second.
func (t *test) sameLength(have, want time.Duration) bool {
	return (have - want).Abs() <= 500*time.Millisecond+t.slack(want)
}

func mailboxBindings() map[string]scripts.Binding {
	return map[string]scripts.Binding{
		"TestMailbox:has": on(func(a scripts.Args, b *box1) (any, error) {
			folder := a.Text("folder")
			id := ""
			is := func() bool {
				for _, m := range b.messages(folder) {
					if !b.t.found[m.ID] && (!a.Given("from") || m.From == a.Text("from")) && (!a.Given("name") || m.Name == a.Text("name")) &&
						(!a.Given("length") || b.t.sameLength(m.Length, a.Duration("length"))) && (!a.Given("urgent") || m.Urgent == a.Bool("urgent")) &&
						(!a.Given("heard") || m.Heard == a.Bool("heard")) {
						id = m.ID
						return true
					}
				}
				return false
			}
			what := "mailbox " + b.box.Number() + " should have a message"
			if with := describe(a, "from", "name", "length", "urgent", "heard", "folder"); with != "" {
				what += " with " + with
			}
			v, err := b.t.expect(a, is, nil, what, func() string { return b.listed(folder) })
			if err == nil {
				b.t.found[id] = true
			}
			return v, err
		}),
		"TestMailbox:isEmpty": on(func(a scripts.Args, b *box1) (any, error) {
			b.t.settle()
			if n := len(b.messages("")); n > 0 {
				return nil, b.t.fail(a, "mailbox "+b.box.Number()+" should be empty", b.listed(""))
			}
			return a.Self(), nil
		}),
		"TestMailbox:count": on(func(a scripts.Args, b *box1) (any, error) {
			want := a.Int("messages")
			return b.t.expect(a, func() bool { return len(b.messages("")) == want }, nil,
				fmt.Sprintf("mailbox %s should have %d messages", b.box.Number(), want), func() string { return b.listed("") })
		}),
		"TestMailbox:add": set(func(a scripts.Args, b *box1) error {
			d, err := b.box.Begin(b.t.ctx, mailbox.Caller{Number: a.Text("from"), Name: a.Text("name")})
			if err != nil {
				return err
			}
			if err := d.Write(voice(a.Duration("length"))); err != nil {
				d.Discard()
				return err
			}
			_, err = d.Commit(b.t.ctx, a.Bool("urgent"))
			return err
		}),
		"TestMailbox:setPin": set(func(a scripts.Args, b *box1) error { return b.box.SetPINNow(b.t.ctx, a.Text("pin")) }),
		"TestMailbox:isLocked": on(func(a scripts.Args, b *box1) (any, error) {
			is := func() bool {
				until, err := b.box.LockedUntil(b.t.ctx)
				return err == nil && until.After(b.t.x.Now())
			}
			return b.t.expect(a, is, nil, "mailbox "+b.box.Number()+" should be locked", func() string { return "but is not" })
		}),
		"TestMailbox:hasGreeting": on(func(a scripts.Args, b *box1) (any, error) {
			kind := a.Text("kind")
			is := func() bool {
				clip, err := b.box.Greeting(b.t.ctx, kind)
				return err == nil && clip != nil
			}
			return b.t.expect(a, is, nil, "mailbox "+b.box.Number()+" should have a greeting of kind "+kind, func() string { return "but has none" })
		}),
		"TestMailbox:setGreeting": set(func(a scripts.Args, b *box1) error {
			return b.box.SetGreeting(b.t.ctx, a.Text("kind"), media.NewClip(8000, voice(a.Duration("length"))))
		}),
	}
}

// voice is sound of a length, 8000 samples a second, which is not silence.
func voice(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*8000))
	for i := range pcm {
		pcm[i] = int16(4000 - 8000*(i/20%2)) // 200 Hz
	}
	return pcm
}

func lineBindings() map[string]scripts.Binding {
	return map[string]scripts.Binding{
		"TestLine:setDnd": set(func(a scripts.Args, n *numbered) error { return n.t.directory().SetDND(n.t.ctx, n.name, a.Bool("on")) }),
		"TestLine:setForward": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().SetForward(n.t.ctx, n.name, directory.ForwardKind(a.Text("kind")), a.Text("number"))
		}),
		"TestLine:setPermissions": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().Update(n.t.ctx, n.name, func(l *directory.Line) error {
				l.Permissions = a.Texts("permissions")
				return nil
			})
		}),
		"TestLine:has": on(func(a scripts.Args, n *numbered) (any, error) {
			want := map[string]string{}
			for _, kind := range directory.ForwardKinds() {
				if a.Given(string(kind)) {
					to, err := a.Maybe(string(kind))
					if err != nil {
						return nil, err
					}
					want[string(kind)] = to
				}
			}
			is := func() bool {
				l, err := n.t.directory().Line(n.t.ctx, n.name)
				if err != nil || a.Given("dnd") && l.DND != a.Bool("dnd") {
					return false
				}
				for kind, to := range want {
					if l.ForwardOn(directory.ForwardKind(kind)) != to {
						return false
					}
				}
				return true
			}
			return n.t.expect(a, is, nil, "line "+n.name+" should have "+describe(a, "dnd", "always", "busy", "noAnswer", "unregistered"), func() string {
				l, err := n.t.directory().Line(n.t.ctx, n.name)
				if err != nil {
					return "but " + err.Error()
				}
				s := fmt.Sprintf("but has dnd = %v", l.DND)
				for _, kind := range directory.ForwardKinds() {
					if to := l.ForwardOn(kind); to != "" {
						s += fmt.Sprintf(", %s = %q", kind, to)
					}
				}
				return s
			})
		}),
	}
}

// lookAt is a binding that waits for something to be so.
func lookAt(expected func(a scripts.Args, n *numbered) string, is func(a scripts.Args, n *numbered) bool, seen func(a scripts.Args, n *numbered) string) scripts.Binding {
	return on(func(a scripts.Args, n *numbered) (any, error) {
		return n.t.expect(a, func() bool { return is(a, n) }, nil, expected(a, n), func() string { return seen(a, n) })
	})
}

func otherBindings() map[string]scripts.Binding {
	lampIs := func(expected string, is func(l Lamp) bool) scripts.Binding {
		return lookAt(func(a scripts.Args, n *numbered) string {
			s := "the lamp of " + n.name + " should be " + expected
			if strings.HasSuffix(a.Name(), ":shows") {
				s = "the lamp of " + n.name + " should show " + describe(a, "new", "old", "urgent")
			}
			return s
		}, func(_ scripts.Args, n *numbered) bool { return is(n.t.x.Phone(n.name).Lamp()) }, seenLamp)
	}
	all := map[string]scripts.Binding{
		"Lamp:isOn":  lampIs("on", func(l Lamp) bool { return l.New > 0 }),
		"Lamp:isOff": lampIs("off", func(l Lamp) bool { return l.New == 0 }),
		"Lamp:shows": lookAt(func(a scripts.Args, n *numbered) string {
			return "the lamp of " + n.name + " should show " + describe(a, "new", "old", "urgent")
		}, func(a scripts.Args, n *numbered) bool {
			l := n.t.x.Phone(n.name).Lamp()
			return (!a.Given("new") || l.New == a.Int("new")) && (!a.Given("old") || l.Old == a.Int("old")) && (!a.Given("urgent") || l.Urgent == a.Int("urgent"))
		}, seenLamp),

		"TestList:add": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().List(n.name).Add(n.t.ctx, a.Text("number"))
		}),
		"TestList:remove": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().List(n.name).Remove(n.t.ctx, a.Text("number"))
		}),
		"TestList:includes": lookAt(func(a scripts.Args, n *numbered) string {
			return fmt.Sprintf("list %q should include %s", n.name, a.Text("number"))
		},
			includes, func(scripts.Args, *numbered) string { return "but does not" }),
		"TestList:doesNotInclude": lookAt(func(a scripts.Args, n *numbered) string {
			return fmt.Sprintf("list %q should not include %s", n.name, a.Text("number"))
		}, func(a scripts.Args, n *numbered) bool { return !includes(a, n) }, func(scripts.Args, *numbered) string { return "but does" }),

		"TestGroup:login": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().Login(n.t.ctx, n.name, a.Text("number"))
		}),
		"TestGroup:logout": set(func(a scripts.Args, n *numbered) error {
			return n.t.directory().Logout(n.t.ctx, n.name, a.Text("number"))
		}),
		"TestGroup:hasLoggedIn": lookAt(func(a scripts.Args, n *numbered) string {
			return a.Text("number") + " should be logged in to group " + n.name
		}, func(a scripts.Args, n *numbered) bool { return !loggedOut(a, n) }, func(scripts.Args, *numbered) string { return "but is logged out" }),
		"TestGroup:hasLoggedOut": lookAt(func(a scripts.Args, n *numbered) string {
			return a.Text("number") + " should be logged out of group " + n.name
		}, loggedOut, func(scripts.Args, *numbered) string { return "but is logged in" }),

		"TestLog:has": lookAt(func(a scripts.Args, n *numbered) string {
			return "the call log of " + n.name + " should have " + describe(a, "kind", "number", "name", "length")
		}, func(a scripts.Args, n *numbered) bool {
			return slices.ContainsFunc(entries(n), func(e callog.Entry) bool {
				return (!a.Given("kind") || string(e.Kind) == a.Text("kind")) && (!a.Given("number") || e.Number == a.Text("number")) &&
					(!a.Given("name") || e.Name == a.Text("name")) && (!a.Given("length") || n.t.sameLength(e.Length, a.Duration("length")))
			})
		}, seenLog),
		"TestLog:isEmpty": on(func(a scripts.Args, n *numbered) (any, error) {
			n.t.settle()
			if len(entries(n)) > 0 {
				return nil, n.t.fail(a, "the call log of "+n.name+" should be empty", seenLog(a, n))
			}
			return a.Self(), nil
		}),
	}
	trunk := func(status func(a scripts.Args) int) scripts.Binding {
		return set(func(a scripts.Args, n *numbered) error {
			n.t.used = true
			if !n.t.x.SetTrunk(n.name, status(a)) {
				return errors.New("there is no trunk " + n.name)
			}
			return nil
		})
	}
	all["TestTrunk:isDown"] = trunk(func(scripts.Args) int { return -1 })
	all["TestTrunk:isUp"] = trunk(func(scripts.Args) int { return 0 })
	all["TestTrunk:rejects"] = trunk(func(a scripts.Args) int { return a.Int("status") })
	for name, b := range roomBindings() {
		all[name] = b
	}
	return all
}

func seenLamp(_ scripts.Args, n *numbered) string {
	l := n.t.x.Phone(n.name).Lamp()
	return fmt.Sprintf("but shows %d new, %d old, %d urgent", l.New, l.Old, l.Urgent)
}

func includes(a scripts.Args, n *numbered) bool {
	yes, err := n.t.directory().List(n.name).Includes(n.t.ctx, a.Text("number"))
	return err == nil && yes
}

func loggedOut(a scripts.Args, n *numbered) bool {
	out, err := n.t.directory().LoggedOut(n.t.ctx, n.name)
	return err == nil && slices.Contains(out, a.Text("number"))
}

func entries(n *numbered) []callog.Entry {
	list, err := n.t.x.Engine().CallLog().Entries(n.t.ctx, n.name, 100)
	if err != nil {
		return nil
	}
	return list
}

func seenLog(_ scripts.Args, n *numbered) string {
	var parts []string
	for _, e := range entries(n) {
		parts = append(parts, fmt.Sprintf("%s %s", e.Kind, e.Number))
	}
	if len(parts) == 0 {
		return "but it is empty"
	}
	return "but has " + strings.Join(parts, "; ")
}

func roomBindings() map[string]scripts.Binding {
	count := func(n *numbered) int {
		if r, ok := n.t.x.Engine().Room(n.name); ok {
			return len(r.Members())
		}
		return 0
	}
	seen := func(_ scripts.Args, n *numbered) string {
		r, ok := n.t.x.Engine().Room(n.name)
		if !ok {
			return "but nobody is in it"
		}
		var parts []string
		for _, m := range r.Members() {
			s := m.Number
			if m.Moderator {
				s += " (moderator)"
			}
			if m.Muted {
				s += " (muted)"
			}
			parts = append(parts, s)
		}
		return "but there are " + strings.Join(parts, ", ")
	}
	return map[string]scripts.Binding{
		"TestRoom:has": lookAt(func(a scripts.Args, n *numbered) string {
			s := a.Text("number") + " should be in room " + n.name
			if with := describe(a, "moderator", "muted"); with != "" {
				s += " with " + with
			}
			return s
		}, func(a scripts.Args, n *numbered) bool {
			r, ok := n.t.x.Engine().Room(n.name)
			if !ok {
				return false
			}
			for _, m := range r.Members() {
				if m.Number == a.Text("number") && (!a.Given("moderator") || m.Moderator == a.Bool("moderator")) && (!a.Given("muted") || m.Muted == a.Bool("muted")) {
					return true
				}
			}
			return false
		}, seen),
		"TestRoom:count": lookAt(func(a scripts.Args, n *numbered) string {
			return fmt.Sprintf("room %s should have %d members", n.name, a.Int("members"))
		},
			func(a scripts.Args, n *numbered) bool { return count(n) == a.Int("members") }, seen),
		"TestRoom:isEmpty": lookAt(func(_ scripts.Args, n *numbered) string { return "room " + n.name + " should be empty" },
			func(_ scripts.Args, n *numbered) bool { return count(n) == 0 }, seen),
		"TestRoom:isLocked": lookAt(func(_ scripts.Args, n *numbered) string { return "room " + n.name + " should be locked" },
			func(_ scripts.Args, n *numbered) bool {
				r, ok := n.t.x.Engine().Room(n.name)
				return ok && r.Locked()
			}, func(scripts.Args, *numbered) string { return "but is not" }),
	}
}
