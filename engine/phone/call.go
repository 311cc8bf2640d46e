package phone

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sdp"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Kind is what an Event is about.
type Kind string

// What happens on a call.
const (
	Rung       Kind = "rung"     // this phone is called
	Ringing    Kind = "ringing"  // the other side rings (180)
	EarlyMedia Kind = "early"    // it can be heard before it answers (183)
	Answered   Kind = "answered" // either side's answer
	Refused    Kind = "refused"  // Code and Text say how
	Heard      Kind = "heard"    // Sound: one that has been recognised, told when it ends
	Hears      Kind = "hears"    // Sound: one that has just been recognised
	Pressed    Kind = "pressed"  // the other side pressed a key: Text
	Ended      Kind = "ended"    // Text: who hung up
)

// Event is something that happened on a call.
type Event struct {
	Call  *Call
	Kind  Kind
	At    time.Duration // since the call began
	Code  int           // of SIP, where there is one
	Text  string
	Sound Sound
}

// Call is one call of a phone, in either direction. It is safe for concurrent use.
type Call struct {
	phone    *Phone
	number   string // the other side
	incoming bool
	began    time.Time
	media    *media.Session
	ear      *ear
	recorder *media.Recorder
	giveUp   context.CancelCauseFunc // of a call being dialled

	answered chan struct{}
	ended    chan struct{}

	mu       sync.Mutex
	local    *sdp.Local
	leg      *sip.Leg
	agreed   sdp.Agreed
	digits   []byte
	pressed  chan struct{} // closed and renewed at each key
	rang     bool          // the other side rings
	isOpen   bool
	finished bool
	err      error // why it is over
}

var inSDP = [codec.Count]sdp.Codec{codec.PCMU: sdp.PCMU, codec.PCMA: sdp.PCMA, codec.G722: sdp.G722, codec.Opus: sdp.Opus}

// described are codecs and their telephone-events, as an offer lists them.
func described(codecs []codec.Codec) []sdp.Codec {
	all := make([]sdp.Codec, len(codecs))
	for i, c := range codecs {
		all[i] = inSDP[c]
	}
	return sdp.WithEvents(all...)
}

func (p *Phone) newCall(number string) (*Call, error) {
	c := &Call{
		phone: p, number: number, began: p.clock.Now(),
		answered: make(chan struct{}), ended: make(chan struct{}), pressed: make(chan struct{}),
	}
	session, err := p.media.NewSession(media.SessionOptions{Bind: p.local, Events: media.Events{
		Digit:   func(d media.Digit) { c.key(d.Key) },
		Timeout: func() { go c.soundStopped() },
	}})
	if err != nil {
		return nil, fmt.Errorf("phone %s: %w", p.o.Number, err)
	}
	c.media = session
	at := session.LocalAddr()
	c.local = sdp.NewLocal(at.Addr(), at.Port(), described(p.o.Codecs))
	c.ear = newEar(p.o.Rate, p.o.Sounds, func(s Sound, ended bool) {
		kind := Hears
		if ended {
			kind = Heard
		}
		c.tell(Event{Kind: kind, Sound: s})
	})
	c.recorder = media.NewRecorder(media.RecordOptions{Write: c.ear.write, Rate: p.o.Rate, MaxLength: maxHeard})
	return c, nil
}

// Number is who is at the other end.
func (c *Call) Number() string { return c.number }

// Phone is whose call it is.
func (c *Call) Phone() *Phone { return c.phone }

// Leg is the call's dialog; nil while it is being dialled.
func (c *Call) Leg() *sip.Leg {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leg
}

// Done is closed when the call is over; Err then says why.
func (c *Call) Done() <-chan struct{} { return c.ended }

