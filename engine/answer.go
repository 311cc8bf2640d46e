package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/belfry-pbx/belfry/engine/trace"
)

var statuses = map[Reason]struct {
	code   int
	phrase string
}{
	Busy:        {486, "Busy Here"},
	Unavailable: {480, "Temporarily Unavailable"},
	Declined:    {603, "Decline"},
	NotFound:    {404, "Not Found"},
	Forbidden:   {403, "Forbidden"},
	Congested:   {503, "Service Unavailable"},
}

// Ring tells the caller that it rings: 180, and his phone makes the tone.
func (c *Call) Ring(ctx context.Context) error {
	l, err := c.here(ctx)
	if err != nil {
		return err
	}
	c.tellProgress(180, "Ringing")
	if l.isAnswered() || l.early() {
		return nil
	}
	return c.unless(ctx, l, l.sip.Progress(ctx, 180, nil))
}

// Answer accepts the call: 200, and the caller can be heard. Answering twice does nothing.
func (c *Call) Answer(ctx context.Context) (err error) {
	if l := c.callerLeg(); l != nil && l.isAnswered() && c.State() != StateRinging {
		return c.over(ctx)
	}
	c.engine.work.Do(func() { err = c.answer(ctx, nil) })
	return err
}

// answer is Answer for the sake of peer, who has answered: caller and called person then share a codec if they can.
func (c *Call) answer(ctx context.Context, peer *leg) error {
	l, err := c.here(ctx)
	if err != nil {
		return err
	}
	if err := l.answer(ctx, peer); err != nil {
		err = c.unless(ctx, l, err)
		switch {
		case c.callerLeg() != l && c.over(ctx) == nil: // another has taken his place meanwhile
			return c.answer(ctx, peer)
		case c.over(ctx) != nil:
			return err
		}
		c.warn("the caller cannot be answered: his description of sound is of no use", "error", err)
		_ = l.sip.Reject(488, "Not Acceptable Here") // fails, rightly, where the answer was sent already
		c.cancel(ErrEnded)
		return fmt.Errorf("answer the call: %w: %w", ErrEnded, err)
	}
	c.mu.Lock()
	first := c.state == StateRinging
	if first {
		c.state = StateAnswered
		c.record.answered = c.engine.clock.Now()
	}
	c.mu.Unlock()
	if first {
		if peer == nil { // by the dialplan itself; Bridge says who
			c.detail("answered")
		}
		c.tellProgress(200, "OK")
		c.emit(Event{Name: "answered"})
	}
	return nil
}

// unless makes of an error that comes of the caller's going what that is to the handler. The leg
// knows of it a little before the call does.
func (c *Call) unless(ctx context.Context, l *leg, err error) error {
	if err == nil {
		return nil
	}
	c.adopted(l)
	if over := c.over(ctx); over != nil {
		return over
	}
	return err
}

// Reject refuses the call, or ends it if it was answered already. The handler should return.
func (c *Call) Reject(ctx context.Context, why Reason) error {
	s, ok := statuses[why]
	if !ok {
		return fmt.Errorf("reject a call: no reason %q", why)
	}
	if err := c.over(ctx); err != nil {
		return err
	}
	return c.reject(s.code, s.phrase)
}

func (c *Call) reject(code int, phrase string) error {
	c.tellProgress(code, phrase)
	if c.Traced() {
		c.Step(trace.Step{Kind: trace.Call, Text: "rejected " + strconv.Itoa(code) + " " + phrase})
	}
	c.mu.Lock()
	l := c.caller
	if c.state == StateRinging {
		c.record.status = code
	}
	c.mu.Unlock()
	if l != nil && !l.isAnswered() {
		if err := l.sip.Reject(code, phrase); err != nil {
			c.logger().Debug("reject", "error", err)
		}
	}
	c.cancel(ErrEnded)
	return ErrEnded
}

// Hangup ends the call. The handler should return.
func (c *Call) Hangup(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.detail("hung up by the exchange")
	c.cancel(ErrEnded)
	return ErrEnded
}

// tellProgress tells who sent this caller here how the transfer goes, until it is decided.
func (c *Call) tellProgress(code int, reason string) {
	c.mu.Lock()
	tell := c.progress
	if code >= 200 {
		c.progress = nil
	}
	c.mu.Unlock()
	if tell != nil {
		tell(code, reason)
	}
}

func (l *leg) isAnswered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// early tells whether the phone has our description of sound, which lets it hear something before it is answered.
func (l *leg) early() bool { return l.answerBody() != nil }

func (l *leg) answerBody() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sdp
}

// earlyMedia lets an unanswered caller hear something: 183 with SDP (RFC 3261 section 13.3.1.1).
// A caller who made no offer hears nothing before he is answered.
func (l *leg) earlyMedia(ctx context.Context, peer *leg) error {
	l.answering.Lock()
	defer l.answering.Unlock()
	if l.isAnswered() || l.early() || l.sip.RemoteSDP() == nil {
		return nil
	}
	if err := l.answerOffer(peer.sound()); err != nil {
		return err
	}
	return l.sip.Progress(ctx, 183, l.answerBody())
}

// errNoAnswer says that the ACK to our offer brought no description.
var errNoAnswer = errors.New("no answer to our offer")

// answer sends the 200, for the sake of peer where there is one. A second time it does nothing.
func (l *leg) answer(ctx context.Context, peer *leg) error {
	l.answering.Lock()
	defer l.answering.Unlock()
	if l.isAnswered() {
		return nil
	}
	late := l.sip.RemoteSDP() == nil && !l.early()
	body := l.answerBody()
	switch {
	case late:
		body = l.offer(peer.sound())
	case body == nil:
		if err := l.answerOffer(peer.sound()); err != nil {
			return err
		}
		body = l.answerBody()
	}
	if err := l.sip.Answer(ctx, body); err != nil {
		return err
	}
	if late {
		answer := l.sip.RemoteSDP()
		if answer == nil {
			return errNoAnswer
		}
		if err := l.accept(answer); err != nil {
			return err
		}
	}
	l.mu.Lock()
	l.answered = true
	l.mu.Unlock()
	l.engine.showAnswered(l)
	return nil
}
