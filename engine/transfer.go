package engine

import (
	"context"
	"errors"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Transfers: legs that change calls (RFC 5589). Two of them never cross, since
// Engine.transfers is held while legs move.

// errNoTransfer says that there is nobody to transfer.
var errNoTransfer = errors.New("nobody to transfer")

// transfer is a blind transfer under way: one leg of a call has been sent elsewhere,
// and comes back if it is not wanted there.
type transfer struct {
	call   *Call // the one it left
	from   *leg  // who asked for it
	moved  *leg
	caller bool // moved was the call's caller
	tell   func(code int, reason string)
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
	if c.as == "" && c.from.Line == "" {
		if _, err := c.engine.directory.Line(ctx, c.dialled); err == nil {
			c.as = c.dialled
		}
	}
	return c.Redirect(ctx, number)
}

// referred answers a phone's REFER: blind, or attended when it names a dialog to replace.
func (l *leg) referred(r *sip.Refer) {
	c := l.owner()
	if c == nil {
		r.Notify(481, "Call/Transaction Does Not Exist")
		return
	}
	var err error
	switch {
	case r.Replaces != "" && r.ReplacesLeg == nil:
		r.Notify(481, "Call/Transaction Does Not Exist")
		return
	case r.ReplacesLeg != nil:
		err = c.attended(l, r.ReplacesLeg)
	default:
		err = c.blind(l, dialled(r.To.User), r.Notify)
	}
	switch {
	case err != nil:
		c.logger().Warn("transfer refused", "by", l.party.Number, "error", err)
		r.Notify(403, "Forbidden")
	case r.ReplacesLeg != nil:
		r.Notify(200, "OK")
		c.cancel(ErrRedirected)
	}
}

// blind sends the other party of x's conversation to a number, with the rights of x's line.
func (c *Call) blind(x *leg, number string, tell func(int, string)) error {
	e := c.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	c.mu.Lock()
	y := c.other(x)
	if y == nil || c.transfer != nil {
		c.mu.Unlock()
		return errNoTransfer
	}
	t := &transfer{call: c, from: x, moved: y, caller: y == c.caller, tell: tell}
	c.transfer = t
	c.drop(y)
	c.mu.Unlock()
	x.media.Silence()

	next := e.newCall(y, y.party, number)
	next.as = x.party.Line
	if next.as == "" {
		next.as = c.payer()
	}
	next.diversion = &Diversion{Number: x.party.Number, Reason: "unconditional"}
	next.mu.Lock()
	next.progress = t.heard
	next.mu.Unlock()
	c.logger().Info("transferred", "by", x.party.Number, "who", y.party.Number, "to", number, "next", next.id)
	next.setSource(e.ringTone())
	go e.serve(next)
	return nil
}

// heard is told how the transferred call goes. It runs on that call's goroutine.
func (t *transfer) heard(code int, reason string) {
	e := t.call.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	t.tell(code, reason)
	if code < 200 {
		return
	}
	c := t.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transfer != t {
		return
	}
	c.transfer = nil
	next := t.moved.owner()
	if code >= 300 && next != nil && next != c && t.from.owner() == c && t.moved.sip.Context().Err() == nil {
		next.mu.Lock()
		next.drop(t.moved)
		next.mu.Unlock()
		t.moved.give(c)
		if t.caller {
			c.caller = t.moved
		} else {
			c.peer = t.moved
		}
		c.join()
	} else {
		t.from.leave()
		c.cancel(ErrRedirected)
	}
	c.signal()
}

// legEnded is told when one of the two hangs up before the transfer is decided. The call's mu is held.
func (t *transfer) legEnded(l *leg) {
	if l == t.from { // the classic way: the transferor goes, and the transfer goes on
		t.call.transfer = nil
		t.call.cancel(ErrRedirected)
	}
}

// abandon forgets a transfer whose call has ended.
func (t *transfer) abandon() { t.call.transfer = nil }

// attended lets the other party of x's conversation take the place that z has in its own call.
func (c *Call) attended(x *leg, target *sip.Leg) error {
	e := c.engine
	e.transfers.Lock()
	defer e.transfers.Unlock()
	z := e.legOf(target)
	if z == nil || z.owner() == nil || z.owner() == c {
		return errNoTransfer
	}
	c.mu.Lock()
	y := c.other(x)
	if y == nil {
		c.mu.Unlock()
		return errNoTransfer
	}
	c.drop(y)
	c.mu.Unlock()
	c.logger().Info("transferred", "by", x.party.Number, "who", y.party.Number, "to", z.owner().id)
	x.leave()
	z.leave()
	z.owner().substitute(z, y)
	return nil
}

// replace lets a new leg take the place of one it names (RFC 3891).
func (e *Engine) replace(ctx context.Context, l *leg, target *sip.Leg) {
	e.transfers.Lock()
	defer e.transfers.Unlock()
	z := e.legOf(target)
	if z == nil || z.owner() == nil {
		_ = l.sip.Reject(481, "Call/Transaction Does Not Exist")
		return
	}
	c := z.owner()
	z.mu.Lock()
	z.leaving = true // answering l ends it
	z.mu.Unlock()
	c.substitute(z, l)
	if err := l.answer(ctx, ""); err != nil {
		c.logger().Warn("an INVITE with Replaces could not be answered", "by", l.party.Number, "error", err)
		l.hangup()
		return
	}
	c.logger().Info("taken over", "by", l.party.Number, "from", z.party.Number)
}

// substitute puts y where z is, and hangs z up. Engine.transfers is held.
func (c *Call) substitute(z, y *leg) {
	c.mu.Lock()
	switch z {
	case c.caller:
		c.caller = y
		switch {
		case c.member != nil:
			c.member.move(y)
		case c.peer == nil && c.source != nil:
			y.media.Play(c.source)
		}
	case c.peer:
		c.peer = y
	}
	y.give(c)
	c.join()
	c.signal()
	c.mu.Unlock()
	z.dismiss()
}

// other is who x talks to. c.mu is held.
func (c *Call) other(x *leg) *leg {
	switch x {
	case c.caller:
		return c.peer
	case c.peer:
		return c.caller
	}
	return nil
}

// drop lets a leg go without hanging it up. c.mu is held.
func (c *Call) drop(l *leg) {
	if c.caller == l {
		c.caller = nil
	}
	if c.peer == l {
		c.peer = nil
	}
	l.give(nil)
	c.signal()
}

func (e *Engine) legOf(s *sip.Leg) *leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.legs[s]
}

// ringTone is what a transferred caller hears until his new call says otherwise.
func (e *Engine) ringTone() *media.Player {
	s, err := e.opts.Prompts.Sound(context.Background(), "tone:ringing", "")
	if err != nil {
		return media.NewPlayer(nil, media.PlayOptions{})
	}
	return media.NewPlayer(s.Clips, media.PlayOptions{Loop: s.Loop})
}
