package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/phone"
)

func TestRunEndsWithCallsUpAndWritesThemDown(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		switch c.Dialled() {
		case "room":
			_, _ = c.Conference(ctx, "chess", engine.ConferenceOptions{})
		case "echo":
			_ = c.Echo(ctx, time.Hour)
		default:
			_, _ = c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{})
		}
	})
	calls := make(chan *phone.Call, 2)
	x.phone("15901", taking(calls))
	x.phone("15902", ringing(calls))
	all := []*phone.Call{
		x.dial(x.phone("77501", nil), "room"), x.dial(x.phone("77502", nil), "echo"), x.dial(x.phone("77503", nil), "15901"),
		receive(t, calls, "15901"),
	}
	if _, err := x.phone("77504", nil).Start(within(t), "15902"); err != nil {
		t.Fatal(err)
	}
	all = append(all, receive(t, calls, "15902"))
	x.stop()
	for _, c := range all {
		ended(t, c)
	}
	x.settled()
	if r := records(t, x); len(r) != 4 {
		t.Errorf("%d records of 4 calls", len(r))
	}
}

func TestDrainTakesEmergenciesAndWaitsForTheLast(t *testing.T) {
	t.Parallel()
	hold := engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
		_ = c.Answer(ctx)
		<-ctx.Done()
	})
	var mux engine.Mux
	for _, r := range []engine.Route{{Pattern: "1xx", Handler: hold}, {Pattern: "999", Emergency: true, Needs: "premium", Handler: hold}} {
		if err := mux.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	x := start(t, mux.ServeCall, func(o *engine.Options) { o.Handler = &mux })
	a, b := x.phone("77513", nil), x.phone("77514", nil)
	first := x.dial(a, "100")
	drained := make(chan error, 1)
	go func() { drained <- x.Drain(within(t)) }()
	x.until("no new call is taken", func() bool {
		c, err := b.Dial(within(t), "100")
		if err == nil {
			c.Hangup()
		}
		return status(err) == 503
	}, x.Standing)
	urgent := x.dial(b, "999")
	first.Hangup()
	ended(t, first)
	if len(drained) > 0 {
		t.Error("drained during an emergency call")
	}
	urgent.Hangup()
	if err := receive(t, drained, "the end of draining"); err != nil {
		t.Error(err)
	}
	if r := records(t, x); !slices.ContainsFunc(r, func(r callog.Record) bool { return r.Emergency && r.To == "999" }) {
		t.Errorf("no record of the emergency: %+v", r)
	}
}

func TestNoMoreThanMaxCallsAtOnce(t *testing.T) {
	t.Parallel()
	x := start(t, func(ctx context.Context, c *engine.Call) {
		_ = c.Answer(ctx)
		<-ctx.Done()
	}, func(o *engine.Options) { o.MaxCalls = 3 })
	results := make(chan error, 9)
	for _, number := range []string{"1", "2", "3"} {
		p := x.phone(number, nil)
		for range 3 {
			go func() {
				_, err := p.Dial(within(t), "100")
				results <- err
			}()
		}
	}
	taken := 0
	for range cap(results) {
		switch err := receive(t, results, "an answer"); {
		case err == nil:
			taken++
		case status(err) != 503:
			t.Errorf("refused with %v", err)
		}
	}
	if taken != 3 {
		t.Errorf("%d calls were taken, 3 may be", taken)
	}
}
