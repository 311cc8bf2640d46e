package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sdp"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// What the signalling does to a call.

func (c *Call) tell(e Event) {
	e.Call, e.At = c, c.phone.clock.Now().Sub(c.began)
	c.phone.tell(e)
}

func (c *Call) progress(code int, reason string, body []byte) {
	early := len(body) > 0 && c.accept(body) == nil
	switch {
	case early:
		c.listen()
		c.tell(Event{Kind: EarlyMedia, Code: code, Text: reason})
	case code == 180:
		c.mu.Lock()
		c.rang = true
		c.mu.Unlock()
		c.tell(Event{Kind: Ringing, Code: code, Text: reason})
	}
}

// dialled is how dialling ended.
func (c *Call) dialled(l *sip.Leg, err error) {
	if err != nil {
		var status *sip.StatusError
		switch {
		case errors.Is(err, sip.ErrTimeout), errors.Is(err, sip.ErrTransport): // which count as 408 and 503 too
			err = fmt.Errorf("%w at %s: %w", ErrNoExchange, c.phone.o.Server, err)
		case errors.As(err, &status):
			c.tell(Event{Kind: Refused, Code: status.Code, Text: status.Reason})
		}
		c.finish(err)
		return
	}
	if err := c.accept(l.RemoteSDP()); err != nil {
		l.Hangup()
		c.finish(fmt.Errorf("calling %s: %w", c.number, err))
		return
	}
	c.setLeg(l)
	c.open() // before it may be over: a call that was hung up at once was answered all the same
	c.follow(l)
}

// setLeg makes l the call's dialog.
func (c *Call) setLeg(l *sip.Leg) {
	c.mu.Lock()
	c.leg = l
	c.mu.Unlock()
	l.Handle(c.handler())
}

// follow lets go of everything when the call's dialog ends.
func (c *Call) follow(l *sip.Leg) {
	context.AfterFunc(l.Context(), func() { c.finish(context.Cause(l.Context())) })
}

func (c *Call) handler() sip.LegHandler {
	return sip.LegHandler{
		Offer: func(_ context.Context, offer []byte) ([]byte, error) {
			c.mu.Lock()
			if offer == nil {
				defer c.mu.Unlock()
				return c.local.Offer(), nil
			}
			answer, agreed, err := c.local.Answer(offer)
			c.mu.Unlock()
			if err != nil {
				return nil, err
			}
			return answer, c.agree(agreed)
		},
		Answered: func(answer []byte) {
			if err := c.accept(answer); err != nil {
				c.phone.log.Warn("the answer in the ACK is of no use", "error", err)
			}
		},
		Digit: func(key byte, _ time.Duration) { c.key(key) },
	}
}

// open is told once both sides talk.
func (c *Call) open() {
	c.mu.Lock()
	was := c.isOpen || c.finished
	c.isOpen = true
	c.mu.Unlock()
	if was {
		return
	}
	c.listen()
	c.quiet()
	c.tell(Event{Kind: Answered})
	close(c.answered)
}

// listen begins to hear; a second one does nothing.
func (c *Call) listen() { c.media.Record(c.recorder) }

// finish ends the call once.
func (c *Call) finish(err error) {
	c.mu.Lock()
	if c.finished {
		c.mu.Unlock()
		return
	}
	c.finished = true
	c.mu.Unlock()
	c.recorder.Stop()
	c.media.Close()
	c.ear.close()
	c.mu.Lock()
	c.err = err
	open := c.isOpen
	c.mu.Unlock()
	if open || c.incoming {
		c.tell(Event{Kind: Ended, Text: ending(err)})
	}
	close(c.ended)
}

func ending(err error) string {
	switch {
	case errors.Is(err, sip.ErrBye):
		return "the other side hung up"
	case errors.Is(err, sip.ErrHungUp), errors.Is(err, sip.ErrClosed):
		return "this phone hung up"
	case errors.Is(err, sip.ErrCancelled):
		return "the caller gave up"
	case err == nil:
		return "over"
	}
	return err.Error()
}

func (c *Call) soundStopped() {
	c.phone.log.Info("no sound arrives any more; hanging up")
	c.Hangup()
}

func (c *Call) key(key byte) {
	c.mu.Lock()
	if len(c.digits) < maxDigits {
		c.digits = append(c.digits, key)
	}
	close(c.pressed)
	c.pressed = make(chan struct{})
	c.mu.Unlock()
	c.tell(Event{Kind: Pressed, Text: string(key)})
}

// maxDigits bounds the keys that are remembered of a call.
const maxDigits = 1024

func (c *Call) accept(answer []byte) error {
	c.mu.Lock()
	agreed, err := c.local.Accept(answer)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.agree(agreed)
}

// agree puts what offer and answer came to in force.
func (c *Call) agree(a sdp.Agreed) error {
	f := media.Format{
		Remote: a.Remote, RemoteRTCP: a.RemoteRTCP, RTCPMux: a.RTCPMux, PayloadType: a.Codec.PayloadType,
		EventPayloadType: a.Event.PayloadType, EventClockRate: a.Event.ClockRate, ReceivesEvent: a.ReceivesEvent.PayloadType,
		Send: a.Direction.Send() && a.Remote.IsValid(), Receive: a.Direction.Receive(),
	}
	f.Codec, _ = codec.ByName(a.Codec.Name)
	for _, r := range a.Receives {
		c, _ := codec.ByName(r.Name)
		f.Receives = append(f.Receives, media.Payload{Type: r.PayloadType, Codec: c})
	}
	err := c.media.SetFormat(f)
	if err != nil {
		return fmt.Errorf("setting the media format: %w", err)
	}
	c.mu.Lock()
	c.agreed = a
	c.mu.Unlock()
	return nil
}
