package engine_test

import (
	"context"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// bridging rings whatever was dialled.
func bridging(ctx context.Context, c *engine.Call) {
	if r, err := c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{}); err == nil && r.Outcome != engine.OutcomeAnswered {
		_ = c.Reject(ctx, engine.Busy)
	}
}

// taking answers every call and shows it to the test.
func taking(calls chan<- *phone.Call) phone.Handler {
	return func(ctx context.Context, c *phone.Call) {
		if c.Answer(ctx) == nil {
			calls <- c
			<-c.Done()
		}
	}
}

// talk asserts that each of two phones hears the other.
func talk(t *testing.T, a, b *phone.Call) {
	t.Helper()
	for _, pair := range [][2]*phone.Call{{a, b}, {b, a}} {
		speaker, listener := pair[0], pair[1]
		from := listener.Heard().Length()
		if err := speaker.Play(within(t), sine(1000)); err != nil {
			t.Fatalf("%s cannot speak: %v", speaker.Phone().Number(), err)
		}
		if _, err := listener.WaitHeard(within(t), phone.Beep, from); err != nil {
			t.Fatalf("%s does not hear %s: %v; heard %v", listener.Phone().Number(), speaker.Phone().Number(), err, listener.Heard())
		}
	}
}

func TestHoldPlaysMusicAndRetrieveEndsIt(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := <-calls
	talk(t, a, b)
	from := a.Heard().Length()
	if err := b.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.WaitHeard(within(t), phone.Voice, from); err != nil {
		t.Errorf("no music on hold: %v; heard %v", err, a.Heard())
	}
	if err := b.Retrieve(within(t)); err != nil {
		t.Fatal(err)
	}
	talk(t, a, b)
	from = b.Heard().Length()
	if err := a.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.WaitHeard(within(t), phone.Voice, from); err != nil {
		t.Errorf("the called side hears no music: %v; heard %v", err, b.Heard())
	}
	if err := a.Retrieve(within(t)); err != nil {
		t.Fatal(err)
	}
	talk(t, a, b)
	a.Hangup()
}

func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"caller", "called"} {
		t.Run("by the "+who, func(t *testing.T) {
			t.Parallel()
			x := start(t, bridging)
			bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
			x.phone("15902", taking(bCalls))
			x.phone("15903", taking(cCalls))
			a := x.dial(x.phone("77513", nil), "15902")
			b := <-bCalls
			by, stays := b, a
			if who == "caller" {
				by, stays = a, b
			}
			if err := by.Transfer(within(t), "15903"); err != nil {
				t.Fatal(err)
			}
			c := <-cCalls
			talk(t, stays, c)
			if err := by.WaitEnded(within(t)); err != nil {
				t.Errorf("the transferor's leg still stands: %v", err)
			}
			c.Hangup()
			if err := stays.WaitEnded(within(t)); err != nil {
				t.Errorf("the transferred leg still stands: %v", err)
			}
		})
	}
}

func TestBlindTransferToNobodyComesBack(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	x.phone("15904", phone.IsBusy())
	a := x.dial(x.phone("77513", nil), "15902")
	b := <-calls
	if err := b.Transfer(within(t), "15904"); status(err) != 486 {
		t.Errorf("who transferred is told %v, want 486: the target is busy", err)
	}
	talk(t, a, b)
	a.Hangup()
}

func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"caller", "called"} {
		t.Run("by the "+who, func(t *testing.T) {
			t.Parallel()
			x := start(t, bridging)
			bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
			bPhone := x.phone("15902", taking(bCalls))
			x.phone("15903", taking(cCalls))
			aPhone := x.phone("77513", nil)
			a := x.dial(aPhone, "15902")
			b := <-bCalls
			by, stays, from := b, a, bPhone
			if who == "caller" {
				by, stays, from = a, b, aPhone
			}
			if err := by.Hold(within(t)); err != nil {
				t.Fatal(err)
			}
			consult := x.dial(from, "15903")
			c := <-cCalls
			talk(t, consult, c)
			if err := by.TransferTo(within(t), consult); err != nil {
				t.Fatal(err)
			}
			talk(t, stays, c)
			for _, leg := range []*phone.Call{by, consult} {
				if err := leg.WaitEnded(within(t)); err != nil {
					t.Errorf("a leg of the transferor still stands: %v", err)
				}
			}
			stays.Hangup()
			if err := c.WaitEnded(within(t)); err != nil {
				t.Errorf("the target's leg still stands: %v", err)
			}
		})
	}
}

