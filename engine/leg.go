package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sdp"
	"github.com/belfry-pbx/belfry/engine/sip"
)

var errForbiddenAddress = errors.New("SDP names an address to which sound is not sent")

// leg is one phone or trunk on a call: its dialog and its sound together.
type leg struct {
	engine *Engine
	media  *media.Session
	local  *sdp.Local
	party  Party  // who is there
	target string // as the dialplan wrote it, for legs that the exchange made

	mu       sync.Mutex
	sip      *sip.Leg // nil while an outgoing leg is being dialled
	call     *Call    // whose caller or peer this is
	agreed   sdp.Agreed
	sdp      []byte // our answer; the 200 repeats what early media said
	answered bool
	held     bool           // its phone has put the other side on hold
	keys     func(key byte) // takes its keys before it is on a call
	leaving  bool           // it has transferred its call away and will hang up by itself
}

var codecs = map[string]codec.Codec{"PCMA": codec.PCMA, "PCMU": codec.PCMU}

// newLeg makes the sound side of a leg whose signalling goes to peer; near is the
// leg it will talk to. prefer is the codec to put first, when known.
func (e *Engine) newLeg(peer string, near *leg, prefer string) (*leg, error) {
	bind := e.localAddr(peer)
	o := media.SessionOptions{Bind: bind}
	l := &leg{engine: e}
	if near != nil {
		o.Near = near.media
	}
	o.Events = media.Events{Digit: func(d media.Digit) { l.pressed(d.Key) }, Timeout: l.soundStopped}
	session, err := e.media.NewSession(o)
	if err != nil {
		return nil, fmt.Errorf("open RTP ports: %w", err)
	}
	l.media = session
	announce := session.LocalAddr()
	addr := announce.Addr()
	if a, err := netip.ParseAddr(e.opts.Advertise); err == nil && !addr.IsLoopback() {
		addr = a
	}
	l.local = sdp.NewLocal(addr, announce.Port(), []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent})
	l.prefer(prefer)
	return l, nil
}

// prefer puts a codec first, so that two legs share one and are relayed.
func (l *leg) prefer(name string) {
	if name == sdp.PCMU.Name {
		l.local.Codecs = []sdp.Codec{sdp.PCMU, sdp.PCMA, sdp.TelephoneEvent}
	}
}

// localAddr is the address this machine uses towards a peer, "host" or "host:port".
func (e *Engine) localAddr(peer string) netip.Addr {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	conn, err := net.Dial("udp", net.JoinHostPort(host, "9")) // sends nothing: it only asks the routing table
	if err != nil {
		return netip.IPv4Unspecified()
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// attach joins a leg's sound to its dialog and lets go of both when the dialog ends.
func (l *leg) attach(s *sip.Leg) {
	l.mu.Lock()
	l.sip = s
	l.mu.Unlock()
	e := l.engine
	e.mu.Lock()
	e.legs[s] = l
	e.mu.Unlock()
	s.Handle(l.handler())
	context.AfterFunc(s.Context(), l.ended)
}

// handler is what the leg's dialog tells it.
func (l *leg) handler() sip.LegHandler {
	return sip.LegHandler{
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
	l.media.Close()
}

// give makes c the call whose leg this is; nil: nobody's. The line counts as busy while it is on a call.
func (l *leg) give(c *Call) {
	l.mu.Lock()
	was := l.call
	l.call = c
	l.mu.Unlock()
	line := l.party.Line
	if line == "" || (was == nil) == (c == nil) {
		return
	}
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if c != nil {
		e.busy[line]++
	} else if e.busy[line]--; e.busy[line] <= 0 {
		delete(e.busy, line)
	}
}

func (l *leg) owner() *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call
}

// dismiss ends a leg that its call needs no more.
func (l *leg) dismiss() {
	l.mu.Lock()
	leaving := l.leaving
	l.mu.Unlock()
	if !leaving {
		l.hangup()
	}
	l.give(nil)
}

func (l *leg) hangup(h ...sip.Header) {
	l.mu.Lock()
	s := l.sip
	l.mu.Unlock()
	if s != nil {
		s.Hangup(h...)
	} else {
		l.media.Close()
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

// agree puts what offer and answer came to in force.
func (l *leg) agree(a sdp.Agreed) error {
	var source netip.AddrPort
	l.mu.Lock()
	if l.sip != nil {
		source = l.sip.Peer().Source
	}
	l.mu.Unlock()
	if err := mayReceive(a.Remote.Addr(), source.Addr()); err != nil {
		return err
	}
	c, ok := codecs[a.Codec.Name]
	if !ok {
		return fmt.Errorf("agreed on codec %s: %w", a.Codec.Name, sdp.ErrNoCommonCodec)
	}
	err := l.media.SetFormat(media.Format{
		Remote: a.Remote, RemoteRTCP: a.RemoteRTCP, RTCPMux: a.RTCPMux,
		Codec: c, PayloadType: a.Codec.PayloadType, EventPayloadType: a.Event.PayloadType,
		Send: a.Direction.Send(), Receive: a.Direction.Receive(),
		Learn: l.engine.opts.NAT && l.party.Line != "" && a.Remote.Addr().IsPrivate() && a.Remote.Addr() != source.Addr(),
	})
	if err != nil {
		return fmt.Errorf("set the media format: %w", err)
	}
	l.mu.Lock()
	changed := l.held != a.OnHold
	l.agreed, l.held = a, a.OnHold
	call := l.call
	l.mu.Unlock()
	if changed && call != nil {
		call.holdChanged(l, a.OnHold)
	}
	return nil
}

// mayReceive refuses to send sound where a stranger's SDP could make the exchange a
// weapon: multicast, and this machine itself unless the signalling comes from here.
func mayReceive(to, source netip.Addr) error {
	switch {
	case !to.IsValid(), to.IsUnspecified(): // held; nothing is sent
		return nil
	case to.IsMulticast(), to.IsLinkLocalMulticast(), to.IsLoopback() && source.IsValid() && !source.Unmap().IsLoopback():
		return fmt.Errorf("%w: %s", errForbiddenAddress, to)
	}
	return nil
}

// reoffered answers a re-INVITE or UPDATE of the phone (RFC 3264 section 8): hold, retrieve, a new address.
func (l *leg) reoffered(_ context.Context, offer []byte) ([]byte, error) {
	if offer == nil {
		return l.local.Offer(), nil
	}
	answer, agreed, err := l.local.Answer(offer)
	if err != nil {
		return nil, err
	}
	return answer, l.agree(agreed)
}

// lateAnswer reads the answer that an ACK brings to an offer of ours.
func (l *leg) lateAnswer(answer []byte) {
	if err := l.accept(answer); err != nil {
		l.engine.log.Warn("the answer in the ACK is of no use", "error", err)
	}
}

func (l *leg) accept(answer []byte) error {
	agreed, err := l.local.Accept(answer)
	if err != nil {
		return err
	}
	return l.agree(agreed)
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

// soundStopped ends a leg whose phone has gone without a word (RTP time-out).
func (l *leg) soundStopped() {
	l.engine.log.Info("no sound arrives any more; ending the leg", "party", l.party.Number)
	l.engine.metrics.timeouts.Inc()
	l.hangup(sip.Header{Name: "Reason", Value: `Q.850;cause=41;text="RTP timeout"`})
}

// listen gives a leg's keys to fn; nil: to the dialplan again. fn must not block.
func (l *leg) listen(fn func(key byte)) {
	l.mu.Lock()
	l.keys = fn
	l.mu.Unlock()
}