// Err is why the call is over: a *sip.StatusError when it was refused, sip.ErrBye when
// the other side hung up, sip.ErrHungUp when this one did. nil: it is not over.
func (c *Call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// WaitAnswered returns when the call is answered, with Err when it was not, or when ctx ends.
func (c *Call) WaitAnswered(ctx context.Context) error {
	select {
	case <-c.answered:
		return nil
	case <-c.ended:
		select {
		case <-c.answered:
			return nil
		default:
			return c.Err()
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// WaitEnded returns nil when the call is over, or the cause of ctx's end.
func (c *Call) WaitEnded(ctx context.Context) error {
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Heard is what the phone has heard so far.
func (c *Call) Heard() *Hearing { return c.ear.hearing() }

// Named lists the sounds of Options.Sounds, and those that are neither such nor tones, in the order in which they began.
func (c *Call) Named() []Named { return c.ear.named() }

// Sounds lists what was recognised by its kind, without the sound itself.
func (c *Call) Sounds() []Sound { return c.ear.sounds() }

// WaitHeard returns as soon as a sound of that kind has been recognised since from (0: since
// the call began), when the call is over, or when ctx ends.
func (c *Call) WaitHeard(ctx context.Context, kind SoundKind, from time.Duration) (Sound, error) {
	over := c.ended
	for {
		s, ok, changed := c.ear.find(kind, from)
		if ok {
			return s, nil
		}
		if over == nil {
			return Sound{}, fmt.Errorf("waiting for %s: the call is over: %w", kind, c.Err())
		}
		select {
		case <-changed:
		case <-over:
			over = nil // look once more: the recorder has been flushed
		case <-ctx.Done():
			return Sound{}, fmt.Errorf("waiting for %s, heard %s: %w", kind, c.Heard(), context.Cause(ctx))
		}
	}
}

// Listened is how long the phone has heard the other side, silence included.
func (c *Call) Listened() time.Duration { return c.ear.length() }

// Rings tells whether the other side has said that it rings.
func (c *Call) Rings() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rang
}

// IsAnswered tells whether the call was answered; it may be over.
func (c *Call) IsAnswered() bool {
	select {
	case <-c.answered:
		return true
	default:
		return false
	}
}

// Digits are the keys that the other side has pressed so far.
func (c *Call) Digits() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.digits)
}

// WaitDigits returns when the other side has pressed n keys in all.
func (c *Call) WaitDigits(ctx context.Context, n int) (string, error) {
	for {
		c.mu.Lock()
		have, changed := string(c.digits), c.pressed
		c.mu.Unlock()
		if len(have) >= n {
			return have, nil
		}
		select {
		case <-changed:
		case <-c.ended:
			return have, fmt.Errorf("waiting for %d keys: %w", n, c.Err())
		case <-ctx.Done():
			return have, fmt.Errorf("waiting for %d keys: %w", n, context.Cause(ctx))
		}
	}
}

// Ring tells the caller that this phone rings.
func (c *Call) Ring(ctx context.Context) error {
	l := c.Leg()
	if l == nil {
		return ErrNotOpen
	}
	return l.Progress(ctx, 180, nil)
}

// Answer takes a call that came in.
func (c *Call) Answer(ctx context.Context) error {
	l := c.Leg()
	if l == nil || !c.incoming {
		return ErrNotOpen
	}
	late := l.RemoteSDP() == nil
	c.mu.Lock()
	var body []byte
	var err error
	if late {
		body = c.local.Offer()
	} else {
		body, c.agreed, err = c.local.Answer(l.RemoteSDP())
	}
	agreed := c.agreed
	c.mu.Unlock()
	if err != nil {
		return errors.Join(fmt.Errorf("answering %s: %w", c.number, err), l.Reject(488, ""))
	}
	if !late {
		if err := c.agree(agreed); err != nil {
			return err
		}
	}
	if err := l.Answer(ctx, body); err != nil {
		return fmt.Errorf("answering %s: %w", c.number, err)
	}
	if late {
		if err := c.accept(l.RemoteSDP()); err != nil {
			return err
		}
	}
	c.open()
	return nil
}

// Reject refuses a call that came in, with a SIP status.
func (c *Call) Reject(code int) error {
	l := c.Leg()
	if l == nil {
		return ErrNotOpen
	}
	return l.Reject(code, "")
}

// Redirect sends a call that came in to another number (302).
func (c *Call) Redirect(number string) error {
	l := c.Leg()
	if l == nil {
		return ErrNotOpen
	}
	return l.Reject(302, "", sip.Header{Name: "Contact", Value: "<sip:" + url.PathEscape(number) + "@" + c.phone.o.Server + ">"})
}

// Hangup ends the call, whatever its state.
func (c *Call) Hangup() {
	select {
	case <-c.ended:
		return
	default:
	}
	if c.giveUp != nil {
		c.giveUp(sip.ErrHungUp)
	}
	if l := c.Leg(); l != nil {
		l.Hangup()
	}
}

// SendDigits presses keys (RFC 4733), 100 ms each, and returns when they are sent.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	if err := c.media.SendDigits(ctx, digits, 100*time.Millisecond, 100*time.Millisecond); err != nil {
		return fmt.Errorf("pressing %s: %w", digits, err)
	}
	return nil
}