// Who is transferred into a call that is with the exchange itself hears what it plays, and what he says counts.
func TestTransferIntoAPromptAndARecording(t *testing.T) {
	t.Parallel()
	recorded := make(chan *engine.Recording, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "15902" {
			bridging(ctx, c)
			return
		}
		if _, err := c.PlayPrompt(ctx, []engine.Prompt{{Name: "tone:ringing"}}, engine.PlayOptions{Times: 4, Interrupt: "1"}); err != nil {
			t.Errorf("PlayPrompt: %v", err)
		}
		r, err := c.Record(ctx, engine.RecordOptions{NoBeep: true, Terminator: "#"})
		if err != nil {
			t.Errorf("Record: %v", err)
		}
		if c.From().Number != "77513" {
			t.Errorf("the caller is %+v", c.From())
		}
		recorded <- r
	})
	calls := make(chan *phone.Call, 1)
	bPhone := x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, calls, "b")
	consult := x.dial(bPhone, "600")
	hears(t, consult, phone.RingingTone, 0)
	if err := b.TransferTo(within(t), consult); err != nil {
		t.Fatal(err)
	}
	ended(t, consult)
	hears(t, a, phone.RingingTone, 0)
	press(t, a, "1")
	speak(t, a, 1000)
	_ = a.SendDigits(within(t), "#") // the call may end before its last packet
	if r := receive(t, recorded, "the recording"); strongest(r.Clip.PCM()) != 1000 {
		t.Errorf("recorded %v", r.Length)
	}
}

func TestTransferInTheMiddleOfARecording(t *testing.T) {
	t.Parallel()
	recorded := make(chan *engine.Recording, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "15902" {
			bridging(ctx, c)
			return
		}
		r, err := c.Record(ctx, engine.RecordOptions{Terminator: "#"})
		if err != nil {
			t.Errorf("Record: %v", err)
		}
		recorded <- r
	})
	calls := make(chan *phone.Call, 1)
	bPhone := x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, calls, "b")
	consult := x.dial(bPhone, "600")
	hears(t, consult, phone.Beep, 0)
	speak(t, consult, 700)
	if err := b.TransferTo(within(t), consult); err != nil {
		t.Fatal(err)
	}
	ended(t, consult)
	speak(t, a, 1000)
	_ = a.SendDigits(within(t), "#") // the call may end before its last packet
	pcm := receive(t, recorded, "the recording").Clip.PCM()
	if len(pcm) < 15000 || strongest(pcm[:8000]) != 700 || strongest(pcm[len(pcm)-6000:]) != 1000 {
		t.Errorf("recorded %d samples", len(pcm))
	}
}

// The classic way: who transfers hangs up at once, and does not wait for the answer.
func TestTransferorHangsUpAtOnce(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{true, false} {
		t.Run(map[bool]string{true: "answered", false: "refused"}[answered], func(t *testing.T) {
			t.Parallel()
			x := start(t, bridging)
			bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
			x.phone("15902", taking(bCalls))
			goOn := make(chan struct{})
			x.phone("15903", func(ctx context.Context, c *phone.Call) {
				if c.Ring(ctx) != nil {
					return
				}
				cCalls <- c
				<-goOn
				if !answered {
					_ = c.Reject(486)
				} else if c.Answer(ctx) == nil {
					<-c.Done()
				}
			})
			a := x.dial(x.phone("77513", nil), "15902")
			b := receive(t, bCalls, "b")
			from := a.Heard().Length()
			go func() { _ = b.Transfer(within(t), "15903") }()
			c := receive(t, cCalls, "c")
			hears(t, a, phone.RingingTone, from)
			b.Hangup()
			ended(t, b)
			x.until("15902 is free", func() bool { return !x.Busy("15902") }, x.Standing)
			close(goOn)
			if !answered {
				ended(t, a)
				return
			}
			if err := c.WaitAnswered(within(t)); err != nil {
				t.Fatal(err)
			}
			talk(t, a, c)
			a.Hangup()
			ended(t, c)
		})
	}
}

func TestTransferToOneself(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 2)
	x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, calls, "b")
	if err := b.Transfer(within(t), "15902"); err != nil {
		t.Fatal(err)
	}
	again := receive(t, calls, "b again")
	talk(t, a, again)
	ended(t, b)
	a.Hangup()
	ended(t, again)
}

// A key of the caller's has somebody else asked while the first waits, and he goes back to him.
func TestBridgeWithinABridge(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		c.On("digit", func(engine.Event) {
			if _, err := c.Bridge(ctx, []string{"15903"}, engine.BridgeOptions{}); err != nil {
				t.Errorf("Bridge: %v", err)
			}
		})
		bridging(ctx, c)
	})
	bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("15902", taking(bCalls))
	x.phone("15903", taking(cCalls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, bCalls, "b")
	talk(t, a, b)
	from := b.Heard().Length()
	press(t, a, "5")
	c := receive(t, cCalls, "c")
	hears(t, b, phone.Voice, from)
	talk(t, a, c)
	c.Hangup()
	ended(t, c)
	talk(t, a, b)
	a.Hangup()
	ended(t, b)
}
