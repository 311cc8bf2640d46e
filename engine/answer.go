package engine

import (
	"context"
	"fmt"

	"github.com/belfry-pbx/belfry/engine/sdp"
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
	if err := c.over(ctx); err != nil {
		return err
	}
	l := c.callerLeg()
	if l == nil || l.isAnswered() || l.early() {
		return nil
	}
	c.tellProgress(180, "Ringing")
	return l.sip.Progress(ctx, 180, nil)
}

// Answer accepts the call: 200, and the caller can be heard. Answering twice does nothing.
func (c *Call) Answer(ctx context.Context) error { return c.answer(ctx, "") }

// answer prefers a codec, so that caller and called person share one.
func (c *Call) answer(ctx context.Context, codec string) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	if !l.isAnswered() {
		if err := l.answer(ctx, codec); err != nil {
			if over := c.over(ctx); over != nil {
				return over
			}
			c.logger().Warn("the caller's description of sound is of no use", "error", err)
			_ = l.sip.Reject(488, "Not Acceptable Here") // fails, rightly, where the answer was sent already
			c.cancel(ErrEnded)
			return fmt.Errorf("answer the call: %w: %w", ErrEnded, err)
		}
	}
	c.mu.Lock()
	first := c.state == StateRinging
	if first {
		c.state = StateAnswered
		c.record.answered = c.engine.clock.Now()
	}
	c.mu.Unlock()
	if first {
		if codec == "" { // by the dialplan itself; Bridge says who
			c.tell("answered")
		}
		c.tellProgress(200, "OK")
		c.emit(Event{Name: "answered"})
	}
	return nil
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
	l := c.callerLeg()
	c.tellProgress(code, phrase)
	c.mu.Lock()
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

func (c *Call) callerLeg() *leg {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caller
}

func (l *leg) isAnswered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// early tells whether the caller hears something though the call is not answered.
func (l *leg) early() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sdp != nil
}

// earlyMedia lets an unanswered caller hear something: 183 with SDP (RFC 3261 section 13.3.1.1).
// A caller who made no offer hears nothing before he is answered.
func (l *leg) earlyMedia(ctx context.Context, codec string) error {
	if l.isAnswered() || l.early() || l.sip.RemoteSDP() == nil {
		return nil
	}
	if err := l.answerOffer(codec); err != nil {
		return err
	}
	return l.sip.Progress(ctx, 183, l.sdp)
}

// answerOffer makes our answer to the INVITE's offer and puts it in force.
func (l *leg) answerOffer(codec string) error {
	offer := l.sip.RemoteSDP()
	if codec != "" && offers(offer, codec) {
		l.local.Codecs = only(l.local.Codecs, codec)
	}
	answer, agreed, err := l.local.Answer(offer)
	if err != nil {
		return err
	}
	l.local.Codecs = []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}
	if err := l.agree(agreed); err != nil {
		return err
	}
	l.mu.Lock()
	l.sdp = answer
	l.mu.Unlock()
	return nil
}

func (l *leg) answer(ctx context.Context, codec string) error {
	late := l.sip.RemoteSDP() == nil && !l.early()
	body := l.sdp
	switch {
	case late:
		body = l.local.Offer()
	case body == nil:
		if err := l.answerOffer(codec); err != nil {
			return err
		}
		body = l.sdp
	}
	if err := l.sip.Answer(ctx, body); err != nil {
		return err
	}
	l.mu.Lock()
	l.answered = true
	l.mu.Unlock()
	if late {
		return l.accept(l.sip.RemoteSDP())
	}
	return nil
}

// offers tells whether a description lists a codec.
func offers(body []byte, name string) bool {
	for _, c := range listed(body) {
		if c == name {
			return true
		}
	}
	return false
}

// preferred is the first codec of an offer that the exchange has, or "".
func preferred(body []byte) string {
	for _, name := range listed(body) {
		if _, ok := codecs[name]; ok {
			return name
		}
	}
	return ""
}

func listed(body []byte) []string {
	s, err := sdp.Parse(body)
	if err != nil {
		return nil
	}
	var names []string
	for i := range s.Media {
		for _, c := range s.Media[i].Codecs() {
			names = append(names, c.Name)
		}
	}
	return names
}

func only(all []sdp.Codec, name string) []sdp.Codec {
	var kept []sdp.Codec
	for _, c := range all {
		if c.Name == name || c.IsEvent() {
			kept = append(kept, c)
		}
	}
	return kept
}
