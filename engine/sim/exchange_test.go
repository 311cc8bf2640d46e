package sim

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/store/memory"
	"github.com/belfry-pbx/belfry/stdlib"
)

// prompts are those that belfry has, read once.
var prompts = sync.OnceValue(func() *prompt.Library {
	return prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}})
})

// newExchange makes an exchange with three lines, each with a mailbox, that ends with the test.
func newExchange(t testing.TB, h engine.HandlerFunc, change ...func(*Options)) *Exchange {
	t.Helper()
	o := Options{Site: three(t), Start: start, Engine: engine.Options{Handler: h, Prompts: prompts()}}
	for _, f := range change {
		f(&o)
	}
	x, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

// three is a site with three lines.
func three(t testing.TB) *Site {
	t.Helper()
	s, err := NewSite(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, number := range []string{"77513", "15902", "15903"} {
		l := directory.Line{Number: number, Name: "Line " + number, Kind: directory.Person, Person: "p" + number}
		if err := s.Directory().Add(context.Background(), l, "secret-of-"+number); err != nil {
			t.Fatal(err)
		}
		if err := s.Mailboxes().Create(context.Background(), number); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// trunk gives an exchange a way to the world outside.
func trunk(o *Options) {
	o.Engine.Trunks = []engine.Trunk{{Name: "pstn", Host: "sip.example.net"}}
}

// bridging rings whatever was dialled, and says busy if nobody answers.
func bridging(ctx context.Context, c *engine.Call) {
	if r, err := c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{}); err == nil && r.Outcome != engine.OutcomeAnswered {
		_ = c.Reject(ctx, engine.Busy)
	}
}

// calls has somebody call.
func calls(t testing.TB, x *Exchange, from, to string) *Caller {
	t.Helper()
	c, err := x.Call(from, to, CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// until lets things happen until something is so.
func until(t testing.TB, x *Exchange, what string, so func() bool) {
	t.Helper()
	if !x.World().Run(so, time.Hour) {
		t.Fatalf("it never was that %s (%v)", what, x.World().Err())
	}
}

// pass lets time pass.
func pass(x *Exchange, d time.Duration) { x.World().Run(nil, d) }

// after checks how long it has taken since the test began.
func after(t testing.TB, x *Exchange, want time.Duration) {
	t.Helper()
	if got := x.World().Now().Sub(start); got != want {
		t.Errorf("it took %v, want %v", got, want)
	}
}

// talking waits until two talk to each other.
func talking(t testing.TB, x *Exchange, a *Caller, b *Phone) {
	t.Helper()
	until(t, x, a.Phone().Number()+" talks to "+b.Number(), func() bool {
		return a.IsTalkingTo(b.Number()) && b.IsTalkingTo(a.Phone().Number())
	})
}

// ended waits until a call is over, with a status.
func ended(t testing.TB, x *Exchange, c *Caller, want int) {
	t.Helper()
	until(t, x, c.Phone().Number()+"'s call is over", func() bool { return c.State() == Ended })
	if code, phrase := c.Status(); code != want {
		t.Errorf("%s's call ended with %d %s, want %d", c.Phone().Number(), code, phrase, want)
	}
}

// quiet lets all come to rest and checks that nothing is left of the calls there were.
func quiet(t testing.TB, x *Exchange) {
	t.Helper()
	pass(x, 5*time.Second)
	if err := x.World().Err(); err != nil {
		t.Fatal(err)
	}
	if n := len(x.signalling.dialogs); n != 0 {
		t.Errorf("%d dialogs are left over", n)
	}
	if n := x.media.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions are left over", n)
	}
	if calls := x.Engine().Calls(); len(calls) != 0 {
		t.Errorf("calls are left over: %+v", calls)
	}
	for _, number := range []string{"77513", "15902", "15903"} {
		if x.Engine().Busy(number) {
			t.Errorf("%s is busy", number)
		}
	}
}

// An exchange is let go in the middle of everything, and all that went on in it ends.
func TestCloseInTheMiddle(t *testing.T) {
	db := memory.New(nil)
	w := NewWorld(start)
	x, err := New(Options{World: w, Engine: engine.Options{
		Store: db, Handler: engine.HandlerFunc(switchboard), Prompts: prompts(),
		Trunks: []engine.Trunk{{Name: "pstn", Host: "sip.example.net"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Engine().Mailboxes().Create(context.Background(), "15903"); err != nil {
		t.Fatal(err)
	}
	x.Phone("15902").AnswersAfter(2 * time.Second)
	var all []*Caller
	for _, number := range []string{"600", "601", "602", "603", "604", "606"} {
		c := calls(t, x, "+447700900"+number, number)
		c.Speak(time.Hour)
		all = append(all, c)
	}
	pass(x, 3*time.Second)
	if n := len(x.Engine().Calls()); n != len(all) {
		t.Errorf("%d calls stand, want %d", n, len(all))
	}
	if err := errors.Join(x.Close(), db.Close()); err != nil {
		t.Error(err)
	}
	for _, c := range all {
		if c.State() != Ended {
			t.Errorf("%s has a call still", c.Phone().Number())
		}
	}
	if n := len(x.Engine().Calls()); n != 0 {
		t.Errorf("%d calls are left over", n)
	}
}
