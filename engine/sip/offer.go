package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// reinvite is a re-INVITE of the peer that we have answered, until its ACK.
type reinvite struct {
	seq   uint32
	tx    *transaction.Server
	late  bool // it had no offer: the ACK brings the answer to ours
	acked chan struct{}
}

// Offer proposes a new session description (RFC 3261 section 14) and gives the answer. It waits while another offer is
// open, and tries again where both sides offered at once. A refusal is a *StatusError and leaves the call as it was.
func (l *Leg) Offer(ctx context.Context, sdp []byte) ([]byte, error) {
	for range 6 {
		if err := l.beginOffer(ctx); err != nil {
			return nil, err
		}
		res, err := l.sendOffer(ctx, sdp)
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode < 300:
			return sdpOf(res), nil
		case res.StatusCode == 491:
			if err := l.glare(ctx); err != nil {
				return nil, err
			}
		case res.StatusCode == 422:
			m, _ := headerUint(res, "Min-SE")
			l.mu.Lock()
			l.d.SessionInterval = max(l.d.SessionInterval, uint32(min(m, 1<<17)))
			l.mu.Unlock()
		case res.StatusCode == 408 || res.StatusCode == 481:
			l.bye(ErrTimeout) // RFC 3261 section 14.1
			return nil, statusError(res)
		default:
			return nil, statusError(res)
		}
	}
	return nil, fmt.Errorf("sip: offering: %w", &StatusError{Code: 491, Reason: ReasonPhrase(491)})
}

// beginOffer waits until no offer is open in either direction, and opens one.
func (l *Leg) beginOffer(ctx context.Context) error {
	for {
		l.mu.Lock()
		var wait <-chan struct{}
		switch {
		case l.ended || l.byeQueued:
			l.mu.Unlock()
			return l.over("offering")
		case !l.d.Confirmed && !l.d.allows("UPDATE"):
			l.mu.Unlock()
			return fmt.Errorf("%w: offering before the answer to a peer without UPDATE", ErrState)
		case l.offering || l.offered:
			wait = l.idle
		case l.d.Confirmed && l.invite != nil && !closed(l.acked):
			wait = l.acked
		case l.pendingAck != nil:
			wait = l.pendingAck.acked
		default:
			l.offering = true
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.ctx.Done():
			return l.over("offering")
		}
	}
}

// endOffer closes the offer of ours, endPeerOffer that of the peer. Either must come before the message after which the
// peer may make its next one: what comes after it may already be here.
func (l *Leg) endOffer()     { l.closeOffer(&l.offering) }
func (l *Leg) endPeerOffer() { l.closeOffer(&l.offered) }

func (l *Leg) closeOffer(open *bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !*open {
		return
	}
	*open = false
	close(l.idle)
	l.idle = make(chan struct{})
}

