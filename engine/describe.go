package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sdp"
)

// How a leg and its phone agree on sound (RFC 3264).

var errForbiddenAddress = errors.New("SDP names an address to which sound is not sent")

var codecs = map[string]codec.Codec{"PCMA": codec.PCMA, "PCMU": codec.PCMU}

// ours is what the exchange can, with one codec first: two legs that share one are relayed.
func ours(first string) []sdp.Codec {
	if first == sdp.PCMU.Name {
		return []sdp.Codec{sdp.PCMU, sdp.PCMA, sdp.TelephoneEvent}
	}
	return []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}
}

// negotiate lets fn make or read a description, one at a time, and puts in force what it agrees on.
func (l *leg) negotiate(fn func(*sdp.Local) (sdp.Agreed, error)) error {
	l.describing.Lock()
	defer l.describing.Unlock()
	a, err := fn(l.local)
	if err != nil {
		return err
	}
	return l.agree(a)
}

// offer describes what we can and want.
func (l *leg) offer() []byte {
	l.describing.Lock()
	defer l.describing.Unlock()
	return l.local.Offer()
}

// accept reads the phone's answer to our offer.
func (l *leg) accept(answer []byte) error {
	return l.negotiate(func(local *sdp.Local) (sdp.Agreed, error) { return local.Accept(answer) })
}

// answerOffer makes our answer to the INVITE's offer and puts it in force. A codec that it
// offers may be asked for.
func (l *leg) answerOffer(codec string) error {
	offer := l.sip.RemoteSDP()
	var answer []byte
	err := l.negotiate(func(local *sdp.Local) (a sdp.Agreed, err error) {
		if codec != "" && offers(offer, codec) {
			local.Codecs = only(local.Codecs, codec)
			defer func() { local.Codecs = ours("") }()
		}
		answer, a, err = local.Answer(offer)
		return a, err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.sdp = answer
	l.mu.Unlock()
	return nil
}

// reoffered answers a re-INVITE or UPDATE of the phone (RFC 3264 section 8): hold, retrieve, a new address.
func (l *leg) reoffered(_ context.Context, offer []byte) (answer []byte, err error) {
	if offer == nil {
		return l.offer(), nil
	}
	err = l.negotiate(func(local *sdp.Local) (a sdp.Agreed, err error) {
		answer, a, err = local.Answer(offer)
		return a, err
	})
	return answer, err
}

// lateAnswer reads the answer that an ACK brings to an offer of ours.
func (l *leg) lateAnswer(answer []byte) {
	if err := l.accept(answer); err != nil {
		l.engine.log.Warn("the answer in the ACK is of no use", "party", l.party.Number, "error", err)
	}
}

// agree puts what offer and answer came to in force. l.describing is held.
func (l *leg) agree(a sdp.Agreed) error {
	if err := l.maySendTo(a.Remote.Addr()); err != nil {
		return err
	}
	c, ok := codecs[a.Codec.Name]
	if !ok {
		return fmt.Errorf("agreed on codec %s: %w", a.Codec.Name, sdp.ErrNoCommonCodec)
	}
	err := l.media.SetFormat(media.Format{
		Remote: a.Remote, RemoteRTCP: a.RemoteRTCP, RTCPMux: a.RTCPMux,
		Codec: c, PayloadType: a.Codec.PayloadType, EventPayloadType: a.Event.PayloadType,
		Send: a.Direction.Send(), Receive: a.Direction.Receive(), Learn: l.behindNAT(a.Remote.Addr()),
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

// maySendTo refuses to send sound where a stranger's SDP could make the exchange a
// weapon: multicast, and this machine itself unless the signalling comes from here.
func (l *leg) maySendTo(to netip.Addr) error {
	if to.IsMulticast() || to.IsLoopback() && !l.nearby {
		return fmt.Errorf("%w: %s", errForbiddenAddress, to)
	}
	return nil
}

// behindNAT tells whether a line's phone announces a private address that its signalling does not come from.
func (l *leg) behindNAT(announced netip.Addr) bool {
	if !l.engine.opts.NAT || l.party.Line == "" || !announced.IsPrivate() {
		return false
	}
	l.mu.Lock()
	s := l.sip
	l.mu.Unlock()
	return s == nil || s.Peer().Source.Addr().Unmap() != announced
}

func (l *leg) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// codec is the one agreed on; "": none yet.
func (l *leg) codec() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.agreed.Codec.Name
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
