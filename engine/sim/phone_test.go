package sim

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// ringing rings some targets.
func ringing(targets ...string) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		_, _ = c.Bridge(ctx, targets, engine.BridgeOptions{})
	}
}

func TestWhoLosesIsToldThatTheCallWasTaken(t *testing.T) {
	x := newExchange(t, ringing("15902", "15903"))
	b, c := x.Phone("15902"), x.Phone("15903")
	second := x.AddPhone("15902")
	b.AnswersAfter(4 * time.Second)
	a := calls(t, x, "77513", "600")
	until(t, x, "all ring", func() bool { return b.IsRinging() && second.IsRinging() && c.IsRinging() })
	talking(t, x, a, b)
	for _, p := range []*Phone{second, c} {
		lost := p.Calls()[0]
		ended(t, x, lost, 487)
		if _, why := lost.WasHungUp(); why != elsewhere || lost.IsMissed() {
			t.Errorf("a telephone that lost lists a missed call: %q", why)
		}
	}
	a.Hangup()
	quiet(t, x)
}

// Two answer in the same moment: the first has the call, the other is hung up and told why.
func TestTwoAnswerAtOnce(t *testing.T) {
	x := newExchange(t, ringing("15902", "15903"))
	b, c := x.Phone("15902"), x.Phone("15903")
	a := calls(t, x, "77513", "600")
	until(t, x, "both ring", func() bool { return b.IsRinging() && c.IsRinging() })
	b.Answers()
	c.Answers()
	talking(t, x, a, b)
	lost := c.Calls()[0]
	ended(t, x, lost, 200)
	if gone, why := lost.WasHungUp(); !gone || why != elsewhere {
		t.Errorf("15903 is told %q", why)
	}
	a.Hangup()
	quiet(t, x)
}

// Somebody else takes the call that rings, by a code that he dials.
func TestPickup(t *testing.T) {
	x := newExchange(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "**3" {
			_, _ = c.Pickup(ctx, engine.PickupOptions{Line: "15902"})
			return
		}
		bridging(ctx, c)
	})
	a := calls(t, x, "77513", "15902")
	b, c := x.Phone("15902"), x.Phone("15903")
	until(t, x, "it rings", b.IsRinging)
	pass(x, 5*time.Second)
	c.Call("**3")
	talking(t, x, a, c)
	lost := b.Calls()[0]
	ended(t, x, lost, 487)
	if lost.IsMissed() {
		t.Error("15902 lists a missed call")
	}
	c.HangsUp()
	ended(t, x, a, 200)
	ended(t, x, calls(t, x, "15903", "**3"), 480)
	quiet(t, x)
}

func TestCallerGivesUp(t *testing.T) {
	x := newExchange(t, bridging)
	b := x.Phone("15902")
	a := calls(t, x, "77513", "15902")
	until(t, x, "it rings", b.IsRinging)
	pass(x, 3*time.Second)
	a.Hangup()
	ended(t, x, a, 487)
	ended(t, x, b.Calls()[0], 487)
	if !b.Calls()[0].IsMissed() {
		t.Error("the telephone lists no missed call")
	}
	quiet(t, x)
}

func TestWhatIsDoneWhileItRingsIsForThatCall(t *testing.T) {
	x := newExchange(t, bridging)
	b := x.Phone("15902")
	a := calls(t, x, "77513", "15902")
	until(t, x, "it rings", b.IsRinging)
	pass(x, 10*time.Second)
	b.AnswersAfter(2 * time.Second)
	b.Waits(5 * time.Second)
	b.HangsUp()
	talking(t, x, a, b)
	after(t, x, 12*time.Second)
	ended(t, x, a, 200)
	after(t, x, 17*time.Second)
	b.Rejects()
	again := calls(t, x, "77513", "15902")
	ended(t, x, again, 486)
	quiet(t, x)
}