// sendOffer runs one re-INVITE (or UPDATE in an early dialog) to its end, even if ctx ends before.
func (l *Leg) sendOffer(ctx context.Context, sdp []byte) (*sip.Response, error) {
	type result struct {
		res *sip.Response
		err error
	}
	done := make(chan result, 1)
	ok := l.s.spawn("re-INVITE", func() {
		defer l.endOffer()
		// Long enough for a peer that asks its user.
		run, cancel := context.WithTimeout(l.s.ctx, 6*64*l.s.timers.T1)
		defer cancel()
		l.mu.Lock()
		confirmed := l.d.Confirmed
		l.mu.Unlock()
		var r result
		if confirmed {
			r.res, r.err = l.reinvite(run, sdp)
		} else {
			r.res, r.err = l.do(run, sip.UPDATE, sdp, sdpType, l.sessionRefresh()...)
		}
		if r.err == nil && r.res.StatusCode < 300 {
			l.accepted(r.res, sdp)
		}
		done <- r
	})
	if !ok {
		l.endOffer()
		return nil, ErrClosed
	}
	select {
	case r := <-done:
		return r.res, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// accepted notes what a 2xx to our offer means.
func (l *Leg) accepted(res *sip.Response, sdp []byte) {
	l.mu.Lock()
	l.d.LocalSDP = sdp
	if answer := sdpOf(res); answer != nil {
		l.d.RemoteSDP = answer
	}
	l.d.updateTarget(res)
	l.d.allow(res)
	l.mu.Unlock()
	l.sessionAgreed(res)
	l.startSession()
}

// reinvite sends a re-INVITE and acknowledges its 2xx, as often as it comes.
func (l *Leg) reinvite(ctx context.Context, sdp []byte) (*sip.Response, error) {
	req, err := l.request(ctx, sip.INVITE, sdp, sdpType, append(l.sessionRefresh(), l.auth.last()...)...)
	if err != nil {
		return nil, err
	}
	res, err := l.inviteTransaction(ctx, req)
	if err == nil && (res.StatusCode == 401 || res.StatusCode == 407) {
		if again := l.authorise(ctx, sip.INVITE, res, sdp, sdpType, l.sessionRefresh()...); again != nil {
			res, err = l.inviteTransaction(ctx, again)
		}
	}
	if errors.Is(err, ErrTimeout) || errors.Is(err, ErrTransport) {
		l.bye(err)
	}
	return res, err
}

func (l *Leg) inviteTransaction(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	s := l.s
	s.count.requests.WithLabelValues("out", "INVITE").Inc()
	seq := req.CSeq().SeqNo
	flow, err := s.flowTo(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("sip: sending re-INVITE: %w: %w", ErrTransport, err)
	}
	final, ended := make(chan *sip.Response, 1), make(chan error, 1)
	var answered atomic.Bool
	tx, err := s.transactions.Request(req, flow, 0, transaction.Listener{
		Response: func(res *sip.Response) {
			if res.IsProvisional() {
				return
			}
			if answered.Swap(true) {
				s.spawn("ACK", func() { l.ackAgain(seq) })
				return
			}
			final <- res
		},
		Ended: func(err error) { ended <- err },
	})
	if err != nil {
		return nil, fmt.Errorf("sip: sending re-INVITE: %w: %w", ErrTransport, err)
	}
	select {
	case res := <-final:
		if res.IsSuccess() {
			l.mu.Lock()
			l.d.updateTarget(res) // the ACK goes to the new target
			l.mu.Unlock()
			l.endOffer()
			if err := l.sendAck(seq); err != nil {
				l.log().Warn("acknowledging a re-INVITE", "err", err)
			}
		}
		s.count.responses.WithLabelValues("in", "INVITE", classLabel(res.StatusCode)).Inc()
		return res, nil
	case err := <-ended:
		if errors.Is(err, transaction.ErrTimeout) {
			return nil, fmt.Errorf("sip: re-INVITE: %w", ErrTimeout)
		}
		return nil, fmt.Errorf("sip: re-INVITE: %w: %w", ErrTransport, err)
	case <-ctx.Done():
		tx.Terminate()
		return nil, fmt.Errorf("sip: re-INVITE: %w: %w", ErrTimeout, context.Cause(ctx))
	}
}

// glare waits as long as RFC 3261 section 14.1 has the two sides wait after a 491: 2.1 to 4 s for the one that made the
// Call-ID, less than 2 s for the other; in proportion where T1 is not 500 ms.
func (l *Leg) glare(ctx context.Context) error {
	ms := rand.IntN(200) * 10
	if l.d.Client {
		ms = 2100 + rand.IntN(191)*10
	}
	d := time.Duration(ms) * time.Millisecond * time.Duration(l.s.timers.T1/time.Millisecond) / 500
	return clock.Sleep(ctx, l.s.clock, d)
}

// openPeerOffer opens an offer of the peer; the code refuses it: 491 where ours is open, 500 where one of its own is.
func (l *Leg) openPeerOffer() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.offering:
		return 491
	case l.offered:
		return 500
	}
	l.offered = true
	return 0
}

