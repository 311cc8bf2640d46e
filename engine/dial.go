package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	since      time.Time
	lines      []string     // whose phones
	confirming atomic.Int32 // how many have answered and are being asked whether they take it
	cancel     context.CancelCauseFunc

	mu   sync.Mutex
	news []news // that the handler does not know yet
	over bool   // nobody wants to know any more
	won  bool   // somebody has taken the call
}

// news is what dialling a device has come to.
type news struct {
	leg   *leg
	early bool // it can be heard already

	final   bool    // no more comes: it has answered if there is a leg
	outcome Outcome // without one, why not
}

// maxNews is how much may wait for a handler: a phone that says again and again that it rings is not listened to.
const maxNews = 4 * maxTargets

// tell lets the handler know; it is false when nobody wants to.
func (r *ringing) tell(n news) bool {
	r.mu.Lock()
	wanted := !r.over
	if wanted && (n.final || len(r.news) < maxNews) {
		r.news = append(r.news, n)
	}
	r.mu.Unlock()
	r.call.signal()
	return wanted
}

// next is the oldest news.
func (r *ringing) next() (n news, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.news) == 0 {
		return news{}, false
	}
	n, r.news = r.news[0], r.news[1:]
	return n, true
}

func (r *ringing) wasWon() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.won
}

// win says that somebody has taken the call.
func (r *ringing) win() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.won = true
}

