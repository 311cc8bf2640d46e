package engine_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// withheld is a phone of line 77513 that asks not to be named.
func withheld(x *exchange) *phone.Phone {
	return x.phoneWith(phone.Options{Number: "anonymous", User: "77513"})
}

// named tells what of a caller a phone can find out.
func named(l *sip.Leg) string {
	return l.From().Display + " " + l.From().User + " " + l.Header("P-Asserted-Identity") + " " + l.Header("Diversion")
}

func TestWithheldNumberIsNotShown(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a := x.dial(withheld(x), "15901")
	b := receive(t, calls, "the call")
	if shown := named(b.Leg()); strings.Contains(shown, "77513") {
		t.Errorf("the called phone sees %q", shown)
	}
	a.Hangup()
	ended(t, b)
	x.settled()
	if got := entries(t, x, "15901"); !slices.Equal(got, []string{"received "}) {
		t.Errorf("the log of who was called: %q", got)
	}
	if got := entries(t, x, "77513"); !slices.Equal(got, []string{"dialled 15901"}) {
		t.Errorf("the caller's own log: %q", got)
	}
	if r := records(t, x); r[0].From != "77513" {
		t.Errorf("those who run the exchange do not know who called: %+v", r)
	}
}

func TestWithheldNumberStaysWithheldInATransfer(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("15901", taking(bCalls))
	x.phone("15902", taking(cCalls))
	a := x.dial(withheld(x), "15901")
	if err := receive(t, bCalls, "b").Transfer(within(t), "15902"); err != nil {
		t.Fatal(err)
	}
	c := receive(t, cCalls, "c")
	if shown := named(c.Leg()); strings.Contains(shown, "77513") {
		t.Errorf("the phone he is transferred to sees %q", shown)
	}
	a.Hangup()
	ended(t, c)
}

func TestWithheldNumberIsNotSaidByTheMailbox(t *testing.T) {
	t.Parallel()
	x := start(t, leavingAMessage(engine.VoicemailOptions{Greeting: []engine.Prompt{{Name: "silence:0.1s"}}}, nil))
	box := x.mailbox("15901")
	a := x.dial(withheld(x), "15901")
	hears(t, a, phone.Beep, 0)
	speak(t, a, 1000)
	speak(t, a, 1000)
	speak(t, a, 1000)
	a.Hangup()
	x.settled()
	if m := messages(t, box); len(m) != 1 || m[0].From != "" || m[0].Name != "" {
		t.Errorf("messages: %+v", m)
	}
}

// carrier is the far end of a trunk "pstn" of the exchange.
func (x *exchange) carrier(behaviour phone.Handler) *phone.Phone {
	p, err := phone.New(phone.Options{Server: x.Addrs("udp")[0], Incoming: behaviour, Log: x.Log()})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			x.t.Error(err)
		}
	})
	x.SetTrunks([]engine.Trunk{{Name: "pstn", Host: p.Addr().String(), From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}) // so that nobody here is taken for it
	return p
}

func TestNetworkIsToldAWithheldNumberInConfidence(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		_, _ = c.Bridge(ctx, []string{"trunk:pstn/999"}, engine.BridgeOptions{})
	})
	calls := make(chan *phone.Call, 1)
	x.carrier(taking(calls))
	a := x.dial(withheld(x), "1")
	l := receive(t, calls, "the call").Leg()
	if l.From().User != "anonymous" || !strings.Contains(l.Header("P-Asserted-Identity"), "77513") || l.Header("Privacy") != "id" {
		t.Errorf("From %+v, P-Asserted-Identity %q, Privacy %q", l.From(), l.Header("P-Asserted-Identity"), l.Header("Privacy"))
	}
	a.Hangup()
}

// Who telephones from outside may not telephone on at the expense of whom he has called.
func TestOutsiderCannotTransfer(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "0900" {
			t.Error("somebody pays for it")
		}
		_, _ = c.Bridge(ctx, []string{"trunk:pstn/1"}, engine.BridgeOptions{})
	})
	calls := make(chan *phone.Call, 1)
	x.carrier(taking(calls))
	a := x.dial(x.phone("77513", nil), "1")
	b := receive(t, calls, "the call")
	if err := b.Transfer(within(t), "0900"); status(err) != 403 {
		t.Errorf("REFER of the carrier: %v, want 403", err)
	}
	talk(t, a, b)
	a.Hangup()
}
