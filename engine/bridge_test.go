package engine_test

import (
	"context"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

func TestTwoPhonesTalkBothWays(t *testing.T) {
	t.Parallel()
	results := make(chan engine.BridgeResult, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, err := c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{})
		if err != nil {
			t.Logf("bridge: %v", err)
		}
		results <- r
	})
	answered := make(chan *phone.Call, 1)
	a := x.phone("77513", nil)
	x.phone("15902", func(ctx context.Context, c *phone.Call) {
		if err := c.Answer(ctx); err != nil {
			t.Errorf("answer: %v", err)
		}
		answered <- c
		<-c.Done()
	})
	call := x.dial(a, "15902")
	far := <-answered
	if err := call.Play(within(t), sine(1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := far.WaitHeard(within(t), phone.Beep, 0); err != nil {
		t.Errorf("15902 did not hear 77513: %v; heard %v", err, far.Heard())
	}
	if err := far.Play(within(t), sine(700)); err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitHeard(within(t), phone.Beep, 0); err != nil {
		t.Errorf("77513 did not hear 15902: %v; heard %v", err, call.Heard())
	}
	far.Hangup()
	if err := call.WaitEnded(within(t)); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.Outcome != engine.OutcomeAnswered || r.By != "15902" {
		t.Errorf("Bridge returned %+v", r)
	}
}