// newRinging rings the phones of targets for the one who is near.
func (c *Call) newRinging(near *leg, targets []string, o BridgeOptions) *ringing {
	e := c.engine
	var devices []device
	for _, target := range targets {
		devices = append(devices, e.devices(target)...)
	}
	if len(devices) > maxTargets {
		c.warn("too many phones to ring at once; the rest is left out", "phones", len(devices), "limit", maxTargets)
		devices = devices[:maxTargets]
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	r := &ringing{
		call: c, near: near, sound: near.sound(), opts: o, count: len(devices), since: e.clock.Now(), cancel: cancel,
	}
	if len(o.Announce) > 0 {
		r.sound = r.sound.encodable() // the exchange speaks to them first
	}
	request := c.presented(o)
	request.Headers = r.headers()
	for _, d := range devices {
		c.noteRung(d.party.Line)
		if line := d.party.Line; line != "" && !slices.Contains(r.lines, line) {
			r.lines = append(r.lines, line)
		}
		e.work.Go(func() { r.dial(ctx, d, request) })
	}
	c.pickable(r)
	return r
}

// stop cancels what still rings. Phones that lost to another are told so (RFC 3326),
// and do not list a missed call.
func (r *ringing) stop() {
	r.call.pickable(nil)
	r.mu.Lock()
	r.over = true
	late, won := r.news, r.won
	r.news = nil
	r.mu.Unlock()
	for _, n := range late {
		if n.final && n.leg != nil {
			n.leg.tooLate(won)
		}
	}
	if won {
		r.cancel(sip.ErrAnsweredElsewhere)
	} else {
		r.cancel(context.Canceled)
	}
}

// elsewhere tells a phone that answered too late why it is hung up.
var elsewhere = sip.Header{Name: "Reason", Value: `SIP;cause=200;text="Call completed elsewhere"`}

// tooLate hangs up a phone that answered when nobody wanted it to any more.
func (l *leg) tooLate(won bool) {
	if won {
		l.hangup(elsewhere)
	} else {
		l.hangup()
	}
}

// dial rings one device and reports how it ended; whoever answers too late is hung up.
func (r *ringing) dial(ctx context.Context, d device, request sip.DialRequest) {
	result := news{final: true, outcome: OutcomeUnreachable}
	asked := false
	defer func() {
		if p := recover(); p != nil {
			r.call.logger().Error("dialling panicked", "panic", p, "stack", string(debug.Stack()))
			result = news{final: true, outcome: OutcomeUnreachable}
		}
		if !r.tell(result) && result.leg != nil {
			result.leg.tooLate(r.wasWon())
		}
		if asked { // by now the handler can know what came of it
			r.confirming.Add(-1)
			r.call.signal()
		}
	}()
	if d.err != nil {
		if errors.Is(d.err, errUnregistered) {
			r.call.tell("cannot be rung", "target", d.target, "error", d.err)
		} else { // the dialplan or the settings are wrong
			r.call.warn("cannot be rung", "target", d.target, "error", d.err)
		}
		return
	}
	l, err := r.call.engine.newLeg(ctx, d.peer, r.near)
	if err != nil {
		r.call.failed("no resources to ring a phone", "target", d.target, "error", err)
		result.outcome = OutcomeCongested
		return
	}
	l.party, l.target = d.party, d.target
	if !r.reach(ctx, l, d.to(request), &result.outcome) {
		return
	}
	asked = true
	r.confirming.Add(1)
	if !r.confirm(ctx, l) {
		l.hangup()
		result.outcome = OutcomeNoAnswer
		return
	}
	result.leg = l
}

// reach dials and tells whether l was answered; if not, why not, and l is closed.
func (r *ringing) reach(ctx context.Context, l *leg, request sip.DialRequest, why *Outcome) bool {
	rang, remote := false, request.From
	if request.Private {
		remote = sip.Address{Display: "Anonymous", User: "anonymous", Host: "anonymous.invalid"}
	}
	request.Offer = l.offer(r.sound)
	if c := r.call; c.Traced() {
		request.CallID = c.id + "-" + strconv.Itoa(int(c.rung.Add(1)))
		c.traceLeg(l, request.CallID)
	}
	request.OnProgress = func(code int, _ string, body []byte) {
		n := news{leg: l, early: len(body) > 0 && l.accept(body) == nil}
		if !rang && (code == 180 || code == 183) {
			l.engine.show(l, true, remote)
		}
		rang = rang || code == 180 || code == 183
		if code == 180 || n.early {
			r.tell(n)
		}
	}
	s, err := l.engine.sip.Dial(ctx, request, l.handler())
	if err != nil {
		l.engine.hide(l)
		l.media.Close()
		*why = outcomeOf(err, rang)
		if ctx.Err() == nil {
			r.call.tell("not reached", "target", l.target, "outcome", *why, "error", err)
		}
		return false
	}
	l.attach(s)
	if err := l.accept(s.RemoteSDP()); err != nil {
		r.call.warn("answered with a description of no use", "target", l.target, "error", err)
		l.hangup()
		return false
	}
	l.mu.Lock()
	l.answered = true
	l.mu.Unlock()
	l.engine.show(l, true, remote)
	l.engine.showAnswered(l)
	return true
}

// confirm announces the call to who answered, and waits for his key where one is asked for:
// a mobile's own voicemail cannot press it.
func (r *ringing) confirm(ctx context.Context, l *leg) bool {
	if len(r.opts.Announce) == 0 && r.opts.AnswerTo == "" {
		return true
	}
	clips, err := r.call.engine.clips(ctx, r.opts.Announce, r.opts.Language)
	if err != nil {
		r.call.failed("announce the call", "error", err)
	}
	w := l.engine.work.NewWaiter()
	var taken, late atomic.Bool
	l.listen(func(key byte) {
		if strings.IndexByte(r.opts.AnswerTo, key) >= 0 {
			taken.Store(true)
			w.Wake()
		}
	})
	defer l.listen(nil)
	p := l.engine.media.NewPlayer(clips, media.PlayOptions{OnDone: w.Wake})
	l.media.Play(p)
	defer p.Stop()
	announced := false
	for l.sip.Context().Err() == nil && ctx.Err() == nil && !late.Load() {
		if taken.Load() {
			return true
		}
		if !announced && closed(p.Done()) {
			if r.opts.AnswerTo == "" {
				return true
			}
			announced = true
			t := l.engine.clock.AfterFunc(confirmFor, func() { late.Store(true); w.Wake() })
			defer t.Stop()
		}
		w.Wait(l.sip.Context(), ctx)
	}
	return false
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
