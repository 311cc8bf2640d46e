package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

func TestLentCredentialsCallAsTheLineForAMinute(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	fake := clock.NewFake(time.Unix(1_790_000_000, 0))
	callers := make(chan engine.Party, 2)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		callers <- c.From()
		_ = c.Answer(ctx)
		<-ctx.Done()
	}, func(o *engine.Options) { o.Clock = fake })
	x.phone("77513", nil)
	user, secret, err := x.Lend("77513", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Options{Server: x.Addrs("udp")[0], Number: "77513", User: user, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	call := x.dial(p, "600")
	if who := <-callers; who.Line != "77513" || who.Number != "77513" || who.Name != "Line 77513" || !who.Verified {
		t.Errorf("the call comes from %+v", who)
	}
	fake.Advance(time.Minute)
	select {
	case <-call.Done():
		t.Error("the call ends with what was lent")
	default:
	}
	var status *sip.StatusError
	if _, err := p.Dial(ctx, "600"); !errors.As(err, &status) || status.Code != 401 && status.Code != 403 {
		t.Errorf("a call after a minute: %v, want a refusal", err)
	}
	call.Hangup()
}

func TestWhatWasLentIsTakenBack(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	x := start(t, func(ctx context.Context, c *engine.Call) { _ = c.Answer(ctx) })
	x.phone("77513", nil)
	user, secret, err := x.Lend("77513", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Options{Server: x.Addrs("udp")[0], Number: "77513", User: user, Line: "77513", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Register(ctx); err != nil {
		t.Errorf("registering as one more phone of the line: %v", err)
	}
	x.dial(p, "600").Hangup()
	x.TakeBack(user)
	var status *sip.StatusError
	if _, err := p.Dial(ctx, "600"); !errors.As(err, &status) || status.Code != 401 && status.Code != 403 {
		t.Errorf("a call after that: %v, want a refusal", err)
	}
}

func TestLoansAreBounded(t *testing.T) {
	t.Parallel()
	fake := clock.NewFake(time.Unix(1_790_000_000, 0))
	x := start(t, nil, func(o *engine.Options) { o.Clock = fake })
	granted := 0
	for range 1000 {
		if _, _, err := x.Lend("77513", time.Minute); err == nil {
			granted++
		}
	}
	if granted == 0 || granted >= 1000 {
		t.Errorf("%d of 1000 were lent at once", granted)
	}
	fake.Advance(time.Minute)
	if _, _, err := x.Lend("77513", time.Minute); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