func TestTrunks(t *testing.T) {
	var from engine.Party
	x := newExchange(t, func(ctx context.Context, c *engine.Call) {
		from = c.From()
		_, _ = c.Bridge(ctx, []string{"trunk:pstn/+441632960000"}, engine.BridgeOptions{})
	}, trunk)
	out := x.Outside("+441632960000")
	out.AnswersAfter(time.Second)

	a := calls(t, x, "77513", "0")
	talking(t, x, a, out)
	if got := out.Current().Shown(); got.Number != "77513" || got.Asserted != (sip.Address{Display: "Line 77513", User: "77513"}) {
		t.Errorf("outside shows %+v", got)
	}
	a.Hangup()

	a = calls(t, x, "Joe <+447700900123>", "0")
	talking(t, x, a, out)
	if want := (engine.Party{Number: "+447700900123", Name: "Joe", Trunk: "pstn", Verified: true}); from != want {
		t.Errorf("from %+v, want %+v", from, want)
	}
	out.HangsUp()
	ended(t, x, a, 200)

	a = calls(t, x, "anonymous", "0")
	talking(t, x, a, out)
	if got := out.Current().Shown(); from.Number != "" || got.Number != "anonymous" {
		t.Errorf("from %+v, shown %+v", from, got)
	}
	a.Hangup()

	a, err := x.Call("77513", "0", CallOptions{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	talking(t, x, a, out)
	if got := out.Current().Shown(); from.Number != "77513" || !got.Private || got.Number != "anonymous" || got.Asserted.User != "77513" {
		t.Errorf("from %+v, shown %+v", from, got)
	}
	a.Hangup()
	if _, err := x.Call("+44", "0", CallOptions{Trunk: "mobile"}); err == nil {
		t.Error("a call came by a trunk that there is not")
	}
	out.IsOffline()
	a = calls(t, x, "77513", "0")
	ended(t, x, a, 480)
	quiet(t, x)
}

func TestTrunksThatDoNotWork(t *testing.T) {
	for _, tt := range []struct {
		status int
		want   engine.Outcome
		takes  time.Duration
	}{{503, engine.OutcomeCongested, 0}, {404, engine.OutcomeUnreachable, 0}, {IsDead, engine.OutcomeUnreachable, 6 * time.Second}} {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			var got engine.BridgeResult
			x := newExchange(t, func(ctx context.Context, c *engine.Call) {
				got, _ = c.Bridge(ctx, []string{"trunk:pstn/0123"}, engine.BridgeOptions{})
			}, trunk)
			if !x.SetTrunk("pstn", tt.status) || x.SetTrunk("mobile", 503) {
				t.Error("there is one trunk, pstn")
			}
			ended(t, x, calls(t, x, "77513", "0"), 480)
			after(t, x, tt.takes)
			if got.Outcome != tt.want {
				t.Errorf("outcome %s, want %s", got.Outcome, tt.want)
			}
			x.SetTrunk("pstn", 0)
			a := calls(t, x, "77513", "0")
			until(t, x, "it rings", x.Outside("0123").IsRinging)
			a.Hangup()
			quiet(t, x)
		})
	}
}

func TestAddressesOutside(t *testing.T) {
	const carol = "sip:carol@branch.example.com"
	x := newExchange(t, ringing(carol, "sip:mallory@example.net"), func(o *Options) { o.Engine.SIPHosts = []string{"branch.example.com"} })
	x.Outside(carol).AnswersAfter(time.Second)
	a := calls(t, x, "77513", "0")
	talking(t, x, a, x.Outside(carol))
	if got := x.Outside(carol).Current().Shown(); got.Number != "77513" || got.Asserted.User != "" {
		t.Errorf("outside shows %+v; strangers are told nothing that is asserted", got)
	}
	if len(x.Outside("sip:mallory@example.net").Calls()) != 0 {
		t.Error("a host that settings do not name was called")
	}
	a.Hangup()
	quiet(t, x)
}

func TestGuests(t *testing.T) {
	var m engine.Mux
	var from engine.Party
	if err := m.Add(engine.Route{Pattern: "15902", From: []string{"any"}, Handler: engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
		from = c.From()
		bridging(ctx, c)
	})}); err != nil {
		t.Fatal(err)
	}
	x := newExchange(t, m.ServeCall)
	x.Engine().SetHandler(&m)
	b := x.Phone("15902")
	b.AnswersAfter(0)
	a := calls(t, x, "+447700900123", "15902")
	talking(t, x, a, b)
	if from.Verified || from.Line != "" || from.Trunk != "" || from.Number != "+447700900123" {
		t.Errorf("from %+v", from)
	}
	a.Hangup()
	ended(t, x, calls(t, x, "+447700900123", "15903"), 401)
	quiet(t, x)
}

