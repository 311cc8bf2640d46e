package engine

import (
	"context"
	"time"
)

// Every primitive that takes time waits here, so that events reach the handler at
// one place: on its own goroutine, between its steps, never in the middle of one.

// post queues something for the handler's goroutine. A handler that does not wait
// for a long time loses keys rather than memory.
func (c *Call) post(fn func()) {
	select {
	case c.events <- fn:
		c.signal()
	default:
		c.logger().Warn("an event is lost: the dialplan has been busy for too long")
	}
}

// signal wakes the primitive that waits, to ask again whether it has enough. It is never lost.
func (c *Call) signal() { c.waiting.Wake() }

// await runs events until enough says so, which is true, or done is closed, which is false; whoever
// closes it signals. When ctx or the call ends, that is its error.
func (c *Call) await(ctx context.Context, done <-chan struct{}, enough func() bool) (bool, error) {
	for {
		if err := c.over(ctx); err != nil {
			return false, err
		}
		if enough != nil && enough() {
			return true, nil
		}
		if c.happened() {
			continue
		}
		if done != nil && closed(done) {
			return false, nil
		}
		c.waiting.Wait(ctx, c.ctx)
	}
}

// happened runs the oldest event that the handler has not been told of, if there is one.
func (c *Call) happened() bool {
	select {
	case fn := <-c.events:
		fn()
		return true
	default:
		return false
	}
}

// awaitFor is await with a time limit.
func (c *Call) awaitFor(ctx context.Context, d time.Duration, enough func() bool) (bool, error) {
	done, stop := c.after(d)
	defer stop()
	return c.await(ctx, done, enough)
}

// after is a channel that is closed after d.
func (c *Call) after(d time.Duration) (done <-chan struct{}, stop func()) {
	out := make(chan struct{})
	t := c.engine.clock.AfterFunc(d, func() {
		close(out)
		c.signal()
	})
	return out, func() { t.Stop() }
}

// over is why no primitive can do anything any more, or nil.
func (c *Call) over(ctx context.Context) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// here is the caller's leg. While he is being transferred it waits: he may come back.
func (c *Call) here(ctx context.Context) (l *leg, err error) {
	_, err = c.await(ctx, nil, func() bool {
		l = c.callerLeg()
		return l != nil
	})
	return l, err
}

// On lets fn be told of an event: "digit", "answered", "held" or "unheld". It runs on the
// handler's goroutine while a primitive waits, and may use primitives itself: what happens
// meanwhile it is told of afterwards. One function an event; nil takes it away.
func (c *Call) On(event string, fn func(Event)) {
	if fn == nil {
		delete(c.on, event)
		return
	}
	c.on[event] = fn
}

// OnHangup lets fn run after the call has ended, in the order of the calls to OnHangup.
func (c *Call) OnHangup(fn func()) { c.onHangup = append(c.onHangup, fn) }

// emit tells of an event. What the function lets the caller hear takes the place of a prompt
// that is being played, which then goes on where it was: see play.
func (c *Call) emit(e Event) {
	if c.on[e.Name] == nil || len(c.untold) >= eventQueue {
		return
	}
	c.untold = append(c.untold, e)
	if c.telling {
		return
	}
	c.telling = true
	prompt := c.swapPrompt(nil)
	defer func() {
		c.telling = false
		c.swapPrompt(prompt)
	}()
	for len(c.untold) > 0 && c.ctx.Err() == nil {
		e, c.untold = c.untold[0], c.untold[1:]
		c.told++
		if fn := c.on[e.Name]; fn != nil {
			fn(e)
		}
	}
}

// Sleep waits.
func (c *Call) Sleep(ctx context.Context, d time.Duration) error {
	_, err := c.awaitFor(ctx, d, nil)
	return err
}

// pressed takes a key of the caller. It runs on the handler's goroutine.
func (c *Call) pressed(key byte) {
	if late := c.swallow; late != 0 {
		c.swallow = 0
		if key == late && c.engine.clock.Now().Before(c.swallowUntil) {
			return
		}
	}
	c.showKey(key)
	if c.reading == 0 && c.on["digit"] != nil {
		c.emit(Event{Name: "digit", Digit: string(key)})
		return
	}
	if len(c.digits) < maxDigits {
		c.digits = append(c.digits, key)
	}
}

// takeDigit takes the oldest key that nobody has read.
func (c *Call) takeDigit() (string, bool) {
	if len(c.digits) == 0 {
		return "", false
	}
	key := c.digits[0]
	c.digits = c.digits[1:]
	return string(key), true
}

// want keeps keys from functions registered with On, until the function it returns is called.
func (c *Call) want() (done func()) {
	c.reading++
	return func() { c.reading-- }
}
