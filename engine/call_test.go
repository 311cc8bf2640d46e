package engine_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// status is the SIP status with which a call was refused, or 0.
func status(err error) int {
	var s *sip.StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

func TestRejectReasonsReachThePhone(t *testing.T) {
	t.Parallel()
	for reason, code := range map[engine.Reason]int{
		engine.Busy: 486, engine.Unavailable: 480, engine.Declined: 603,
		engine.NotFound: 404, engine.Forbidden: 403, engine.Congested: 503,
	} {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			x := start(t, func(ctx context.Context, c *engine.Call) { _ = c.Reject(ctx, reason) })
			a := x.phone("77513", nil)
			_, err := a.Dial(within(t), "12345")
			if got := status(err); got != code {
				t.Errorf("the phone saw %d (%v), want %d", got, err, code)
			}
		})
	}
}

func TestHandlerThatDoesNothingIsUnavailable(t *testing.T) {
	t.Parallel()
	x := start(t, func(context.Context, *engine.Call) {})
	a := x.phone("77513", nil)
	_, err := a.Dial(within(t), "12345")
	if status(err) != 480 {
		t.Errorf("got %v, want 480", err)
	}
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "666" {
			panic("a bug in a handler")
		}
		_ = c.Answer(ctx)
		<-ctx.Done()
	})
	a, b := x.phone("77513", nil), x.phone("77514", nil)
	fine := x.dial(b, "100")
	_, err := a.Dial(within(t), "666")
	if status(err) != 500 {
		t.Errorf("the caller of the broken handler got %v, want 500", err)
	}
	if err := fine.Play(within(t), sine(1000)); err != nil || fine.Err() != nil {
		t.Errorf("the other call is gone: %v, %v", err, fine.Err())
	}
	fine.Hangup()
}

func TestPromptIsHeardAndAKeyInterruptsIt(t *testing.T) {
	t.Parallel()
	got := make(chan engine.PlayResult, 2)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		for {
			r, err := c.PlayPrompt(ctx, []engine.Prompt{{Name: "hello-world"}, {Name: "tone:ringing"}}, engine.PlayOptions{Interrupt: "5", Times: 20})
			if err != nil {
				return
			}
			got <- r
			if r.Outcome == engine.OutcomeInterrupted {
				_ = c.Sleep(ctx, time.Hour)
			}
		}
	})
	a := x.phone("77513", nil)
	call := x.dial(a, "100")
	if _, err := call.WaitHeard(within(t), phone.Voice, 0); err != nil {
		t.Fatalf("no prompt heard: %v; heard %v", err, call.Heard())
	}
	if err := call.SendDigits(within(t), "15"); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r != (engine.PlayResult{Outcome: engine.OutcomeInterrupted, Digit: "5"}) {
		t.Errorf("got %+v", r)
	}
	call.Hangup()
}

func TestReadDigits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, press string
		o           engine.ReadDigitsOptions
		want        engine.DigitsResult
	}{
		{"terminator ends", "123#", engine.ReadDigitsOptions{Min: 1, Terminator: "#"}, engine.DigitsResult{Outcome: engine.OutcomeDigits, Digits: "123"}},
		{"maximum ends", "12345", engine.ReadDigitsOptions{Max: 5}, engine.DigitsResult{Outcome: engine.OutcomeDigits, Digits: "12345"}},
		{"too few", "12#", engine.ReadDigitsOptions{Min: 5, Terminator: "#"}, engine.DigitsResult{Outcome: engine.OutcomeInvalid, Digits: "12"}},
		{"nothing", "", engine.ReadDigitsOptions{Min: 1, Timeout: 50 * time.Millisecond}, engine.DigitsResult{Outcome: engine.OutcomeTimeout}},
		{"a pause ends", "12", engine.ReadDigitsOptions{Min: 1, Between: 500 * time.Millisecond}, engine.DigitsResult{Outcome: engine.OutcomeDigits, Digits: "12"}},
		{"second try", "1#987#", engine.ReadDigitsOptions{Min: 3, Terminator: "#", Tries: 2}, engine.DigitsResult{Outcome: engine.OutcomeDigits, Digits: "987"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan engine.DigitsResult, 1)
			x := start(t, func(ctx context.Context, c *engine.Call) {
				r, err := c.ReadDigits(ctx, tt.o)
				if err != nil {
					t.Errorf("ReadDigits: %v", err)
				}
				got <- r
				_ = c.Sleep(ctx, time.Hour)
			})
			call := x.dial(x.phone("77513", nil), "100")
			if err := call.SendDigits(within(t), tt.press); err != nil {
				t.Fatal(err)
			}
			if r := <-got; r != tt.want {
				t.Errorf("got %+v, want %+v", r, tt.want)
			}
			call.Hangup()
		})
	}
}

