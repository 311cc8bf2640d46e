package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// How phones are rung. Every device of every target is dialled on a goroutine of its
// own; the handler's goroutine hears of progress and of how each ended.

// confirmFor is how long a called person has to press BridgeOptions.AnswerTo.
const confirmFor = 10 * time.Second

// maxTargets is how many phones one Bridge may ring at once.
const maxTargets = 200

// ringing is a number of phones that are rung at once.
type ringing struct {
	call       *Call
	near       *leg
	sound      sound // of near
	opts       BridgeOptions
	count      int
	ended      chan attempt
	progress   chan progress
	done       chan struct{} // closed: nobody waits any more
	won        bool          // somebody has taken the call; set before done is closed
	confirming atomic.Int32  // how many have answered and are being asked whether they take it
	cancel     context.CancelCauseFunc
}

// attempt is how dialling one device ended: with a leg that answered, or an outcome.
type attempt struct {
	leg     *leg
	outcome Outcome
}

type progress struct {
	leg   *leg
	early bool // it can be heard already
}

// newRinging rings the phones of targets for the one who is near.
func (c *Call) newRinging(near *leg, targets []string, o BridgeOptions) *ringing {
	e := c.engine
	var devices []device
	for _, target := range targets {
		devices = append(devices, e.devices(target)...)
	}
	if len(devices) > maxTargets {
		c.logger().Warn("too many phones to ring at once; the rest is left out", "phones", len(devices), "limit", maxTargets)
		devices = devices[:maxTargets]
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	r := &ringing{
		call: c, near: near, sound: near.sound(), opts: o, count: len(devices), cancel: cancel,
		ended: make(chan attempt), progress: make(chan progress), done: make(chan struct{}),
	}
	if len(o.Announce) > 0 {
		r.sound = r.sound.encodable() // the exchange speaks to them first
	}
	request := c.presented(o)
	request.Headers = r.headers()
	for _, d := range devices {
		c.noteRung(d.party.Line)
		e.work.Go(func() { r.dial(ctx, d, request) })
	}
	return r
}

// stop cancels what still rings. Phones that lost to another are told so (RFC 3326),
// and do not list a missed call.
func (r *ringing) stop() {
	close(r.done)
	if r.won {
		r.cancel(sip.ErrAnsweredElsewhere)
	} else {
		r.cancel(context.Canceled)
	}
}

// elsewhere tells a phone that answered too late why it is hung up.
var elsewhere = sip.Header{Name: "Reason", Value: `SIP;cause=200;text="Call completed elsewhere"`}

// dial rings one device and reports how it ended; whoever answers too late is hung up.
func (r *ringing) dial(ctx context.Context, d device, request sip.DialRequest) {
	result := attempt{outcome: OutcomeUnreachable}
	defer func() {
		if p := recover(); p != nil {
			r.call.logger().Error("dialling panicked", "panic", p, "stack", string(debug.Stack()))
			result = attempt{outcome: OutcomeUnreachable}
		}
		select {
		case r.ended <- result:
		case <-r.done:
			if result.leg != nil && r.won {
				result.leg.hangup(elsewhere)
			} else if result.leg != nil {
				result.leg.hangup()
			}
		}
	}()
	if d.err != nil {
		if errors.Is(d.err, errUnregistered) {
			r.call.tell("cannot be rung", "target", d.target, "error", d.err)
		} else { // the dialplan or the settings are wrong
			r.call.logger().Warn("cannot be rung", "target", d.target, "error", d.err)
		}
		return
	}
	l, err := r.call.engine.newLeg(ctx, d.peer, r.near)
	if err != nil {
		r.call.logger().Error("no resources to ring a phone", "target", d.target, "error", err)
		result.outcome = OutcomeCongested
		return
	}
	l.party, l.target = d.party, d.target
	if !r.reach(ctx, l, d.to(request), &result.outcome) {
		return
	}
	if !r.confirm(ctx, l) {
		l.hangup()
		result.outcome = OutcomeNoAnswer
		return
	}
	result.leg = l
}

// reach dials and tells whether l was answered; if not, why not, and l is closed.
func (r *ringing) reach(ctx context.Context, l *leg, request sip.DialRequest, why *Outcome) bool {
	rang := false
	request.Offer = l.offer(r.sound)
	request.Handler = l.handler()
	request.OnProgress = func(code int, _ string, body []byte) {
		p := progress{leg: l, early: len(body) > 0 && l.accept(body) == nil}
		rang = rang || code == 180 || code == 183
		if code != 180 && !p.early {
			return
		}
		select {
		case r.progress <- p:
		case <-ctx.Done():
		}
	}
	s, err := l.engine.sip.Dial(ctx, request)
	if err != nil {
		l.media.Close()
		*why = outcomeOf(err, rang)
		if ctx.Err() == nil {
			r.call.tell("not reached", "target", l.target, "outcome", *why, "error", err)
		}
		return false
	}
	l.attach(s)
	if err := l.accept(s.RemoteSDP()); err != nil {
		r.call.logger().Warn("answered with a description of no use", "target", l.target, "error", err)
		l.hangup()
		return false
	}
	l.mu.Lock()
	l.answered = true
	l.mu.Unlock()
	return true
}

// confirm announces the call to who answered, and waits for his key where one is asked for:
// a mobile's own voicemail cannot press it.
func (r *ringing) confirm(ctx context.Context, l *leg) bool {
	if len(r.opts.Announce) == 0 && r.opts.AnswerTo == "" {
		return true
	}
	r.confirming.Add(1)
	defer r.confirming.Add(-1)
	clips, err := r.call.engine.clips(ctx, r.opts.Announce, r.opts.Language)
	if err != nil {
		r.call.logger().Error("announce the call", "error", err)
	}
	keys := make(chan byte, 1)
	l.listen(func(key byte) {
		select {
		case keys <- key:
		default:
		}
	})
	defer l.listen(nil)
	p := media.NewPlayer(clips, media.PlayOptions{})
	l.media.Play(p)
	defer p.Stop()
	played := p.Done()
	var late <-chan time.Time
	for {
		select {
		case <-played:
			if r.opts.AnswerTo == "" {
				return l.sip.Context().Err() == nil
			}
			played = nil
			t := r.call.engine.clock.NewTimer(confirmFor)
			defer t.Stop()
			late = t.C()
		case key := <-keys:
			if strings.IndexByte(r.opts.AnswerTo, key) >= 0 {
				return true
			}
		case <-late:
			return false
		case <-l.sip.Context().Done():
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (r *ringing) headers() []sip.Header {
	d := r.opts.Diversion
	if d == nil {
		return nil
	}
	by := sip.Address{User: d.Number, Host: r.call.engine.opts.Realm}
	return []sip.Header{{Name: "Diversion", Value: by.String() + ";reason=" + token(d.Reason)}}
}

// token is text that may stand as a parameter's value (RFC 3261 section 25.1).
func token(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "unknown" // RFC 5806 section 4
	}
	return s
}

// presented is what the called side is told of the caller (From, P-Asserted-Identity). Who
// withholds his number is asserted all the same, which the SIP side tells to trunks only (RFC 3325 section 7).
func (c *Call) presented(o BridgeOptions) sip.DialRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := sip.DialRequest{
		From: sip.Address{Display: c.from.Name, User: c.from.Number}, Asserted: c.asserted, Private: c.private,
	}
	vouched := c.asserted.User != ""
	if o.CallerName != "" {
		r.From.Display, r.Asserted.Display = o.CallerName, o.CallerName
	}
	if o.CallerNumber != "" {
		r.From.User, r.Asserted.User = o.CallerNumber, o.CallerNumber
	}
	if !vouched {
		r.Asserted = sip.Address{}
	}
	if r.From.User == "" {
		r.From = sip.Address{Display: "Anonymous", User: "anonymous"}
	}
	return r
}

// outcomeOf reads a final response (RFC 3261 section 21).
func outcomeOf(err error, rang bool) Outcome {
	var status *sip.StatusError
	silent := errors.Is(err, sip.ErrTransport) || errors.Is(err, sip.ErrTimeout)
	if !errors.As(err, &status) || silent {
		if rang {
			return OutcomeNoAnswer
		}
		return OutcomeUnreachable
	}
	switch code := status.Code; {
	case code == 486, code == 600:
		return OutcomeBusy
	case code == 403, code == 603, code == 607:
		return OutcomeRejected
	case code == 408 && rang, code == 480 && rang:
		return OutcomeNoAnswer
	case code == 487:
		return OutcomeCancelled
	case code >= 500 && code < 600:
		return OutcomeCongested
	}
	return OutcomeUnreachable
}
