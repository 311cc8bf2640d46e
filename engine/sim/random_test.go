package sim

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
)

// switchboard is a dialplan with something of everything.
func switchboard(ctx context.Context, c *engine.Call) {
	switch c.Dialled() {
	case "600":
		_, _ = c.Bridge(ctx, []string{"15902", "15903", "trunk:pstn/0123"}, engine.BridgeOptions{Timeout: 9 * time.Second})
	case "601":
		_, _ = c.Bridge(ctx, []string{"15902", "15903"}, engine.BridgeOptions{Strategy: engine.Sequential, RingFor: 4 * time.Second, Ringback: []engine.Prompt{{Name: "tone:ringing"}}})
	case "602":
		_, _ = c.Conference(ctx, "chess", engine.ConferenceOptions{})
	case "603":
		_, _ = c.RecordVoicemail(ctx, "15903", engine.VoicemailOptions{})
	case "604":
		r, _ := c.ReadDigits(ctx, engine.ReadDigitsOptions{Prompt: []engine.Prompt{{Name: "vm-intro"}}, Max: 3, Tries: 2})
		_ = c.Redirect(ctx, "60"+r.Digits)
	case "605":
		_, _ = c.Pickup(ctx, engine.PickupOptions{Line: "15902"})
	case "606":
		_ = c.Hold(ctx, "")
		_ = c.Sleep(ctx, 5*time.Second)
		_ = c.Unhold(ctx)
		_, _ = c.Bridge(ctx, []string{"15903"}, engine.BridgeOptions{AnswerTo: "1", Announce: []engine.Prompt{{Name: "hello-world"}}})
	default:
		bridging(ctx, c)
	}
}

// anything has four telephones do whatever comes to their minds, and tells the story.
func anything(t *testing.T, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 4))
	story := &told{}
	x := newExchange(t, switchboard, trunk, func(o *Options) { o.Engine.Trace = story })
	phones := []*Phone{x.Phone("77513"), x.Phone("15902"), x.Phone("15903"), x.Outside("0123")}
	numbers := []string{"77513", "15902", "15903", "600", "601", "602", "603", "604", "605", "606", "9"}
	some := func(most time.Duration) time.Duration { return time.Duration(r.Int64N(int64(most))) }
	number := func() string { return numbers[r.IntN(len(numbers))] }
	verbs := []func(p *Phone){
		func(p *Phone) { p.AnswersAfter(some(6 * time.Second)) },
		func(p *Phone) { p.AnswersAfter(0) },
		func(p *Phone) { p.Answers() },
		(*Phone).IsBusy,
		(*Phone).RingsUnanswered,
		(*Phone).IsDead,
		(*Phone).IsOffline,
		(*Phone).IsOnline,
		(*Phone).SpeaksEarly,
		func(p *Phone) { calls(t, x, p.Number(), number()) },
		func(p *Phone) { calls(t, x, p.Number(), number()) },
		func(p *Phone) { calls(t, x, p.Number(), number()) },
		func(p *Phone) { p.Presses("1#2") },
		func(p *Phone) { p.SpeaksFor(some(9 * time.Second)) },
		(*Phone).Holds,
		(*Phone).Unholds,
		(*Phone).HangsUp,
		func(p *Phone) {
			if c := p.Current(); c != nil {
				c.Hangup()
			}
		},
		func(p *Phone) { p.TransfersTo(number()) },
		func(p *Phone) { p.Consults(number()) },
		(*Phone).Transfers,
		func(p *Phone) {
			if other := phones[r.IntN(len(phones))].Current(); other != nil {
				p.TakesOver(other)
			}
		},
	}
	for range 40 {
		verbs[r.IntN(len(verbs))](phones[r.IntN(len(phones))])
		if r.IntN(3) > 0 {
			pass(x, some(4*time.Second))
		}
	}
	for _, p := range phones {
		p.RingsUnanswered()
		for _, c := range p.Calls() {
			c.Hangup()
		}
	}
	pass(x, 2*time.Minute)
	quiet(t, x)
	return story.String()
}

// Whatever telephones do, nothing is left over when all have hung up; and it is the same each time.
func TestAnything(t *testing.T) {
	for seed := range uint64(150) {
		first := anything(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, first)
		}
		if again := anything(t, seed); again != first {
			t.Fatalf("seed %d goes otherwise the second time:\n%s\nat first:\n%s", seed, again, first)
		}
	}
}
