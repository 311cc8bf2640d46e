package engine

import (
	"context"
	"errors"
)

// Transfers: legs that change calls (RFC 5589). Two of them never cross, since
// Engine.transfers is held while legs move.

var (
	errNoTransfer = errors.New("nobody to transfer")
	// errNotEntitled refuses those who would telephone at the expense of whom they talk to.
	errNotEntitled = errors.New("only a line may transfer, and only calls of its own")
)

// transfer is a blind transfer under way: one leg of a call has been sent elsewhere,
// and comes back if it is not wanted there.
type transfer struct {
	call  *Call // the one it left
	from  *leg  // who asked for it
	moved *leg
	as    **leg // which of the call's legs moved was
	next  *Call // where it goes
	tell  func(code int, reason string)
}

// Redirect routes the call afresh, as if the number had been dialled. The handler should return.
func (c *Call) Redirect(ctx context.Context, number string) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.next = dialled(number)
	return ErrRedirected
}

// Transfer sends the caller to a number at the expense of the line that was called. The handler should return.
func (c *Call) Transfer(ctx context.Context, number string) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	if _, err := c.engine.directory.Line(ctx, c.dialled); err == nil && c.payer() == "" {
		c.mu.Lock()
		c.as = c.dialled
		c.mu.Unlock()
	}
	return c.Redirect(ctx, number)
}

// referred answers a phone's REFER: blind, or attended when it names a dialog to replace.
func (l *leg) referred(r *Refer) {
	c := l.owner()
	if c == nil || r.Attended && r.Replaces == nil {
		r.Notify(481, "Call/Transaction Does Not Exist")
		return
	}
	var err error
	switch {
	case l.party.Line == "":
		err = errNotEntitled
	case r.Replaces != nil:
		err = c.attended(l, r.Replaces, r.Notify)
	default:
		err = c.blind(l, dialled(r.To.User), r.Notify)
	}
	if err != nil {
		c.warn("transfer refused", "by", l.party.Number, "error", err)
		r.Notify(403, "Forbidden")
	}
}

// blind sends the other party of x's conversation to a number, with the rights of x's line.
func (c *Call) blind(x *leg, number string, tell func(int, string)) error {
	e := c.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	t := &transfer{call: c, from: x, tell: tell}
	c.mu.Lock()
	t.as = c.other(x)
	if t.as == nil || *t.as == nil || c.transfer != nil || c.ctx.Err() != nil {
		c.mu.Unlock()
		return errNoTransfer
	}
	t.moved, *t.as = *t.as, nil
	c.transfer = t
	recording := c.takeRecording()
	c.settle()
	c.mu.Unlock()

	next := e.newCall(t.moved, number, true)
	t.next = next
	if !x.private {
		next.diversion = &Diversion{Number: x.party.Number, Reason: "unconditional"}
	}
	next.mu.Lock()
	next.as, next.progress = x.party.Line, t.heard
	next.record.line = "" // he has not dialled it
	next.giveRecording(recording, x, t.moved)
	next.mu.Unlock()
	c.tell("transferred", "by", x.party.Number, "who", t.moved.party.Number, "to", number, "next", next.id)
	next.hearRinging()
	e.work.Go(func() { e.serve(next) })
	return nil
}

// hearRinging is what a transferred caller hears until his new call says otherwise.
func (c *Call) hearRinging() {
	clips, err := c.engine.clips(context.Background(), []Prompt{{Name: "tone:ringing"}}, "")
	if err != nil {
		c.logger().Error("ringing tone", "error", err)
		return
	}
	c.setLayer(func(h *layers) { h.ring = &loop{clips: clips} })
}

// heard is told how the transferred call goes. It runs on that call's goroutine.
func (t *transfer) heard(code int, reason string) {
	e, c := t.call.engine, t.call
	e.transfers.Lock()
	defer e.transfers.Unlock()
	t.tell(code, reason)
	if code < 200 {
		return
	}
	t.next.setLayer(func(h *layers) { h.ring = nil })
	c.mu.Lock()
	if c.transfer != t {
		c.mu.Unlock()
		return
	}
	c.transfer = nil
	back := code >= 300 && t.from.owner() == c
	if back {
		var recording *conversation
		if recording, back = t.next.release(t.moved); back {
			c.giveRecording(recording, nil, t.moved)
		}
	}
	if back {
		t.moved.give(c)
		*t.as = t.moved
		c.settle()
	} else {
		t.from.leave()
		c.cancel(ErrRedirected)
	}
	c.signal()
	c.mu.Unlock()
	if back {
		c.adopted(t.moved)
	}
}

