package sim

import (
	"context"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
)

func TestBridgeThatIsAnswered(t *testing.T) {
	x := newExchange(t, bridging)
	b := x.Phone("15902")
	b.AnswersAfter(7 * time.Second)
	a := calls(t, x, "77513", "15902")
	until(t, x, "it rings", func() bool { return b.IsRinging() && a.State() == Ringing })
	after(t, x, 0)
	if got := b.Current().Shown(); got.Number != "77513" || got.Name != "Line 77513" {
		t.Errorf("the telephone shows %+v", got)
	}
	talking(t, x, a, b)
	after(t, x, 7*time.Second)
	pass(x, time.Minute)
	b.HangsUp()
	ended(t, x, a, 200)
	if gone, _ := a.WasHungUp(); !gone {
		t.Error("the caller is not told")
	}
	quiet(t, x)
}

func TestBridgeThatIsNot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		does  func(*Phone)
		want  engine.Outcome
		takes time.Duration
	}{
		{"busy", (*Phone).IsBusy, engine.OutcomeBusy, 0},
		{"rejected", (*Phone).Rejects, engine.OutcomeRejected, 0},
		{"no answer", func(*Phone) {}, engine.OutcomeNoAnswer, 25 * time.Second},
		{"an answer too late", func(p *Phone) { p.AnswersAfter(26 * time.Second) }, engine.OutcomeNoAnswer, 25 * time.Second},
		{"offline", (*Phone).IsOffline, engine.OutcomeUnreachable, 0},
		{"dead", (*Phone).IsDead, engine.OutcomeNoAnswer, 25 * time.Second},
		{"moved", func(p *Phone) { p.Redirects("15903") }, engine.OutcomeUnreachable, 0},
		{"broken", func(p *Phone) { p.Refuses(500) }, engine.OutcomeCongested, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got engine.Outcome
			x := newExchange(t, func(ctx context.Context, c *engine.Call) {
				r, err := c.Bridge(ctx, []string{"15902"}, engine.BridgeOptions{})
				if err != nil {
					t.Errorf("Bridge: %v", err)
				}
				got = r.Outcome
				_ = c.Reject(ctx, engine.Busy)
			})
			tt.does(x.Phone("15902"))
			a := calls(t, x, "77513", "15902")
			ended(t, x, a, 486)
			after(t, x, tt.takes)
			if got != tt.want {
				t.Errorf("outcome %s, want %s", got, tt.want)
			}
			quiet(t, x)
		})
	}
}
