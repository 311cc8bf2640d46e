package sim

import (
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// What somebody does with his call.

// Answer takes a call that rings.
func (c *Caller) Answer() {
	d := c.dialog
	if !c.incoming || c.state != Ringing && c.state != Calling {
		return
	}
	c.stopAnswer()
	d.confirmed, d.final, d.remote = true, true, d.description(true)
	c.sent(true, "200 OK")
	c.sent(false, "ACK")
	d.waiter.Wake()
	c.answered()
}

// Refuse refuses a call that rings, with a SIP status; a 3xx names where else to try.
func (c *Caller) Refuse(code int, contacts ...string) {
	if !c.incoming || c.state == Answered || c.state == Ended {
		return
	}
	phrase := sip.ReasonPhrase(code)
	c.sent(true, "%d %s", code, phrase)
	c.dialog.refuse = &sip.StatusError{Code: code, Reason: phrase, Contacts: contacts}
	c.dialog.finish(sip.ErrHungUp)
	c.refused(code, phrase)
}

// Hangup ends the call, whatever its state, and lets go of whatever he had still to do.
func (c *Caller) Hangup() {
	switch {
	case c.state == Ended:
	case c.state == Answered:
		c.sent(true, "BYE")
		c.sent(false, "200 OK")
		c.dialog.finish(sip.ErrBye)
		c.end()
	case c.incoming:
		c.Refuse(603)
	default:
		c.sent(true, "CANCEL")
		c.sent(false, "487 %s", sip.ReasonPhrase(487))
		c.dialog.finish(sip.ErrCancelled)
		c.refused(487, sip.ReasonPhrase(487))
	}
}

// Press presses keys, each for 100 ms and as long after it.
func (c *Caller) Press(keys string) {
	for i := range len(keys) {
		c.do(func(c *Caller) time.Duration {
			if s := c.session(); s != nil {
				s.press(keys[i])
			}
			return 2 * keyPress
		})
	}
}

// keyPress is how long a key is held down, and how long the next takes to come.
const keyPress = 100 * time.Millisecond

// Speak speaks for a while.
func (c *Caller) Speak(d time.Duration) {
	c.do(func(c *Caller) time.Duration {
		if s := c.session(); s != nil {
			s.speak(d)
		}
		return d
	})
}

// Pause does nothing for a while.
func (c *Caller) Pause(d time.Duration) { c.do(func(*Caller) time.Duration { return d }) }

// HangupThen ends the call when all is done that he was told before.
func (c *Caller) HangupThen() {
	c.do(func(c *Caller) time.Duration { c.Hangup(); return 0 })
}

// Hold puts the other side on hold (RFC 3264 section 8.4).
func (c *Caller) Hold() { c.do(func(c *Caller) time.Duration { c.offer(false); return 0 }) }

// Unhold ends Hold.
func (c *Caller) Unhold() { c.do(func(c *Caller) time.Duration { c.offer(true); return 0 }) }

// Transfer asks the exchange to send the other side to a number (RFC 5589 section 6). When that has succeeded he hangs up.
func (c *Caller) Transfer(number string) {
	c.do(func(c *Caller) time.Duration { c.refer(number, nil); return 0 })
}

// TransferTo asks the exchange to let the other side take his place in another call of his (RFC 5589 section 7).
func (c *Caller) TransferTo(other *Caller) {
	c.do(func(c *Caller) time.Duration { c.refer(other.number(), other); return 0 })
}

// offer sends a re-INVITE.
func (c *Caller) offer(listens bool) {
	body := c.dialog.description(listens)
	c.sent(true, "INVITE %s", direction(listens))
	c.offered = &sip.StatusError{Code: 488, Reason: sip.ReasonPhrase(488)}
	if offer := c.dialog.handler.Offer; offer != nil {
		c.dialog.remote = body
		var local []byte
		if local, c.offered = offer(c.dialog.ctx, body); c.offered == nil {
			c.dialog.describes(local)
		}
	}
	if c.offered != nil {
		c.sent(false, "488 %s", sip.ReasonPhrase(488))
		return
	}
	c.sent(false, "200 OK")
	c.sent(true, "ACK")
	c.holding = !listens
}

func direction(listens bool) string {
	if listens {
		return "(sendrecv)"
	}
	return "(sendonly)"
}

// refer sends a REFER, with Replaces where there is another call to join.
func (c *Caller) refer(number string, other *Caller) {
	h := c.dialog.handler.Refer
	if other != nil {
		c.sent(true, "REFER %s (replaces the call there)", number)
	} else {
		c.sent(true, "REFER %s", number)
	}
	c.moved = Progress{}
	if h == nil {
		c.sent(false, "603 %s", sip.ReasonPhrase(603))
		c.moved = Progress{603, sip.ReasonPhrase(603), true}
		return
	}
	c.sent(false, "202 %s", sip.ReasonPhrase(202))
	tell := func(code int, phrase string) { c.told(code, phrase, other) }
	tell(100, sip.ReasonPhrase(100))
	r := &engine.Refer{To: sip.Address{User: number, Host: c.x.realm()}, Attended: other != nil, Notify: tell}
	if other != nil && !other.dialog.ended {
		r.Replaces = other.dialog
	}
	h(r)
}

// told takes a NOTIFY of a transfer. Who has got rid of his calls hangs up.
func (c *Caller) told(code int, phrase string, other *Caller) {
	if c.moved.Over {
		return
	}
	c.moved = Progress{code, phrase, code >= 200}
	c.sent(false, "NOTIFY %d %s", code, phrase)
	if code < 200 || code >= 300 {
		return
	}
	c.x.world.Go(func() {
		c.Hangup()
		if other != nil {
			other.Hangup()
		}
	})
}

// do has him do something when all before is done.
func (c *Caller) do(a act) {
	c.acts = append(c.acts, a)
	c.x.world.Go(c.next)
}

// next does what is next, if there is anybody who hears it.
func (c *Caller) next() {
	for !c.busy && len(c.acts) > 0 && c.isHeard() {
		a := c.acts[0]
		c.acts = c.acts[1:]
		if d := a(c); d > 0 {
			c.busy = true
			c.x.world.AfterFunc(d, func() { c.busy = false; c.next() })
		}
	}
}

// isHeard tells whether what he says and presses arrives: the call is answered, or has early media.
func (c *Caller) isHeard() bool {
	return c.state == Answered || c.state != Ended && !c.incoming && c.dialog.port != 0
}