func TestHangupUnwindsTheHandlerAndThenCleansUp(t *testing.T) {
	t.Parallel()
	gone, cleaned := make(chan error, 1), make(chan struct{})
	x := start(t, func(ctx context.Context, c *engine.Call) {
		c.OnHangup(func() { close(cleaned) })
		_ = c.Answer(ctx)
		gone <- c.Sleep(ctx, time.Hour)
	})
	call := x.dial(x.phone("77513", nil), "100")
	call.Hangup()
	if err := <-gone; !errors.Is(err, engine.ErrHangup) {
		t.Errorf("Sleep returned %v", err)
	}
	<-cleaned
}

func TestRecordingGivesBackWhatWasSaid(t *testing.T) {
	t.Parallel()
	got := make(chan *engine.Recording, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, err := c.Record(ctx, engine.RecordOptions{Terminator: "#", NoBeep: true})
		if err != nil {
			t.Errorf("Record: %v", err)
		}
		got <- r
		_ = c.Sleep(ctx, time.Hour)
	})
	call := x.dial(x.phone("77513", nil), "100")
	if err := call.Play(within(t), sine(1000)); err != nil {
		t.Fatal(err)
	}
	if err := call.SendDigits(within(t), "#"); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Length < 900*time.Millisecond || r.Length > 3*time.Second {
		t.Errorf("recorded %v of one second", r.Length)
	}
	if hz := strongest(r.Clip.PCM()); hz != 1000 {
		t.Errorf("the recording sounds at %d Hz", hz)
	}
}

func TestRedirectRoutesAfreshButNotInACircle(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		switch c.Dialled() {
		case "1":
			_ = c.Redirect(ctx, "2")
		case "2":
			_ = c.Reject(ctx, engine.Busy)
		case "3":
			_ = c.Redirect(ctx, "3")
		}
	})
	a := x.phone("77513", nil)
	if _, err := a.Dial(within(t), "1"); status(err) != 486 {
		t.Errorf("redirected call: %v, want 486 from where it went", err)
	}
	if _, err := a.Dial(within(t), "3"); status(err) != 482 {
		t.Errorf("circle: %v, want 482", err)
	}
}

func TestFullExchangeTakesEmergenciesOnly(t *testing.T) {
	t.Parallel()
	answer := engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
		_ = c.Answer(ctx)
		<-ctx.Done()
	})
	var mux engine.Mux
	for _, r := range []engine.Route{{Pattern: "1xx", Handler: answer}, {Pattern: "999", Emergency: true, Needs: "premium", Handler: answer}} {
		if err := mux.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	x := start(t, nil, func(o *engine.Options) { o.Handler, o.MaxCalls = &mux, 1 })
	a, b := x.phone("77513", nil), x.phone("77514", nil)
	first := x.dial(a, "100")
	if _, err := b.Dial(within(t), "101"); status(err) != 503 {
		t.Errorf("a full exchange answered %v, want 503", err)
	}
	x.dial(b, "999").Hangup()
	first.Hangup()
}

// strongest is which of a few frequencies sounds loudest.
func strongest(pcm []int16) (best int) {
	loudest := 0.0
	for _, hz := range []int{300, 400, 500, 700, 1000, 1300, 1700, 2000, 2600} {
		if p := goertzel(pcm, float64(hz)); p > loudest {
			loudest, best = p, hz
		}
	}
	return best
}

func TestKeyHandlerMayUsePrimitivesAndThePromptGoesOn(t *testing.T) {
	t.Parallel()
	played := make(chan engine.PlayResult, 1)
	var keys []string
	x := start(t, func(ctx context.Context, c *engine.Call) {
		c.On("digit", func(e engine.Event) {
			keys = append(keys, e.Digit)
			_, _ = c.PlayPrompt(ctx, []engine.Prompt{{Name: "tone:beep"}, {Name: "silence:0.5s"}}, engine.PlayOptions{})
		})
		r, _ := c.PlayPrompt(ctx, []engine.Prompt{{Name: "tone:ringing"}}, engine.PlayOptions{Times: 2})
		played <- r
	})
	call := x.dial(x.phone("77513", nil), "100")
	hears(t, call, phone.RingingTone, 0)
	press(t, call, "12")
	if r := receive(t, played, "the prompt's end"); r.Outcome != engine.OutcomePlayed {
		t.Errorf("got %+v", r)
	}
	ended(t, call)
	h := call.Heard()
	beeps := 0
	for _, s := range h.Sounds {
		if s.Kind == phone.Beep {
			beeps++
		}
	}
	// Two turns of the ringing tone are six seconds; two keys put more than a second between.
	if beeps != 2 || strings.Join(keys, "") != "12" || h.Length() < 6500*time.Millisecond {
		t.Errorf("keys %v; heard %v", keys, h)
	}
	if last := h.Sounds[len(h.Sounds)-1]; last.Kind == phone.Beep {
		t.Errorf("the prompt did not go on: %v", h)
	}
}

