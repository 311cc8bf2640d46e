package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// heard is what somebody has heard, by name.
func heard(c *Caller) string {
	var names []string
	for _, h := range c.Heard() {
		names = append(names, h.Name)
	}
	return strings.Join(names, " ")
}

// hears waits until somebody hears something of a name.
func hears(t testing.TB, x *Exchange, c *Caller, name string) {
	t.Helper()
	so := func() bool {
		for _, h := range c.Hears() {
			if strings.HasPrefix(h.Name, name) {
				return true
			}
		}
		return false
	}
	if !x.World().Run(so, time.Hour) {
		t.Fatalf("%s does not hear %s (%v), but has heard %s", c.Phone().Number(), name, x.World().Err(), heard(c))
	}
}

func TestMusicOnHold(t *testing.T) {
	x, a, b := conversation(t)
	b.Holds()
	hears(t, x, a, "music/")
	if !a.IsHeld() || b.Current().IsHeld() {
		t.Error("77513 is the one on hold")
	}
	pass(x, 10*time.Minute) // music has no end
	if !a.IsHeld() {
		t.Errorf("the music ends: %s", heard(a))
	}
	b.Unholds()
	talking(t, x, a, b)
	a.Hold()
	hears(t, x, b.Current(), "music/")
	a.Unhold()
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

func TestWhoIsTransferredHearsItRing(t *testing.T) {
	x, a, b := conversation(t)
	b.TransfersTo("15903")
	hears(t, x, a, "tone:ringing")
	x.Phone("15903").AnswersAfter(0)
	talking(t, x, a, x.Phone("15903"))
	a.Hangup()
	quiet(t, x)
}

// voicemail rings for 20 s and then takes a message.
func voicemail(ctx context.Context, c *engine.Call) {
	r, err := c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{Timeout: 20 * time.Second})
	if err == nil && r.Outcome != engine.OutcomeAnswered {
		_, _ = c.RecordVoicemail(ctx, c.Dialled(), engine.VoicemailOptions{})
	}
}

func TestVoicemail(t *testing.T) {
	for _, tt := range []struct {
		name   string
		does   func(*Caller)
		length time.Duration // 0: there is no message
		urgent bool
	}{
		{"who hangs up is kept", func(c *Caller) { c.Speak(7 * time.Second); c.HangupThen() }, 7 * time.Second, false},
		{"silence ends it", func(c *Caller) { c.Speak(7 * time.Second) }, 7*time.Second + 100*time.Millisecond, false},
		{"marked urgent", func(c *Caller) { c.Speak(7 * time.Second); c.Press("#4") }, 7*time.Second + keyPress, true},
		{"too short", func(c *Caller) { c.HangupThen() }, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newExchange(t, voicemail, trunk)
			b := x.Phone("15902")
			if b.Lamp() != (sip.Waiting{}) {
				t.Error("the lamp is lit")
			}
			a := calls(t, x, "Joe <+447700900123>", "15902")
			hears(t, x, a, "vm-theperson")
			after(t, x, 20*time.Second)
			hears(t, x, a, "tone:beep")
			until(t, x, "the beep ends", func() bool { return len(a.Hears()) == 0 })
			tt.does(a)
			ended(t, x, a, 200)
			quiet(t, x)
			box, err := x.Engine().Mailboxes().Get("15902")
			if err != nil {
				t.Fatal(err)
			}
			all, err := box.Messages(context.Background(), "new")
			if err != nil {
				t.Fatal(err)
			}
			if tt.length == 0 {
				if len(all) != 0 || b.Lamp() != (sip.Waiting{}) {
					t.Errorf("messages: %+v", all)
				}
				return
			}
			if len(all) != 1 {
				t.Fatalf("messages: %+v; heard %s", all, heard(a))
			}
			m := all[0]
			if m.From != "+447700900123" || m.Name != "Joe" || m.Urgent != tt.urgent {
				t.Errorf("message %+v", m)
			}
			if m.Length != tt.length {
				t.Errorf("%v long, want %v", m.Length, tt.length)
			}
			if w := b.Lamp(); w.New != 1 || (w.UrgentNew == 1) != tt.urgent {
				t.Errorf("the lamp is told %+v", w)
			}
		})
	}
}

func TestThreeInARoom(t *testing.T) {
	x := newExchange(t, func(ctx context.Context, c *engine.Call) {
		_, _ = c.Conference(ctx, "chess", engine.ConferenceOptions{EndWithMe: c.From().Number == "77513"})
	}, trunk)
	a, b := calls(t, x, "77513", "89000"), calls(t, x, "15902", "89000")
	c := calls(t, x, "+447700900123", "89000")
	all := map[string]*Caller{"77513": a, "15902": b, "+447700900123": c}
	until(t, x, "all talk to each other", func() bool {
		for _, one := range all {
			for number, other := range all {
				if one != other && !one.IsTalkingTo(number) {
					return false
				}
			}
		}
		return true
	})
	b.Hangup()
	until(t, x, "two are left", func() bool { return len(a.TalksTo()) == 1 && a.IsTalkingTo("+447700900123") })
	a.Hangup() // whose room it is
	ended(t, x, c, 200)
	quiet(t, x)
}

func TestKeysReachWhoIsAsked(t *testing.T) {
	var got engine.DigitsResult
	x := newExchange(t, func(ctx context.Context, c *engine.Call) {
		got, _ = c.ReadDigits(ctx, engine.ReadDigitsOptions{Max: 5, Terminator: "#"})
		_, _ = c.Bridge(ctx, []string{"15902"}, engine.BridgeOptions{AnswerTo: "1", Announce: []engine.Prompt{{Name: "hello-world"}}})
	})
	b := x.Phone("15902")
	b.AnswersAfter(time.Second)
	b.Waits(4 * time.Second)
	b.Presses("1")
	a := calls(t, x, "77513", "0")
	a.Press("123#")
	until(t, x, "it is answered", func() bool { return b.Current() != nil && b.Current().State() == Answered })
	if got.Digits != "123" {
		t.Errorf("read %+v", got)
	}
	hears(t, x, b.Current(), "hello-world")
	if b.IsTalkingTo("77513") {
		t.Error("he has not pressed the key yet")
	}
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

// A message that would go by mail is noted, and nothing else is done.
func TestMailIsNoted(t *testing.T) {
	story := &told{}
	x := newExchange(t, voicemail, trunk, func(o *Options) {
		o.Engine.Trace = story
		o.Engine.Mail = &post.Settings{Server: "smtp.example.net:587", From: "voicemail@chorus.example"}
	})
	err := x.Engine().Directory().Update(context.Background(), "15902", func(l *directory.Line) error {
		l.Email = "clara@chorus.example"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := calls(t, x, "Joe <+447700900123>", "15902")
	hears(t, x, a, "tone:beep")
	until(t, x, "the beep ends", func() bool { return len(a.Hears()) == 0 })
	a.Speak(7 * time.Second)
	a.HangupThen()
	ended(t, x, a, 200)
	quiet(t, x)
	if n := strings.Count(story.String(), "a mail with the message goes"); n != 1 {
		t.Errorf("the story tells of %d mails:\n%s", n, story)
	}
	q, err := post.Queue{Store: x.Engine().Store()}.Waiting(context.Background(), "")
	if err != nil || len(q) != 0 || x.Engine().Post() != nil {
		t.Errorf("waiting: %v, %v", q, err)
	}
}
