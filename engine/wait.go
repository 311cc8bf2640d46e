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
	default:
		c.logger().Warn("an event is lost: the dialplan has been busy for too long")
	}
}

// await runs events until done is closed, enough says so, or ctx or the call ends, which is its error.
func (c *Call) await(ctx context.Context, done <-chan struct{}, enough func() bool) error {
	for {
		if err := c.over(ctx); err != nil {
			return err
		}
		if enough != nil && enough() {
			return nil
		}
		select {
		case <-done:
			return nil
		case fn := <-c.events:
			fn()
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
	}
}

// awaitFor is await with a time limit; it tells whether the time ran out.
func (c *Call) awaitFor(ctx context.Context, d time.Duration, enough func() bool) (timeout bool, err error) {
	done := make(chan struct{})
	t := c.engine.clock.AfterFunc(d, func() { close(done) })
	defer t.Stop()
	if err := c.await(ctx, done, enough); err != nil {
		return false, err
	}
	return enough == nil || !enough(), nil
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

// On lets fn be told of an event: "digit", "answered", "held" or "unheld". It runs on the
// handler's goroutine while a primitive waits. One function an event; nil takes it away.
func (c *Call) On(event string, fn func(Event)) {
	if fn == nil {
		delete(c.on, event)
		return
	}
	c.on[event] = fn
}

// OnHangup lets fn run after the call has ended, in the order of the calls to OnHangup.
func (c *Call) OnHangup(fn func()) { c.onHangup = append(c.onHangup, fn) }

func (c *Call) emit(e Event) {
	if fn := c.on[e.Name]; fn != nil {
		fn(e)
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
		if key == late {
			return
		}
	}
	if c.reading == 0 && c.on["digit"] != nil {
		c.emit(Event{Name: "digit", Digit: string(key)})
		return
	}
	if len(c.digits) < maxDigits {
		c.digits = append(c.digits, key)
	}
}