func TestContextOfThePrimitiveEndsAndTheCallLives(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		_, err := c.PlayPrompt(short, []engine.Prompt{{Name: "silence:1m"}}, engine.PlayOptions{})
		errs <- err
		_ = c.Echo(ctx, time.Minute)
	})
	call := x.dial(x.phone("77513", nil), "100")
	if err := receive(t, errs, "PlayPrompt"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PlayPrompt: %v", err)
	}
	from := call.Heard().Length()
	speak(t, call, 1000)
	hears(t, call, phone.Beep, from)
	_ = call.SendDigits(within(t), "#") // the call may end before its last packet
	ended(t, call)
}

func TestRedirectKeepsItsDialplan(t *testing.T) {
	t.Parallel()
	var x *exchange
	x = start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "2" {
			_ = c.Reject(ctx, engine.Busy)
			return
		}
		x.SetHandler(engine.HandlerFunc(func(ctx context.Context, c *engine.Call) { _ = c.Reject(ctx, engine.Declined) }))
		_ = c.Redirect(ctx, "2")
	})
	a := x.phone("77513", nil)
	if _, err := a.Dial(within(t), "1"); status(err) != 486 {
		t.Errorf("a call under way: %v, want 486 from the dialplan it began with", err)
	}
	if _, err := a.Dial(within(t), "1"); status(err) != 603 {
		t.Errorf("the next call: %v, want 603 from the new dialplan", err)
	}
}

func TestEarlyMediaOfATrunk(t *testing.T) {
	t.Parallel()
	far := start(t, func(ctx context.Context, c *engine.Call) {
		_ = c.Tone(ctx, "unobtainable")
		_ = c.Sleep(ctx, 4*time.Second)
		_ = c.Reject(ctx, engine.NotFound)
	})
	far.Engine.SetTrunks([]engine.Trunk{{Name: "us", Host: "127.0.0.1:5060", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	results := make(chan bridged, 2)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "2" {
			_ = c.Answer(ctx)
		}
		r, err := c.Bridge(ctx, []string{"trunk:pstn/1"}, engine.BridgeOptions{})
		results <- bridged{r, err}
	})
	x.SetTrunks([]engine.Trunk{{Name: "pstn", Host: far.Addrs("udp")[0], From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	a := x.phone("77513", nil)
	for _, number := range []string{"1", "2"} {
		c, err := a.Start(within(t), number)
		if err != nil {
			t.Fatal(err)
		}
		hears(t, c, phone.UnobtainableTone, 0)
		if answered := c.Leg() != nil; answered != (number == "2") {
			t.Errorf("%s: answered: %v", number, answered)
		}
		if r := receive(t, results, "Bridge"); r.Outcome != engine.OutcomeUnreachable {
			t.Errorf("Bridge: %+v", r)
		}
		ended(t, c)
	}
}

func TestWhoHoldsMaySendNothing(t *testing.T) {
	t.Parallel()
	x := start(t, bridging, func(o *engine.Options) { o.RTPTimeout = time.Second })
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, calls, "the answer")
	if err := a.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	a.Echo() // it hears nothing, and so it sends nothing
	from := b.Heard().Length()
	x.until("the other side has had music for 3 s", func() bool { return b.Heard().Length() > from+3*time.Second }, func() string { return b.Heard().String() })
	if a.Err() != nil || b.Err() != nil {
		t.Fatalf("the call is gone: %v, %v", a.Err(), b.Err())
	}
	if err := a.Retrieve(within(t)); err != nil {
		t.Fatal(err)
	}
	a.Hangup()
	ended(t, b)
}

func TestSilentPhoneIsHungUp(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		_ = c.Answer(ctx)
		<-ctx.Done()
	}, func(o *engine.Options) { o.RTPTimeout = time.Second })
	c := x.dial(x.phone("77513", nil), "1")
	c.Echo()
	ended(t, c)
}
