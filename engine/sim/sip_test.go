package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/store/memory"
)

// What call control and callers are told among simulated telephones is what they are told over SIP.
func TestAsOverSIP(t *testing.T) {
	status := func(code int) phone.Handler {
		return func(_ context.Context, c *phone.Call) { _ = c.Reject(code) }
	}
	for _, tt := range []struct {
		name string
		real phone.Handler // nil: it is not registered
		sim  func(p *Phone)
	}{
		{"answers", phone.AnswersAfter(0, func(context.Context, *phone.Call) {}), func(p *Phone) { p.AnswersAfter(0); p.HangsUp() }},
		{"busy", phone.IsBusy(), (*Phone).IsBusy},
		{"rejects", phone.Rejects(), (*Phone).Rejects},
		{"rings", phone.RingsForEver(), func(*Phone) {}},
		{"offline", nil, (*Phone).IsOffline},
		{"480", status(480), func(p *Phone) { p.Refuses(480) }},
		{"404", status(404), func(p *Phone) { p.Refuses(404) }},
		{"500", status(500), func(p *Phone) { p.Refuses(500) }},
		{"600", status(600), func(p *Phone) { p.Refuses(600) }},
		{"302", status(302), func(p *Phone) { p.Redirects("15903") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want, got := overSIP(t, tt.real), inWorld(t, tt.sim)
			if got != want {
				t.Errorf("over SIP %s\nsimulated %s", want, got)
			}
		})
	}
}

// asking rings 15902 on behalf of another, tells what came of it, and refuses the call with a reason.
func asking(results chan<- engine.BridgeResult) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		r, err := c.Bridge(ctx, []string{"15902"}, engine.BridgeOptions{
			Timeout: time.Second, CallerName: "Ada for 600", Diversion: &engine.Diversion{Number: "600", Reason: "user-busy"},
		})
		if err == nil {
			_ = c.Reject(ctx, engine.Congested)
		}
		results <- r
	}
}

// summary is what is compared.
func summary(r engine.BridgeResult, code int, shown Shown) string {
	return fmt.Sprintf("%s by %q, the caller is told %d, the telephone shows %q %q %+v", r.Outcome, r.By, code, shown.Name, shown.Number, shown.Diversion)
}

func inWorld(t *testing.T, does func(p *Phone)) string {
	results := make(chan engine.BridgeResult, 1)
	x := newExchange(t, asking(results))
	b := x.Phone("15902")
	does(b)
	a := calls(t, x, "77513", "600")
	until(t, x, "the call is over", func() bool { return a.State() == Ended })
	code, _ := a.Status()
	var shown Shown
	if rung := b.Calls(); len(rung) > 0 {
		shown = rung[0].Shown()
	}
	return summary(<-results, code, shown)
}

func overSIP(t *testing.T, does phone.Handler) string {
	results := make(chan engine.BridgeResult, 1)
	db := memory.New(nil)
	eng, err := engine.New(context.Background(), engine.Options{
		Store: db, Data: t.TempDir(), Handler: asking(results), Realm: "belfry.test", UDP: []string{"127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	served := make(chan error, 1)
	go func() { served <- eng.Run(ctx) }()
	defer func() {
		stop()
		if err := errors.Join(<-served, eng.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}()
	var shown Shown
	add := func(number string, h phone.Handler) *phone.Phone {
		if err := eng.Directory().Add(ctx, directory.Line{Number: number, Name: "Line " + number, Kind: directory.Person, Person: number}, "secret-of-"+number); err != nil {
			t.Fatal(err)
		}
		p, err := phone.New(phone.Options{Server: eng.Addrs("udp")[0], Number: number, Secret: "secret-of-" + number, Incoming: h})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b := add("15902", func(ctx context.Context, c *phone.Call) {
		shown.Name, shown.Number = c.Leg().From().Display, c.Leg().From().User
		if d := c.Leg().Diversion(); len(d) > 0 {
			shown.Diversion = &engine.Diversion{Number: d[0].Number, Reason: d[0].Reason}
		}
		does(ctx, c)
	})
	if does != nil {
		if err := b.Register(ctx); err != nil {
			t.Fatal(err)
		}
	}
	a := add("77513", nil)
	code := 200
	call, err := a.Dial(ctx, "600")
	var refused *sip.StatusError
	switch {
	case errors.As(err, &refused):
		code = refused.Code
	case err != nil:
		t.Fatal(err)
	default:
		if err := call.WaitEnded(ctx); err != nil {
			t.Error(err)
		}
	}
	r := <-results
	if err := errors.Join(a.Close(), b.Close()); err != nil { // then nothing is under way that shows anything
		t.Error(err)
	}
	return summary(r, code, shown)
}