// release lets the caller go without hanging him up, if it is l, and with him the recording of what he says.
func (c *Call) release(l *leg) (*conversation, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caller != l {
		return nil, false
	}
	c.caller = nil
	return c.takeRecording(), true
}

// attended lets the other party of x's conversation take the place that x's phone has in another call.
func (c *Call) attended(x *leg, target Dialog, tell func(int, string)) error {
	e := c.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	z := e.legOf(target)
	if z == nil {
		return errNoTransfer
	}
	to := z.owner()
	if to == nil || to == c {
		return errNoTransfer
	}
	if z.party.Line != x.party.Line {
		return errNotEntitled
	}
	y := c.handOver(x, z, to)
	if y == nil {
		return errNoTransfer
	}
	c.tell("transferred", "by", x.party.Number, "who", y.party.Number, "to", to.id)
	tell(200, "OK")
	to.adopted(y)
	return nil
}

// handOver moves who x talks to from c to where z is, and ends c; nil: one of them is not there any more.
func (c *Call) handOver(x, z *leg, to *Call) (y *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	as := c.other(x)
	if as == nil || *as == nil || c.ctx.Err() != nil || to.ctx.Err() != nil || to.other(z) == nil {
		return nil
	}
	y, *as = *as, nil
	if r := to.giveRecording(c.takeRecording(), x, y); r != nil {
		c.engine.work.Go(func() { _ = r.end() }) // it has been logged
	}
	x.leave()
	z.leave()
	c.cancel(ErrRedirected)
	to.substitute(z, y)
	return y
}

// replace lets a new leg take the place of one it names (RFC 3891).
func (e *Engine) replace(ctx context.Context, l *leg, target Dialog) {
	z, c, err := l.takeOver(target)
	switch {
	case errors.Is(err, errNoTransfer):
		_ = l.sip.Reject(481, "Call/Transaction Does Not Exist")
	case err != nil:
		e.log.Warn("an INVITE with Replaces brings a description of no use", "by", l.party.Number, "error", err)
		_ = l.sip.Reject(488, "Not Acceptable Here")
	default:
		if err := l.answer(ctx, nil); err != nil { // which else ends z
			e.log.Warn("an INVITE with Replaces could not be answered", "by", l.party.Number, "error", err)
			z.hangup()
			l.hangup()
		}
		c.adopted(l)
	}
}

// takeOver puts l where a leg z is that stands already. z is for l's answer to end.
func (l *leg) takeOver(target Dialog) (z *leg, c *Call, err error) {
	e := l.engine
	if l.sip.RemoteSDP() != nil {
		if err := l.answerOffer(e.legOf(target).partner().sound()); err != nil {
			return nil, nil, err
		}
	}
	e.transfers.Lock()
	defer e.transfers.Unlock()
	if z = e.legOf(target); z == nil {
		return nil, nil, errNoTransfer
	}
	if c = z.owner(); c == nil {
		return nil, nil, errNoTransfer
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.other(z) == nil || c.ctx.Err() != nil {
		return nil, nil, errNoTransfer
	}
	z.mu.Lock()
	z.leaving = true
	z.mu.Unlock()
	c.substitute(z, l)
	c.logger().Info("taken over", "by", l.party.Number, "from", z.party.Number)
	return z, c, nil
}

// substitute puts y where z is. c.mu is held; adopted must follow.
func (c *Call) substitute(z, y *leg) {
	if c.recording.isAt(z) {
		c.recording.follow(y, false)
	}
	if z == c.caller {
		if c.as == "" {
			c.as = c.from.Line // who began the call goes on paying for it
		}
		c.setFrom(y)
		c.caller = y
		c.noteLeg(y)
		if c.member != nil {
			c.member.move(y)
		}
	} else {
		c.endTalk()
		c.peer = y
		c.noteTalk(y)
	}
	y.give(c)
	z.leaveCall(c)
	c.settle()
	c.signal()
}

// other is where c has who x talks to; nil: x is not in this call. c.mu is held.
func (c *Call) other(x *leg) **leg {
	switch x {
	case nil:
	case c.caller:
		return &c.peer
	case c.peer:
		return &c.caller
	}
	return nil
}

// partner is who a leg talks to; nil: nobody, or l is nil.
func (l *leg) partner() *leg {
	if l == nil {
		return nil
	}
	c := l.owner()
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if to := c.other(l); to != nil {
		return *to
	}
	return nil
}

func (e *Engine) legOf(s Dialog) *leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.legs[s]
}
