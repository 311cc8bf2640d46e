package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/sip"
)

// How a call begins and ends.

// maxRedirects is how often one call may be routed afresh before it is a circle.
const maxRedirects = 20

// eventQueue is how many keys and other events wait for a handler that is busy.
const eventQueue = 64

// invite takes an INVITE from the gate. It returns when the dialog has nothing left to live for.
func (e *Engine) invite(ctx context.Context, s *sip.Leg) {
	p := e.party(ctx, s)
	to := dialled(s.Dialled())
	log := e.log.With("from", p.Number, "to", to, "sip", s.CallID())
	if e.refusesLoad() && !e.isEmergency(p, to) {
		log.Warn("refused: the exchange is full or stopping")
		_ = s.Reject(503, "Service Unavailable", sip.Header{Name: "Retry-After", Value: "30"})
		return
	}
	l, err := e.newLeg(s.Peer().Source.String(), nil, "")
	if err != nil {
		log.Error("refused: no resources for the call", "error", err)
		_ = s.Reject(503, "Service Unavailable", sip.Header{Name: "Retry-After", Value: "30"})
		return
	}
	l.party = p
	l.attach(s)
	if replaced := s.ReplacesLeg(); replaced != nil {
		e.replace(ctx, l, replaced)
	} else {
		c := e.newCall(l, p, to)
		c.private = s.Privacy()
		if d := s.Diversion(); len(d) > 0 {
			c.diversion = &Diversion{Number: dialled(d[0].Number), Reason: d[0].Reason}
		}
		e.serve(c)
	}
	if l.mustStay() { // a transfer has moved it to another call
		<-s.Context().Done()
	}
}

func (e *Engine) refusesLoad() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draining || len(e.calls) >= e.opts.MaxCalls
}

// newCall makes l the caller of a call to a number.
func (e *Engine) newCall(l *leg, from Party, to string) *Call {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Call{
		id: newID(), engine: e, from: from, ctx: ctx, cancel: cancel, dialled: to,
		events: make(chan func(), eventQueue), changed: make(chan struct{}, 1),
		on: map[string]func(Event){}, caller: l, state: StateRinging,
	}
	c.record.start = e.clock.Now()
	e.mu.Lock()
	e.calls[c.id] = c
	e.mu.Unlock()
	e.metrics.calls.Inc()
	l.give(c)
	if l.sip.Context().Err() != nil { // it ended before it had an owner to tell
		c.legEnded(l)
	}
	return c
}

// serve runs the handler until the call is over, and then clears up.
func (e *Engine) serve(c *Call) {
	defer c.finish()
	c.logger().Info("call", "from", c.from.Number, "dialled", c.dialled, "trunk", c.from.Trunk)
	for {
		c.next = ""
		e.serveOnce(c)
		if c.next == "" || c.ctx.Err() != nil {
			return
		}
		if c.redirects++; c.redirects > maxRedirects {
			c.logger().Error("redirected in a circle", "dialled", c.dialled, "next", c.next)
			_ = c.reject(482, "Loop Detected")
			return
		}
		c.tell("redirected", "from", c.dialled, "to", c.next)
		c.dialled = c.next
	}
}

// serveOnce is the boundary beyond which a handler's panic does not go: it ends its own call.
func (e *Engine) serveOnce(c *Call) {
	defer func() {
		if r := recover(); r != nil {
			e.metrics.panics.Inc()
			c.logger().Error("the handler panicked; ending its call", "panic", r, "stack", string(debug.Stack()))
			_ = c.reject(500, "Server Internal Error")
		}
	}()
	h := e.currentHandler()
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
	caller, peer := c.caller, c.peer
	c.caller, c.peer = nil, nil
	if c.transfer != nil {
		c.transfer.abandon()
	}
	c.mu.Unlock()
	for _, l := range []*leg{caller, peer} {
		if l != nil {
			l.dismiss()
		}
	}
	c.cancel(ErrEnded)
	for _, fn := range c.onHangup {
		c.guard(fn)
	}
	e := c.engine
	e.mu.Lock()
	delete(e.calls, c.id)
	if e.idle != nil && len(e.calls) == 0 {
		select {
		case <-e.idle:
		default:
			close(e.idle)
		}
	}
	e.mu.Unlock()
	c.writeRecord()
}

func (c *Call) guard(fn func()) {
	defer func() {
		if r := recover(); r != nil {
			c.logger().Error("a hang-up handler panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	fn()
}

// legEnded is told by a leg whose dialog is over.
func (c *Call) legEnded(l *leg) {
	c.mu.Lock()
	switch l {
	case c.caller:
		c.cancel(fmt.Errorf("%w: %s", ErrHangup, l.sip.EndReason()))
	case c.peer:
		c.peer = nil
		c.signal()
	default:
		if c.transfer != nil && (l == c.transfer.from || l == c.transfer.moved) {
			c.transfer.legEnded(l)
		}
	}
	c.mu.Unlock()
	l.give(nil)
}

// signal wakes a Bridge to look again at who is there.
func (c *Call) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *Call) isCaller(l *leg) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caller == l
}

func (c *Call) logger() *slog.Logger { return c.engine.log.With("call", c.id) }

// newID is short enough to be read out and long enough not to come twice.
func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func describe(calls []*Call, now time.Time) []CallInfo {
	all := make([]CallInfo, 0, len(calls))
	for _, c := range calls {
		c.mu.Lock()
		info := CallInfo{
			ID: c.id, From: c.from.Number, FromName: c.from.Name, To: c.record.dialled, State: c.state,
			Route: c.record.route, Age: now.Sub(c.record.start),
		}
		if c.peer != nil {
			info.With = c.peer.party.Number
		}
		c.mu.Unlock()
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b CallInfo) int {
		return cmp.Or(cmp.Compare(b.Age, a.Age), cmp.Compare(a.ID, b.ID))
	})
	return all
}