func (l *Leg) gotReinvite(req *sip.Request, tx *transaction.Server) {
	s := l.s
	if code := l.openPeerOffer(); code != 0 {
		s.answer(req, tx, code, nil, retryAfter(code)...)
		return
	}
	defer l.endPeerOffer()
	hs, minSE, ok := l.sessionAsked(req)
	if !ok {
		l.endPeerOffer()
		s.answer(req, tx, 422, nil, Header{"Min-SE", fmt.Sprint(minSE)})
		return
	}
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	tx.Watch(transaction.Watcher{
		Cancel: func(req *sip.Request, tx *transaction.Server) {
			defer s.recover("CANCEL of a re-INVITE")
			if !l.admits(req) {
				s.refuse(req, tx, 481)
				return
			}
			s.answer(req, tx, 200, nil)
			cancel(ErrCancelled)
		},
		Lost: func() { cancel(ErrTransport) },
	})
	sdp := sdpOf(req)
	body, err := l.answerFor(ctx, sdp)
	if err != nil {
		code := statusOf(err, 488)
		if errors.Is(context.Cause(ctx), ErrCancelled) {
			code = 487
		}
		l.endPeerOffer()
		s.answer(req, tx, code, nil)
		return
	}
	r := &reinvite{seq: req.CSeq().SeqNo, tx: tx, late: sdp == nil, acked: make(chan struct{})}
	l.refreshed(req, sdp, body, r)
	l.endPeerOffer()
	res := s.response(req, 200, "", body, append(hs, Header{"Contact", l.d.Contact})...)
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	if err := s.sent(req, 200, tx.Accept(res, l.noAck)); err != nil {
		l.log().Debug("answering a re-INVITE", "err", err)
		l.mu.Lock()
		l.pendingAck = nil
		l.mu.Unlock()
		close(r.acked)
		return
	}
	l.startSession()
}

// answerFor asks the handler for the answer to an offer, or for an offer. Without a handler, what changes nothing is
// answered with what holds.
func (l *Leg) answerFor(ctx context.Context, sdp []byte) ([]byte, error) {
	l.mu.Lock()
	h, same, local := l.handler, sdp == nil || string(sdp) == string(l.d.RemoteSDP), l.d.LocalSDP
	l.mu.Unlock()
	if h.Offer != nil {
		return h.Offer(ctx, sdp)
	}
	if same {
		return local, nil
	}
	return nil, &StatusError{Code: 488, Reason: ReasonPhrase(488)}
}

// refreshed takes the new target, flow and descriptions of a request that we accept (RFC 3261 section 12.2.2).
func (l *Leg) refreshed(req *sip.Request, remote, local []byte, r *reinvite) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.d.updateTarget(req)
	l.d.allow(req)
	l.d.Flow = source(req)
	if remote != nil {
		l.d.RemoteSDP = remote
	}
	if local != nil {
		l.d.LocalSDP = local
	}
	if r != nil {
		l.pendingAck = r
	}
}

// reinviteAcked is called with the ACK of a re-INVITE.
func (l *Leg) reinviteAcked(r *reinvite, ack *sip.Request) {
	r.tx.Acked()
	sdp := sdpOf(ack)
	if !r.late || sdp == nil {
		close(r.acked)
		return
	}
	l.mu.Lock()
	l.d.RemoteSDP = sdp
	answered := l.handler.Answered
	l.mu.Unlock()
	l.s.spawn("an answer in an ACK", func() {
		defer close(r.acked)
		if answered != nil {
			answered(sdp)
		}
	})
}

// gotUpdate is RFC 3311, in early and confirmed dialogs.
func (l *Leg) gotUpdate(req *sip.Request, tx *transaction.Server) {
	s := l.s
	sdp := sdpOf(req)
	if sdp != nil {
		if code := l.openPeerOffer(); code != 0 {
			s.answer(req, tx, code, nil, retryAfter(code)...)
			return
		}
		defer l.endPeerOffer()
	}
	hs, minSE, ok := l.sessionAsked(req)
	if !ok {
		l.endPeerOffer()
		s.answer(req, tx, 422, nil, Header{"Min-SE", fmt.Sprint(minSE)})
		return
	}
	var body []byte
	if sdp != nil {
		var err error
		if body, err = l.answerFor(l.ctx, sdp); err != nil {
			l.endPeerOffer()
			s.answer(req, tx, statusOf(err, 488), nil)
			return
		}
		hs = append(hs, Header{"Content-Type", sdpType})
	}
	l.refreshed(req, sdp, body, nil)
	if sdp != nil {
		l.endPeerOffer()
	}
	s.answer(req, tx, 200, body, append(hs, Header{"Contact", l.d.Contact})...)
	l.mu.Lock()
	confirmed := l.d.Confirmed
	l.mu.Unlock()
	if confirmed {
		l.startSession()
	}
}

func retryAfter(code int) []Header {
	if code != 500 {
		return nil
	}
	return []Header{{"Retry-After", fmt.Sprint(rand.IntN(10))}} // RFC 3261 section 14.2
}