func TestWhyACallCame(t *testing.T) {
	x := newExchange(t, func(ctx context.Context, c *engine.Call) {
		_, _ = c.Bridge(ctx, []string{"15903"}, engine.BridgeOptions{
			Diversion: &engine.Diversion{Number: c.Dialled(), Reason: "no-answer"}, CallerName: "For 15902",
		})
	})
	calls(t, x, "77513", "15902")
	c := x.Phone("15903")
	until(t, x, "it rings", c.IsRinging)
	got := c.Current().Shown()
	if got.Name != "For 15902" || got.Diversion == nil || *got.Diversion != (engine.Diversion{Number: "15902", Reason: "no-answer"}) {
		t.Errorf("15903 shows %+v", got)
	}
	c.Rejects()
	quiet(t, x)
}

func TestSoundBeforeTheAnswer(t *testing.T) {
	x := newExchange(t, ringing("trunk:pstn/1571"), trunk)
	out := x.Outside("1571")
	out.SpeaksEarly()
	a := calls(t, x, "77513", "0")
	until(t, x, "the caller hears the network", func() bool { return a.isHeard() && len(a.session().peers()) == 1 })
	if a.State() == Answered {
		t.Error("he is answered")
	}
	out.AnswersAfter(0)
	talking(t, x, a, out)
	a.Hangup()
	quiet(t, x)
}

// Telephones speak what the exchange does, where that is no G.711.
func TestCodecs(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		t.Run(c.Name(), func(t *testing.T) {
			x := newExchange(t, ringing("trunk:pstn/0123"), func(o *Options) {
				o.Engine.Trunks = []engine.Trunk{{Name: "pstn", Host: "sip.example.net", Codecs: []codec.Codec{c}}}
			})
			out := x.Outside("0123")
			out.AnswersAfter(time.Second)
			a := calls(t, x, "77513", "0")
			talking(t, x, a, out)
			if legs := x.Engine().Calls()[0].Legs; len(legs) != 2 || legs[1].Codec != c.Name() {
				t.Errorf("they speak %+v", legs)
			}
			a.Hangup()
			quiet(t, x)
		})
	}
}

func TestInviteWithoutAnOffer(t *testing.T) {
	x := newExchange(t, bridging)
	b := x.Phone("15902")
	b.AnswersAfter(time.Second)
	a, err := x.Call("77513", "15902", CallOptions{NoOffer: true})
	if err != nil {
		t.Fatal(err)
	}
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

// Whoever hangs up, and whenever: nothing is left over.
func TestHangupAtEveryStep(t *testing.T) {
	story := func(t *testing.T, stop int, who func(x *Exchange) *Caller) (over bool) {
		x := newExchange(t, ringing("15902", "15903"))
		b, c := x.Phone("15902"), x.Phone("15903")
		b.AnswersAfter(3 * time.Second)
		b.Waits(2 * time.Second)
		b.Holds()
		b.Waits(time.Second)
		b.Unholds()
		b.TransfersTo("15903")
		c.AnswersAfter(5 * time.Second)
		a := calls(t, x, "77513", "600")
		w := x.World()
		w.Run(func() bool { return w.Steps() >= stop }, time.Hour)
		over = w.Steps() < stop
		if one := who(x); one != nil {
			one.Hangup()
		}
		pass(x, 10*time.Second)
		if a.State() != Ended {
			a.Hangup()
		}
		quiet(t, x)
		return over
	}
	for name, who := range map[string]func(*Exchange) *Caller{
		"the caller":          func(x *Exchange) *Caller { return x.Phone("77513").Current() },
		"the called":          func(x *Exchange) *Caller { return x.Phone("15902").Current() },
		"who is rung besides": func(x *Exchange) *Caller { return x.Phone("15903").Current() },
	} {
		t.Run(name, func(t *testing.T) {
			stop := 0
			for ; stop < 1000 && !story(t, stop, who) && !t.Failed(); stop++ {
			}
			if stop < 20 {
				t.Errorf("the story has %d steps only", stop)
			}
			t.Logf("%d steps", stop)
		})
	}
}
