package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sdp"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// leg is one phone or trunk on a call: its dialog and its sound together.
type leg struct {
	engine   *Engine
	media    Session
	nearby   bool        // its signalling comes from this machine itself
	party    Party       // who is there
	private  bool        // he withholds his number
	asserted sip.Address // what the networks may be told of him; zero: nothing
	target   string      // as the dialplan wrote it, for legs that the exchange made

	answering  sync.Mutex // held while the INVITE is being answered: a transfer and a handler may both want to
	describing sync.Mutex // held while a description is made or read, so that what is agreed takes effect in order
	local      *sdp.Local

	mu       sync.Mutex
	sip      Dialog     // nil while an outgoing leg is being dialled
	call     *Call      // whose caller or peer this is
	offered  sdp.Agreed // what the INVITE's offer allows; zero: there was none
	agreed   sdp.Agreed
	sdp      []byte // our answer; the 200 repeats what early media said
	answered bool
	held     bool           // its phone has put the other side on hold
	keys     func(key byte) // takes its keys before it is on a call
	leaving  bool           // it has transferred its call away and will hang up by itself
}

// newLeg makes the sound side of a leg whose signalling goes to peer, "host" or "host:port".
// near is the leg it will talk to, if that is known.
func (e *Engine) newLeg(ctx context.Context, peer string, near *leg) (*leg, error) {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	bind, err := e.network.Facing(ctx, host)
	if err != nil {
		return nil, err
	}
	l := &leg{engine: e, nearby: bind.IsLoopback()}
	var beside Session
	if near != nil {
		beside = near.media
	}
	session, err := e.media.NewSession(bind, beside, media.Events{Digit: func(d media.Digit) { l.pressed(d.Key) }, Timeout: l.soundStopped})
	if err != nil {
		return nil, fmt.Errorf("open RTP ports: %w", err)
	}
	l.media = session
	announce := session.LocalAddr()
	addr := announce.Addr()
	if a, err := netip.ParseAddr(e.opts.Advertise); err == nil && !addr.IsLoopback() {
		addr = a
	}
	l.local = sdp.NewLocal(addr, announce.Port(), nil)
	return l, nil
}

// attach joins a leg's sound to its dialog and lets go of both when the dialog ends.
func (l *leg) attach(s Dialog) {
	l.mu.Lock()
	l.sip = s
	l.mu.Unlock()
	e := l.engine
	e.mu.Lock()
	e.legs[s] = l
	e.mu.Unlock()
	s.Handle(l.handler())
	s.OnEnd(l.ended)
}

// handler is what the leg's dialog tells it.
func (l *leg) handler() DialogHandler {
	return DialogHandler{
		Offer:    l.reoffered,
		Answered: l.lateAnswer,
		Refer:    l.referred,
		Digit:    func(key byte, _ time.Duration) { l.pressed(key) },
	}
}

// ended is called once, when the dialog is over.
func (l *leg) ended() {
	e := l.engine
	e.mu.Lock()
	delete(e.legs, l.sip)
	e.mu.Unlock()
	if c := l.owner(); c != nil {
		c.legEnded(l)
	}
	e.hide(l)
	l.media.Close()
}

// give makes c the call whose leg this is. The line is busy while it is on a call.
func (l *leg) give(c *Call) {
	l.mu.Lock()
	first := l.call == nil
	l.call = c
	dialog := l.sip.CallID()
	l.mu.Unlock()
	c.traceLeg(l, dialog)
	if first {
		l.engine.lines.add(l.party.Line, 1)
	}
}

// leaveCall is give's reverse, unless the leg belongs to another call by now.
func (l *leg) leaveCall(c *Call) {
	l.mu.Lock()
	mine := l.call == c
	if mine {
		l.call = nil
	}
	l.mu.Unlock()
	if mine {
		l.engine.lines.add(l.party.Line, -1)
	}
}

func (l *leg) owner() *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call
}

// dismiss ends a leg that its call c needs no more.
func (l *leg) dismiss(c *Call) {
	l.mu.Lock()
	leaving := l.leaving
	l.mu.Unlock()
	if !leaving {
		l.hangup()
	}
	l.leaveCall(c)
}

// hangup ends the dialog; ended then closes the sound. While it is being dialled there is none.
func (l *leg) hangup(h ...sip.Header) {
	l.mu.Lock()
	s := l.sip
	l.mu.Unlock()
	if s != nil {
		s.Hangup(h...)
	}
}

// farewell is how long a phone that has made a transfer has to hang up by itself, once it
// knows that the transfer is made (RFC 5589 section 6).
const farewell = 2 * time.Second

// leave lets a phone whose call has been transferred go: it hangs up by itself, or is hung up.
func (l *leg) leave() {
	l.mu.Lock()
	l.leaving = true
	l.mu.Unlock()
	l.media.Silence()
	l.engine.clock.AfterFunc(farewell, func() { l.hangup() })
}

// mustStay tells whether the dialog outlives the call it came with: moved to another one, or about to end.
func (l *leg) mustStay() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call != nil || l.leaving
}

// pressed hands a key to the handler of the call, on its goroutine. Only a caller's keys are the dialplan's.
func (l *leg) pressed(key byte) {
	l.mu.Lock()
	keys := l.keys
	l.mu.Unlock()
	if keys != nil {
		keys(key)
		return
	}
	if c := l.owner(); c != nil && c.isCaller(l) {
		c.post(func() { c.pressed(key) })
	}
}

// listen gives a leg's keys to fn; nil: to the dialplan again. fn must not block.
func (l *leg) listen(fn func(key byte)) {
	l.mu.Lock()
	l.keys = fn
	l.mu.Unlock()
}

// soundStopped ends a leg whose phone has gone without a word. Before the answer, and while a
// phone holds its other side, it may well send nothing; whether it is there its session timer finds out.
func (l *leg) soundStopped() {
	if l.isHeld() || !l.isAnswered() {
		return
	}
	l.engine.log.Info("no sound arrives any more; ending the leg", "party", l.party.Number)
	l.engine.metrics.timeouts.Inc()
	l.hangup(sip.Header{Name: "Reason", Value: `Q.850;cause=41;text="RTP timeout"`})
}
