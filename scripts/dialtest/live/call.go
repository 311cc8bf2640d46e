package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// Call is a call of a real telephone.
type Call struct {
	phone    *Phone
	incoming bool
	changed  chan struct{} // its telephone is to do something else
	working  sync.WaitGroup

	mu      sync.Mutex
	one     *phone.Call // nil: it has not begun
	status  int         // that was said to a call that came in
	answers bool        // at once
	acts    []act
	holding bool // the other side is on hold
	busy    bool // one of acts is under way
	undone  int
	heard   []dialtest.Heard
	known   map[entry]int // where in heard
}

// act is something that somebody does in a call.
type act func(ctx context.Context, one *phone.Call) error

func (c *Call) set(one *phone.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.one = one
}

func (c *Call) get() *phone.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.one
}

// wait returns when nobody acts any more.
func (c *Call) wait() { c.working.Wait() }

func (c *Call) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// rings does with a call that came in what the telephone was told, until it is over.
func (c *Call) rings(ctx context.Context) {
	rung := time.Now()
	one := c.get()
	for first := true; ; first = false {
		m := c.phone.behaves()
		if m.refuse != 0 {
			c.refuses(m)
			return
		}
		if first && one.Ring(ctx) != nil {
			return
		}
		if m.since.Before(rung) {
			m.since = rung
		}
		c.mu.Lock()
		if c.answers {
			m.answer = 0
		}
		c.mu.Unlock()
		if m.answer == 0 || m.answer > 0 && time.Since(m.since) >= m.answer {
			break
		}
		var due <-chan time.Time
		if m.answer > 0 {
			t := time.NewTimer(time.Until(m.since.Add(m.answer)))
			defer t.Stop()
			due = t.C
		}
		select {
		case <-ctx.Done():
			c.says(487)
			return
		case <-c.changed:
		case <-due:
		}
	}
	if one.Answer(ctx) == nil {
		c.says(200)
		<-ctx.Done()
	}
}

// refuses refuses a call that came in. If that cannot be said, it has ended by itself.
func (c *Call) refuses(m manner) {
	c.says(m.refuse)
	if m.to != "" {
		_ = c.get().Redirect(m.to)
		return
	}
	_ = c.get().Reject(m.refuse)
}

func (c *Call) says(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// Incoming tells whether the telephone was called.
func (c *Call) Incoming() bool { return c.incoming }

// State is how far the call has come.
func (c *Call) State() dialtest.State {
	one := c.get()
	switch {
	case one == nil:
		return dialtest.Calling
	case ended(one):
		return dialtest.Ended
	case one.IsAnswered():
		return dialtest.Answered
	case c.incoming || one.Rings():
		return dialtest.Ringing
	}
	return dialtest.Calling
}

func ended(one *phone.Call) bool {
	select {
	case <-one.Done():
		return true
	default:
		return false
	}
}

// Status is the final response to the INVITE.
func (c *Call) Status() int {
	one := c.get()
	if one == nil || c.incoming {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.status
	}
	var status *sip.StatusError
	switch {
	case one.IsAnswered():
		return 200
	case !ended(one):
		return 0
	case errors.As(one.Err(), &status):
		return status.Code
	}
	return 487
}

// Shown is what the telephone shows.
func (c *Call) Shown() dialtest.Shown {
	one := c.get()
	if one == nil || !c.incoming {
		return dialtest.Shown{}
	}
	from := one.Leg().From()
	s := dialtest.Shown{Number: from.User, Name: from.Display}
	if d := one.Leg().Diversion(); len(d) > 0 {
		s.Diversion = d[0].Number
	}
	return s
}

// Idle tells whether all is done that was to be done.
func (c *Call) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acts) == 0 && !c.busy
}

// Undone is how much was left undone when the call ended.
func (c *Call) Undone() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.undone
}

// Answer answers a call that came in.
func (c *Call) Answer() {
	c.mu.Lock()
	c.answers = true
	c.mu.Unlock()
	c.wake()
}

// Hangup ends the call.
func (c *Call) Hangup() {
	if one := c.get(); one != nil {
		one.Hangup()
		_ = one.WaitEnded(c.phone.x.ctx)
	}
}

// Press presses keys.
func (c *Call) Press(keys string) {
	c.does(func(ctx context.Context, one *phone.Call) error { return one.SendDigits(ctx, keys) })
}

// Speak speaks for a while.
func (c *Call) Speak(d time.Duration) {
	clip := c.phone.x.sounds.voice(c.phone.voice, int(d.Seconds()*voiceRate))
	c.does(func(ctx context.Context, one *phone.Call) error { return one.Play(ctx, clip) })
}

// Hold puts the other side on hold.
func (c *Call) Hold() {
	c.does(func(ctx context.Context, one *phone.Call) error { return c.holds(one.Hold(ctx), true) })
}

// Unhold ends Hold.
func (c *Call) Unhold() {
	c.does(func(ctx context.Context, one *phone.Call) error { return c.holds(one.Retrieve(ctx), false) })
}

func (c *Call) holds(err error, now bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.holding = now
	}
	return err
}

// Holding tells whether the telephone has put the other side on hold.
func (c *Call) Holding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holding
}

// Transfer sends the other side to a number.
func (c *Call) Transfer(number string) {
	c.transfers(func(ctx context.Context, one *phone.Call) error { return one.Transfer(ctx, number) })
}

// TransferTo lets the other sides of two calls talk to each other.
func (c *Call) TransferTo(other dialtest.Call) {
	c.transfers(func(ctx context.Context, one *phone.Call) error { return one.TransferTo(ctx, other.(*Call).get()) })
}

// transfers asks for a transfer, and does not wait until it has come to something.
func (c *Call) transfers(ask act) {
	c.does(func(_ context.Context, one *phone.Call) error {
		c.working.Go(func() { _ = ask(c.phone.x.ctx, one) }) // what has come of it, the test sees
		return nil
	})
}

// does has something done after all that is to be done before it, as soon as somebody hears it.
func (c *Call) does(what act) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts = append(c.acts, what)
	if !c.busy {
		c.busy = true
		c.working.Go(c.work)
	}
}

func (c *Call) work() {
	ctx, cancel := context.WithCancel(c.phone.x.ctx)
	defer cancel()
	one := c.get()
	if one != nil {
		defer context.AfterFunc(c.phone.x.ctx, cancel)()
		go func() { // Done has no context
			select {
			case <-one.Done():
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	for {
		for ctx.Err() == nil && one != nil && !one.IsAnswered() && one.Listened() == 0 {
			_ = clock.Sleep(ctx, clock.Real(), look)
		}
		c.mu.Lock()
		if one == nil || ctx.Err() != nil {
			c.undone += len(c.acts)
			c.acts = nil
		}
		if len(c.acts) == 0 {
			c.busy = false
			c.mu.Unlock()
			return
		}
		next := c.acts[0]
		c.acts = c.acts[1:]
		c.mu.Unlock()
		if err := next(ctx, one); err != nil {
			c.mu.Lock()
			c.undone++
			c.mu.Unlock()
		}
	}
}