// Play speaks a clip and returns when it has been said, the call is over, or ctx ends.
func (c *Call) Play(ctx context.Context, clip *media.Clip) error {
	p := media.NewPlayer([]*media.Clip{clip}, media.PlayOptions{})
	c.media.Play(p)
	defer c.quiet()
	select {
	case <-p.Done():
		return nil
	case <-c.ended:
		return fmt.Errorf("speaking to %s: %w", c.number, c.Err())
	case <-ctx.Done():
		return fmt.Errorf("speaking to %s: %w", c.number, context.Cause(ctx))
	}
}

// Echo sends back what is heard, until the next Play.
func (c *Call) Echo() { c.media.Echo() }

// quiet sends silence, as a microphone in a quiet room does: a phone that sends
// nothing at all is taken for dead.
func (c *Call) quiet() {
	c.media.Play(media.NewPlayer([]*media.Clip{c.phone.silence}, media.PlayOptions{Loop: true}))
}

// Hold puts the other side on hold; Retrieve takes it back.
func (c *Call) Hold(ctx context.Context) error { return c.redirect(ctx, sdp.SendOnly) }

// Retrieve ends Hold.
func (c *Call) Retrieve(ctx context.Context) error { return c.redirect(ctx, sdp.SendRecv) }

// stillAcking is how long the other side may need to see the ACK of the offer before, without which it refuses
// the next with 500 (RFC 3261 section 14.2).
const stillAcking = 200 * time.Millisecond

func (c *Call) redirect(ctx context.Context, d sdp.Direction) error {
	return c.offer(ctx, func(l *sdp.Local) { l.Direction = d })
}

// Change offers other codecs in the running call, best first.
func (c *Call) Change(ctx context.Context, codecs ...codec.Codec) error {
	return c.offer(ctx, func(l *sdp.Local) { l.Codecs = described(codecs) })
}

// offer makes a new offer after change.
func (c *Call) offer(ctx context.Context, change func(*sdp.Local)) error {
	l := c.Leg()
	if l == nil {
		return ErrNotOpen
	}
	c.mu.Lock()
	change(c.local)
	offer := c.local.Offer()
	c.mu.Unlock()
	answer, err := l.Offer(ctx, offer)
	var status *sip.StatusError
	if errors.As(err, &status) && status.Code == 500 && clock.Sleep(ctx, c.phone.clock, stillAcking) == nil {
		answer, err = l.Offer(ctx, offer)
	}
	if err != nil {
		return fmt.Errorf("offering anew: %w", err)
	}
	return c.accept(answer)
}

// Codec is the one it speaks; None: nothing is agreed.
func (c *Call) Codec() codec.Codec {
	c.mu.Lock()
	defer c.mu.Unlock()
	own, _ := codec.ByName(c.agreed.Codec.Name)
	return own
}

// OnHold tells whether the other side has put this one on hold.
func (c *Call) OnHold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agreed.OnHold
}

// Transfer asks the exchange to send the other side to a number (RFC 5589, unattended).
func (c *Call) Transfer(ctx context.Context, number string) error {
	l := c.Leg()
	if l == nil {
		return ErrNotOpen
	}
	return l.Refer(ctx, "sip:"+url.PathEscape(number)+"@"+c.phone.o.Server)
}

// TransferTo joins the other sides of two calls of this phone (RFC 5589, attended).
func (c *Call) TransferTo(ctx context.Context, other *Call) error {
	l, to := c.Leg(), other.Leg()
	if l == nil || to == nil {
		return ErrNotOpen
	}
	d := to.Dialog()
	// The tags are named as the one who gets the INVITE sees them (RFC 3891 section 3).
	replaces := d.CallID + ";to-tag=" + d.RemoteTag + ";from-tag=" + d.LocalTag
	return l.Refer(ctx, "sip:"+url.PathEscape(other.number)+"@"+c.phone.o.Server+"?Replaces="+url.QueryEscape(replaces))
}
