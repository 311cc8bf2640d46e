package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/belfry-pbx/belfry/engine/sdp"
)

// How a leg and its phone agree on sound (RFC 3264).

var errForbiddenAddress = errors.New("SDP names an address to which sound is not sent")

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

// offer describes what we can and want, for the one who is near. Comfort noise is offered only where he knows it: a
// phone to which it is offered may fall silent.
func (l *leg) offer(near sound) []byte {
	l.describing.Lock()
	defer l.describing.Unlock()
	l.arrange(near, near.noise)
	return l.local.Offer()
}

// read finds out what the INVITE's offer allows. Opus need not be made here yet: it may come to be passed on.
func (l *leg) read(offer []byte) error {
	l.describing.Lock()
	defer l.describing.Unlock()
	spoken, _ := l.engine.spoken(l.party.Trunk)
	l.list(spoken, true)
	a, err := l.local.Read(offer)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.offered = a
	l.mu.Unlock()
	return nil
}

// accept reads the phone's answer to our offer.
func (l *leg) accept(answer []byte) error {
	return l.negotiate(func(local *sdp.Local) (sdp.Agreed, error) { return local.Accept(answer) })
}

// answerOffer makes our answer to the INVITE's offer and puts it in force. near is who will be heard, if that is known.
func (l *leg) answerOffer(near sound) error {
	offer := l.sip.RemoteSDP()
	var answer []byte
	err := l.negotiate(func(local *sdp.Local) (a sdp.Agreed, err error) {
		l.arrange(near, true)
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

// reoffered answers a re-INVITE or UPDATE of the phone (RFC 3264 section 8): hold, retrieve, a new address, another codec.
// The codec stays, or becomes that of the one it talks to, as long as the phone offers it still.
func (l *leg) reoffered(_ context.Context, offer []byte) (answer []byte, err error) {
	near := l.partner().sound()
	if offer == nil {
		return l.offer(near), nil
	}
	err = l.negotiate(func(local *sdp.Local) (a sdp.Agreed, err error) {
		l.arrange(near, true)
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
	err := l.media.SetFormat(l.format(a))
	if err != nil {
		return fmt.Errorf("set the media format: %w", err)
	}
	l.mu.Lock()
	changed := l.held != a.OnHold
	l.agreed, l.held, l.offered = a, a.OnHold, sdp.Agreed{}
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
