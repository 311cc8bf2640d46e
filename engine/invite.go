package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/belfry-pbx/belfry/engine/sip"
)

// How a call begins and ends.

// maxRedirects is how often one call may be routed afresh before it is a circle.
const maxRedirects = 20

// eventQueue is how many keys and other events wait for a handler that is busy.
const eventQueue = 64

// invite takes an INVITE from the gate. It returns when the dialog has nothing left to live for. What a call needs only
// to begin and to end is done by workers: a goroutine's stack is half of what a call costs that only stands.
func (e *Engine) invite(ctx context.Context, s Dialog) {
	var l *leg
	var c *Call
	e.work.Do(func() { l, c = e.begin(ctx, s) })
	if l == nil {
		return
	}
	if c != nil {
		e.serve(c)
	}
	if l.mustStay() { // a transfer has moved it to another call
		for s.Context().Err() == nil {
			e.work.NewWaiter().Wait(s.Context(), s.Context())
		}
	}
}

// begin makes an INVITE's leg and call. Without a call, the leg has taken the place of one that stands, or is refused;
// without a leg too there is nothing to wait for.
func (e *Engine) begin(ctx context.Context, s Dialog) (*leg, *Call) {
	who := e.identify(ctx, s)
	to := dialled(s.Dialled())
	// Who takes over a call that stands adds none.
	always := s.Replaces() != nil || e.isEmergency(who.Party, to)
	refuse := func(why string, err error) {
		e.log.Warn("refused: "+why, "from", who.Number, "to", to, "sip", s.CallID(), "error", err)
		_ = s.Reject(503, "Service Unavailable", sip.Header{Name: "Retry-After", Value: "30"}) // else he has given up
	}
	if !always && !e.takesCalls() {
		refuse("the exchange is full or stopping", nil)
		return nil, nil
	}
	l, err := e.newLeg(ctx, s.Peer().Source.String(), nil)
	if err != nil {
		refuse("no resources for the call", err)
		return nil, nil
	}
	l.party, l.private, l.asserted = who.Party, who.private, who.asserted
	if offer := s.RemoteSDP(); offer != nil {
		if err := l.read(offer); err != nil {
			e.log.Warn("refused: the offer of sound is of no use", "from", who.Number, "to", to, "sip", s.CallID(), "error", err)
			l.media.Close()
			_ = s.Reject(488, "Not Acceptable Here", e.warning(l, err)) // else he has given up
			return nil, nil
		}
	}
	l.attach(s)
	if replaced := s.Replaces(); replaced != nil {
		e.replace(ctx, l, replaced)
		return l, nil
	}
	c := e.newCall(l, to, always)
	if c == nil {
		refuse("the exchange is full or stopping", nil)
		return l, nil
	}
	if d := s.Diversion(); len(d) > 0 {
		c.diversion = &Diversion{Number: dialled(d[0].Number), Reason: d[0].Reason}
	}
	c.note(slog.LevelInfo, "call", slog.String("from", l.party.Number), slog.String("dialled", c.dialled), slog.String("trunk", l.party.Trunk))
	return l, c
}

// takesCalls tells whether there is room for a call that may be refused. newCall decides.
func (e *Engine) takesCalls() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.draining && len(e.calls) < e.opts.MaxCalls
}

// newCall makes l the caller of a call to a number. It is nil when the exchange is full or
// stopping, unless the call must always be taken.
func (e *Engine) newCall(l *leg, to string, always bool) *Call {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Call{
		id: e.opts.NewID(), engine: e, ctx: ctx, cancel: cancel, dialled: to,
		events: make(chan func(), eventQueue), waiting: e.work.NewWaiter(),
		on: map[string]func(Event){}, caller: l, state: StateRinging,
	}
	c.setFrom(l)
	c.noteLeg(l)
	c.record.start, c.record.line = e.clock.Now(), l.party.Line
	e.mu.Lock()
	if !always && (e.draining || len(e.calls) >= e.opts.MaxCalls) {
		e.mu.Unlock()
		cancel(ErrEnded)
		return nil
	}
	e.calls[c.id] = c
	e.mu.Unlock()
	if e.opts.Trace != nil {
		e.opts.Trace.Begin(c.id, cmp.Or(c.from.Number, c.asserted.User, "anonymous"), to)
	}
	e.metrics.calls.Inc()
	l.give(c)
	e.show(l, false, sip.Address{User: to})
	c.adopted(l)
	return c
}

