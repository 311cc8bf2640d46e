package engine

import (
	"cmp"
	"context"
	"slices"
)

// Call pickup: somebody takes a call that rings at another's phone. To the call that rings it is as if one more of
// its phones had answered; to the phone that rang the call was "completed elsewhere", which is no missed call.

// PickupOptions say whose call is taken: the phone of a line, or of any line of a pickup group.
type PickupOptions struct {
	Line  string
	Group string // directory.Line.PickupGroup; of Line and Group one is set
}

// PickupResult is OutcomeAnswered or, where nothing rings that was asked for, OutcomeNoAnswer.
type PickupResult struct {
	Outcome Outcome
	For     string // the line whose phone rang
}

// Pickup joins the caller to a call that rings elsewhere; of several to the one that has rung longest. Then the caller
// goes on in that call: Pickup returns ErrRedirected, and the handler should return.
func (c *Call) Pickup(ctx context.Context, o PickupOptions) (PickupResult, error) {
	if _, err := c.here(ctx); err != nil {
		return PickupResult{}, err
	}
	for tried := map[*ringing]bool{}; ; {
		r, line := c.engine.ringingFor(ctx, c, o, tried)
		if r == nil {
			return PickupResult{Outcome: OutcomeNoAnswer}, nil
		}
		tried[r] = true
		if err := c.answer(ctx, r.near); err != nil {
			return PickupResult{}, err
		}
		if c.moveTo(r) {
			c.tell("picked up", "for", line, "call", r.call.id)
			c.cancel(ErrRedirected)
			return PickupResult{Outcome: OutcomeAnswered, For: line}, ErrRedirected
		}
	}
}

// ringingFor is what has rung longest of what o asks for, and the line it rings at.
func (e *Engine) ringingFor(ctx context.Context, by *Call, o PickupOptions, not map[*ringing]bool) (oldest *ringing, at string) {
	e.mu.Lock()
	calls := make([]*Call, 0, len(e.calls))
	for _, c := range e.calls {
		calls = append(calls, c)
	}
	e.mu.Unlock()
	for _, c := range calls {
		c.mu.Lock()
		r := c.ringing
		c.mu.Unlock()
		if r == nil || c == by || not[r] || oldest != nil && r.compare(oldest) > 0 {
			continue
		}
		i := slices.IndexFunc(r.lines, func(line string) bool { return line == o.Line || e.inPickupGroup(ctx, line, o.Group) })
		if i >= 0 {
			oldest, at = r, r.lines[i]
		}
	}
	return oldest, at
}

// compare puts first what has rung longer.
func (r *ringing) compare(to *ringing) int {
	return cmp.Or(r.since.Compare(to.since), cmp.Compare(r.call.id, to.call.id))
}

func (e *Engine) inPickupGroup(ctx context.Context, number, group string) bool {
	if group == "" {
		return false
	}
	line, err := e.directory.Line(ctx, number)
	return err == nil && line.PickupGroup == group
}

// moveTo makes the caller's leg one that has answered r; false: r is over already, and the caller is still here.
func (c *Call) moveTo(r *ringing) bool {
	e := c.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	l := c.callerLeg()
	if l == nil {
		return false
	}
	recording, ok := c.release(l)
	if !ok {
		return false
	}
	l.target = l.party.Number
	l.give(r.call)
	if !r.tell(news{leg: l, final: true}) {
		l.give(c)
		c.mu.Lock()
		c.caller = l
		c.giveRecording(recording, nil, l)
		c.mu.Unlock()
		c.adopted(l)
		return false
	}
	if recording != nil {
		r.call.mu.Lock()
		superfluous := r.call.giveRecording(recording, nil, l)
		r.call.mu.Unlock()
		if superfluous != nil {
			e.work.Go(func() { _ = superfluous.end() }) // it has been logged
		}
	}
	return true
}

// pickable lets others pick up what r rings; nil: nothing any more.
func (c *Call) pickable(r *ringing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ringing = r
}
