package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// pickingUp takes what rings at the line behind "**", or in the pickup group "lodge" for "**3"; what else is dialled rings.
func pickingUp(results chan<- engine.PickupResult) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		line, code := strings.CutPrefix(c.Dialled(), "**")
		if !code {
			bridging(ctx, c)
			return
		}
		o := engine.PickupOptions{Line: line}
		if line == "3" {
			o = engine.PickupOptions{Group: "lodge"}
		}
		r, err := c.Pickup(ctx, o)
		results <- r
		if err == nil {
			_ = c.Reject(ctx, engine.Unavailable)
		}
	}
}

// inGroup puts a line into the pickup group "lodge".
func (x *exchange) inGroup(number string) {
	x.t.Helper()
	if err := x.Directory().Update(within(x.t), number, func(l *directory.Line) error { l.PickupGroup = "lodge"; return nil }); err != nil {
		x.t.Fatal(err)
	}
}

func TestPickup(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"**15902", "**3"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			results := make(chan engine.PickupResult, 1)
			x := start(t, pickingUp(results))
			rings := make(chan *phone.Call, 1)
			x.phone("15902", ringing(rings))
			x.inGroup("15902")
			a, c := x.phone("77513", nil), x.phone("77514", nil)

			answered := make(chan *phone.Call, 1)
			go func() {
				if call, err := a.Dial(within(t), "15902"); err == nil {
					answered <- call
				}
			}()
			rung := receive(t, rings, "ringing at 15902")
			taker := x.dial(c, code)
			caller := receive(t, answered, "an answer for 77513")
			if r := receive(t, results, "the pickup's result"); r.Outcome != engine.OutcomeAnswered || r.For != "15902" {
				t.Errorf("picked up: %+v", r)
			}
			talk(t, caller, taker)
			ended(t, rung)
			if why := rung.Leg().EndReason(); !strings.Contains(why, "Call completed elsewhere") {
				t.Errorf("15902 was told %q: it will show a missed call", why)
			}
			if live := x.Calls(); len(live) != 1 || live[0].With != "77514" {
				t.Errorf("live calls: %+v", live)
			}
			taker.Hangup()
			ended(t, caller)
			x.settled()
			entries, err := x.CallLog().Entries(within(t), "15902", 10)
			if err != nil || len(entries) != 1 || entries[0].Kind != callog.Received || entries[0].ByOther != "77514" {
				t.Errorf("the log of 15902: %+v, %v; it was answered by another", entries, err)
			}
		})
	}
}

func TestPickupOfNothing(t *testing.T) {
	t.Parallel()
	results := make(chan engine.PickupResult, 1)
	x := start(t, pickingUp(results))
	x.phone("15902", nil)
	if _, err := x.phone("77514", nil).Dial(within(t), "**3"); err == nil {
		t.Error("a pickup of nothing was answered")
	}
	if r := receive(t, results, "the pickup's result"); r.Outcome != engine.OutcomeNoAnswer {
		t.Errorf("outcome %q", r.Outcome)
	}
}

// Who rings may be taken once: of two who try at the same time one is told that nothing rings.
func TestTwoPickUpAtOnce(t *testing.T) {
	t.Parallel()
	results := make(chan engine.PickupResult, 2)
	x := start(t, pickingUp(results))
	rings := make(chan *phone.Call, 1)
	x.phone("15902", ringing(rings))
	a := x.phone("77513", nil)
	answered := make(chan *phone.Call, 1)
	go func() {
		if call, err := a.Dial(within(t), "15902"); err == nil {
			answered <- call
		}
	}()
	receive(t, rings, "ringing at 15902")
	for _, number := range []string{"77514", "77515"} {
		p := x.phone(number, nil)
		go func() { _, _ = p.Dial(within(t), "**15902") }()
	}
	outcomes := map[engine.Outcome]int{}
	for range 2 {
		outcomes[receive(t, results, "a pickup's result").Outcome]++
	}
	if outcomes[engine.OutcomeAnswered] != 1 || outcomes[engine.OutcomeNoAnswer] != 1 {
		t.Errorf("outcomes: %v", outcomes)
	}
	receive(t, answered, "an answer for 77513").Hangup()
}