// setFrom makes who is at l the caller. c.mu is held, or c is new.
func (c *Call) setFrom(l *leg) { c.from, c.private, c.asserted = l.party, l.private, l.asserted }

// adopted looks whether a leg has ended before it had this call to tell.
func (c *Call) adopted(l *leg) {
	if l.sip.Context().Err() != nil {
		c.legEnded(l)
	}
}

// serve runs the handler until the call is over, and then clears up. The handler is the one
// that was there when the call came, wherever Redirect sends it.
func (e *Engine) serve(c *Call) {
	defer e.work.Do(c.finish)
	h := e.currentHandler()
	for {
		c.next = ""
		e.serveOnce(c, h)
		if !c.goesOn() {
			return
		}
	}
}

// goesOn tells whether the handler has sent the call elsewhere, and takes it there.
func (c *Call) goesOn() bool {
	if c.next == "" || c.ctx.Err() != nil {
		return false
	}
	if c.redirects++; c.redirects > maxRedirects {
		c.failed("redirected in a circle", "dialled", c.dialled, "next", c.next)
		_ = c.reject(482, "Loop Detected")
		return false
	}
	c.tell("redirected", "from", c.dialled, "to", c.next)
	c.dialled = c.next
	return true
}

// serveOnce is the boundary beyond which a handler's panic does not go: it ends its own call.
func (e *Engine) serveOnce(c *Call, h Handler) {
	defer func() {
		if r := recover(); r != nil {
			e.metrics.panics.Inc()
			c.failed("the handler panicked; ending its call", "panic", r, "stack", string(debug.Stack()))
			c.next = ""
			_ = c.reject(500, "Server Internal Error")
		}
	}()
	if h == nil {
		_ = c.Reject(c.ctx, Unavailable)
		return
	}
	h.ServeCall(c.ctx, c)
}

// finish ends whatever of the call still stands, and writes it down.
func (c *Call) finish() {
	c.tellProgress(480, "Temporarily Unavailable") // a transferred caller who was not taken goes back
	c.mu.Lock()
	c.state = StateEnded
	caller, peer, recording := c.caller, c.peer, c.takeRecording()
	c.caller, c.peer, c.transfer = nil, nil, nil
	c.mu.Unlock()
	for _, l := range []*leg{caller, peer} {
		if l != nil {
			l.dismiss(c)
		}
	}
	c.cancel(ErrEnded)
	if recording != nil {
		c.guard(func() { _ = recording.end() }) // it has been logged
	}
	for _, fn := range c.onHangup {
		c.guard(fn)
	}
	c.guard(c.writeRecord)
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.calls, c.id)
	e.noteIdle()
}

// guard runs what must not keep the call from ending.
func (c *Call) guard(fn func()) {
	defer func() {
		if r := recover(); r != nil {
			c.logger().Error("clearing up after a call panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	fn()
}

// legEnded is told by a leg whose dialog is over. A second time does no harm.
func (c *Call) legEnded(l *leg) {
	c.mu.Lock()
	if t := c.transfer; t != nil && l == t.from {
		// The classic way: who transfers goes at once, and the transfer goes on without a way back.
		c.transfer = nil
		c.cancel(ErrRedirected)
	}
	switch l {
	case c.caller:
		c.cancel(fmt.Errorf("%w: %s", ErrHangup, l.sip.EndReason()))
	case c.peer:
		c.peerGone()
		c.settle()
		c.signal()
	}
	c.mu.Unlock()
	l.leaveCall(c)
	c.traceGone(l)
}

func (c *Call) isCaller(l *leg) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caller == l
}

func (c *Call) callerLeg() *leg {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caller
}

// newID is short enough to be read out and long enough not to come twice.
func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
