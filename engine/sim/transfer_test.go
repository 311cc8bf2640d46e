package sim

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
)

// conversation has 77513 talk to 15902, on an exchange that rings whatever was dialled.
func conversation(t *testing.T, change ...func(*Options)) (*Exchange, *Caller, *Phone) {
	t.Helper()
	x := newExchange(t, bridging, change...)
	b := x.Phone("15902")
	b.AnswersAfter(3 * time.Second)
	a := calls(t, x, "77513", "15902")
	talking(t, x, a, b)
	return x, a, b
}

func TestBlindTransfer(t *testing.T) {
	for _, by := range []string{"caller", "called"} {
		t.Run("by the "+by, func(t *testing.T) {
			x, a, b := conversation(t)
			leaves, stays := b.Current(), a
			if by == "caller" {
				leaves, stays = a, b.Current()
			}
			c := x.Phone("15903")
			c.AnswersAfter(4 * time.Second)
			leaves.Transfer("15903")
			until(t, x, "15903 rings", c.IsRinging)
			if got := c.Current().Shown(); got.Number != stays.Phone().Number() || got.Diversion != nil {
				t.Errorf("15903 shows %+v", got)
			}
			talking(t, x, stays, c)
			after(t, x, 7*time.Second)
			if p := leaves.Transferred(); p.Code != 200 || !p.Over {
				t.Errorf("who transferred was told %+v", p)
			}
			ended(t, x, leaves, 200)
			if gone, _ := leaves.WasHungUp(); gone {
				t.Error("he was hung up; he should have done that himself")
			}
			c.HangsUp()
			ended(t, x, stays, 200)
			quiet(t, x)
		})
	}
}

func TestBlindTransferThatComesBack(t *testing.T) {
	x, a, b := conversation(t)
	x.Phone("15903").IsBusy()
	b.TransfersTo("15903")
	until(t, x, "it is decided", func() bool { return b.Current().Transferred().Over })
	if p := b.Current().Transferred(); p.Code != 486 {
		t.Errorf("who transferred was told %+v, want 486", p)
	}
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

func TestTransferThatIsRefused(t *testing.T) {
	x := newExchange(t, bridging, trunk)
	b := x.Phone("15902")
	b.AnswersAfter(0)
	a := calls(t, x, "Joe <+447700900123>", "15902")
	talking(t, x, a, b)
	a.Transfer("15903") // somebody outside may not telephone at our expense
	until(t, x, "it is decided", func() bool { return a.Transferred().Over })
	if p := a.Transferred(); p.Code != 403 {
		t.Errorf("who transferred was told %+v, want 403", p)
	}
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

func TestAttendedTransfer(t *testing.T) {
	for _, by := range []string{"caller", "called"} {
		t.Run("by the "+by, func(t *testing.T) {
			x, a, b := conversation(t)
			leaves, stays := b, a
			if by == "caller" {
				leaves, stays = a.Phone(), b.Current()
			}
			first := leaves.Current()
			c := x.Phone("15903")
			c.AnswersAfter(2 * time.Second)
			second := leaves.Consults("15903")
			talking(t, x, second, c)
			if !first.IsHolding() || first.IsTalkingTo(stays.Phone().Number()) {
				t.Error("the first call is not on hold")
			}
			leaves.Transfers()
			talking(t, x, stays, c)
			for _, one := range []*Caller{first, second} {
				ended(t, x, one, 200)
				if gone, _ := one.WasHungUp(); gone {
					t.Error("he was hung up; he should have done that himself")
				}
			}
			stays.Hangup()
			until(t, x, "15903 is hung up", func() bool { return c.Current() == nil })
			quiet(t, x)
		})
	}
}

// The call to which somebody would be transferred is over: he is told so, and gets his first call back.
func TestAttendedTransferToACallThatIsOver(t *testing.T) {
	x, a, b := conversation(t)
	first := b.Current()
	c := x.Phone("15903")
	c.AnswersAfter(0)
	second := b.Consults("15903")
	talking(t, x, second, c)
	second.Hangup()
	first.TransferTo(second)
	until(t, x, "it is decided", func() bool { return first.Transferred().Over })
	if p := first.Transferred(); p.Code != 481 {
		t.Errorf("who transferred was told %+v, want 481", p)
	}
	first.Unhold()
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}

// Who transfers hangs up at once: the transfer goes on, and can come back to nobody.
func TestTransferorHangsUpAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		does func(*Phone)
	}{{"answered", func(p *Phone) { p.AnswersAfter(4 * time.Second) }}, {"busy", (*Phone).IsBusy}, {"silent", func(*Phone) {}}} {
		t.Run(tt.name, func(t *testing.T) {
			x, a, b := conversation(t)
			c := x.Phone("15903")
			tt.does(c)
			b.TransfersTo("15903")
			b.HangsUp()
			if tt.name == "answered" {
				talking(t, x, a, c)
				c.HangsUp()
			}
			ended(t, x, a, 200)
			quiet(t, x)
		})
	}
}

// A telephone takes over what another one talks about (RFC 3891).
func TestTakingACallOver(t *testing.T) {
	x, a, b := conversation(t)
	was := b.Current()
	c := x.Phone("15903")
	c.TakesOver(was)
	talking(t, x, a, c)
	ended(t, x, was, 200)
	if got := x.Engine().Calls(); len(got) != 1 || got[0].With != "15903" || got[0].State != engine.StateAnswered {
		t.Errorf("calls: %+v", got)
	}
	late := x.Phone("15903").TakesOver(was)
	ended(t, x, late, 603)
	c.HangsUp()
	ended(t, x, a, 200)
	quiet(t, x)
}

func TestHold(t *testing.T) {
	x, a, b := conversation(t)
	b.Holds()
	until(t, x, "15902 holds", b.Current().IsHolding)
	if a.IsTalkingTo("15902") || b.Current().Refused() != nil {
		t.Error("they still talk")
	}
	b.Unholds()
	talking(t, x, a, b)
	a.Hangup()
	quiet(t, x)
}
