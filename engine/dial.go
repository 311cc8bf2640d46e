package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
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

type ringing struct {
	call     *Call
	opts     BridgeOptions
	count    int
	ended    chan attempt
	progress chan progress
	done     chan struct{}
	cancel   context.CancelCauseFunc
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

// device is one phone or trunk to dial.
type device struct {
	target  string
	request sip.DialRequest
	party   Party
	peer    string // where its signalling goes, for choosing our address
	err     error
}

func (c *Call) newRinging(targets []string, o BridgeOptions) *ringing {
	var devices []device
	for _, target := range targets {
		devices = append(devices, c.engine.devices(target)...)
	}
	if len(devices) > maxTargets {
		c.logger().Warn("too many phones to ring at once; the rest is left out", "phones", len(devices), "limit", maxTargets)
		devices = devices[:maxTargets]
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	r := &ringing{
		call: c, opts: o, count: len(devices), cancel: cancel,
		ended: make(chan attempt), progress: make(chan progress, len(devices)), done: make(chan struct{}),
	}
	from, asserted := c.presented(o)
	near := c.callerLeg()
	for _, d := range devices {
		c.noteRung(d.party.Line)
		go r.dial(ctx, d, near, from, asserted)
	}
	return r
}

// stop cancels what still rings. Phones that lost to another are told so (RFC 3326),
// and do not list a missed call.
func (r *ringing) stop() {
	close(r.done)
	if r.call.record.by != "" {
		r.cancel(sip.ErrAnsweredElsewhere)
	} else {
		r.cancel(context.Canceled)
	}
}

// dial rings one device and reports how it ended; whoever answers too late is hung up.
func (r *ringing) dial(ctx context.Context, d device, near *leg, from, asserted sip.Address) {
	result := attempt{outcome: OutcomeUnreachable}
	defer func() {
		if p := recover(); p != nil {
			r.call.logger().Error("dialling panicked", "panic", p, "stack", string(debug.Stack()))
			result = attempt{outcome: OutcomeUnreachable}
		}
		select {
		case r.ended <- result:
		case <-r.done:
			if result.leg != nil {
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
	e := r.call.engine
	prefer := ""
	if near != nil {
		prefer = near.codec()
		if prefer == "" && near.sip != nil {
			prefer = preferred(near.sip.RemoteSDP())
		}
	}
	l, err := e.newLeg(d.peer, near, prefer)
	if err != nil {
		r.call.logger().Error("no resources to ring a phone", "target", d.target, "error", err)
		result.outcome = OutcomeCongested
		return
	}
	l.party, l.target = d.party, d.target
	rang := false
	d.request.From, d.request.Asserted, d.request.Private = from, asserted, r.call.private
	d.request.Offer = l.local.Offer()
	d.request.Headers = r.headers()
	d.request.Handler = l.handler()
	d.request.OnProgress = func(code int, _ string, body []byte) {
		p := progress{leg: l}
		if len(body) > 0 && l.accept(body) == nil {
			p.early = true
		}
		if code == 180 || code == 183 {
			rang = true
		}
		if code == 180 || p.early {
			select {
			case r.progress <- p:
			default:
			}
		}
	}
	s, err := e.sip.Dial(ctx, d.request)
	if err != nil {
		l.media.Close()
		result.outcome = outcomeOf(err, rang)
		if ctx.Err() == nil {
			r.call.tell("not reached", "target", d.target, "outcome", result.outcome, "error", err)
		}
		return
	}
	l.attach(s)
	if err := l.accept(s.RemoteSDP()); err != nil {
		r.call.logger().Warn("answered with a description of no use", "target", d.target, "error", err)
		l.hangup()
		return
	}
	l.mu.Lock()
	l.answered = true
	l.mu.Unlock()
	if !r.confirm(ctx, l) {
		l.hangup()
		result.outcome = OutcomeNoAnswer
		return
	}
	result.leg = l
}

// confirm announces the call to who answered, and waits for his key where one is asked for:
// a mobile's own voicemail cannot press it.
func (r *ringing) confirm(ctx context.Context, l *leg) bool {
	if len(r.opts.Announce) == 0 && r.opts.AnswerTo == "" {
		return true
	}
	clips, err := r.call.clips(ctx, r.opts.Announce, r.opts.Language)
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
				return true
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
	var h []sip.Header
	if d := r.opts.Diversion; d != nil {
		h = append(h, sip.Header{Name: "Diversion", Value: fmt.Sprintf("<sip:%s@%s>;reason=%s", d.Number, r.call.engine.opts.Realm, d.Reason)})
	}
	return h
}

// presented is what the called side is shown (From, P-Asserted-Identity).
func (c *Call) presented(o BridgeOptions) (from, asserted sip.Address) {
	from = sip.Address{Display: c.from.Name, User: c.from.Number}
	if o.CallerName != "" {
		from.Display = o.CallerName
	}
	if o.CallerNumber != "" {
		from.User = o.CallerNumber
	}
	if from.User == "" {
		from = sip.Address{Display: "Anonymous", User: "anonymous"}
	}
	if c.from.Verified {
		asserted = from
	}
	return from, asserted
}

// devices are the phones behind a target.
func (e *Engine) devices(target string) []device {
	if name, number, ok := strings.Cut(strings.TrimPrefix(target, "trunk:"), "/"); ok && strings.HasPrefix(target, "trunk:") {
		return []device{e.trunkDevice(target, name, number)}
	}
	if uri, ok := strings.CutPrefix(target, "sip:"); ok {
		_, host, _ := strings.Cut(uri, "@")
		bare := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			bare = h
		}
		d := device{target: target, peer: host, party: Party{Number: target}, request: sip.DialRequest{URI: target}}
		if !slices.Contains(e.opts.SIPHosts, bare) && !slices.Contains(e.opts.SIPHosts, host) {
			d.err = fmt.Errorf("host %q is not among the SIP hosts that settings allow", bare)
		}
		return []device{d}
	}
	party := Party{Number: target, Line: target, Verified: true}
	if line, err := e.directory.Line(context.Background(), target); err == nil {
		party.Name = line.Name
	}
	var all []device
	for _, b := range e.sip.Bindings(target) {
		all = append(all, device{
			target: target, party: party, peer: b.Source.String(),
			request: sip.DialRequest{Binding: &b, To: sip.Address{User: target}},
		})
	}
	if len(all) == 0 {
		all = append(all, device{target: target, err: errUnregistered})
	}
	return all
}

var errUnregistered = errors.New("no phone is registered for this number")

func (e *Engine) trunkDevice(target, name, number string) device {
	d := device{target: target, party: Party{Number: number, Trunk: name}}
	at := slices.IndexFunc(e.sip.Trunks(), func(t sip.TrunkStatus) bool { return t.Name == name })
	if at < 0 {
		d.err = fmt.Errorf("there is no trunk %q", name)
		return d
	}
	d.peer = e.sip.Trunks()[at].Host
	d.request = sip.DialRequest{Trunk: name, Number: number}
	return d
}
