package sip

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// unsupported lists the option tags a request requires and we do not have (RFC 3261 section 8.2.2.3).
func unsupported(req *sip.Request) string {
	var missing []string
	for _, tag := range headerList(req, "Require") {
		known := false
		for _, e := range extensions {
			known = known || strings.EqualFold(tag, e)
		}
		if !known && len(missing) < 8 {
			missing = append(missing, tag)
		}
	}
	return strings.Join(missing, ", ")
}

// gotInvite takes a new INVITE through the gate and makes a leg of it.
func (s *Server) gotInvite(req *sip.Request, tx *transaction.Server) {
	peer, ok := s.admit(req, tx)
	if !ok {
		return
	}
	if s.draining.Load() {
		s.refuse(req, tx, 503, Header{"Retry-After", "30"})
		return
	}
	if missing := unsupported(req); missing != "" {
		s.refuse(req, tx, 420, Header{"Unsupported", missing})
		return
	}
	sdp := sdpOf(req)
	if len(req.Body()) > 0 && sdp == nil {
		s.refuse(req, tx, 415, Header{"Accept", sdpType})
		return
	}
	session, minSE, ok := sessionRequest(req)
	if !ok {
		s.refuse(req, tx, 422, Header{"Min-SE", fmt.Sprint(minSE)})
		return
	}
	replaces, code := s.replacesLeg(req, peer)
	if code != 0 {
		s.refuse(req, tx, code)
		return
	}
	l, err := s.newServerLeg(req, tx, peer)
	if err != nil {
		s.log.Warn("a call is refused", "from", peer.Source, "err", err)
		s.refuse(req, tx, 503, Header{"Retry-After", "10"})
		return
	}
	l.replaces, l.d.RemoteSDP, l.lateOffer = replaces, sdp, sdp == nil
	l.offered = sdp != nil
	l.d.SessionInterval, l.d.Refresher, l.d.MinSE = session.interval, session.uasRefreshes, minSE
	if !s.openInvite(l) {
		// The same INVITE came by two ways (RFC 3261 section 8.2.2.2).
		l.release()
		s.refuse(req, tx, 482)
		return
	}
	if !tx.Watch(transaction.Watcher{Cancel: l.gotCancel, Lost: func() { l.s.closeInvite(l); l.finish(ErrTransport) }}) {
		s.closeInvite(l)
		l.finish(ErrTransport)
	}
	s.spawn("a call", func() {
		defer l.end(ErrHungUp)
		defer func() {
			if r := recover(); r != nil {
				// One call's fault ends that call only: 500, or BYE if it was answered.
				if err := l.reject(500, "", ErrHungUp); err != nil {
					l.end(ErrHungUp)
				}
				panic(r) // on to the recover boundary, which counts and logs it
			}
		}()
		if s.o.Invite != nil && l.ctx.Err() == nil {
			s.o.Invite(l.ctx, l)
		}
	})
}

func (s *Server) newServerLeg(req *sip.Request, tx *transaction.Server, peer Peer) (*Leg, error) {
	at, err := s.localFor(peer.Transport, peer.Source)
	if err != nil {
		return nil, err
	}
	guest := ""
	if peer.Line == "" && peer.Trunk == "" {
		guest = sameHost(peer.Source.Addr())
	}
	if err := s.admitLeg(guest); err != nil {
		return nil, err
	}
	from, to := req.From(), req.To()
	d := Dialog{
		CallID: req.CallID().Value(), LocalTag: s.tagFor(req), RemoteTag: tagOf(from.Params),
		Local: nameAddress(to.DisplayName, &to.Address), Remote: nameAddress(from.DisplayName, &from.Address),
		LocalSeq: 0, RemoteSeq: req.CSeq().SeqNo,
		Transport: peer.Transport, Flow: peer.Source, Peer: peer,
	}
	d.updateTarget(req)
	d.recordRoute(req, false)
	d.allow(req)
	d.Contact = contact(at, peer.Transport, unescape(req.Recipient.User))
	l := s.newLeg(d)
	l.release = func() { s.releaseLeg(guest) }
	l.invite, l.stx, l.inviteSeq = req, tx, req.CSeq().SeqNo
	l.from, l.to = addressOf(from.DisplayName, &from.Address), addressOf(to.DisplayName, &to.Address)
	l.dialled = addressOf("", &req.Recipient).User
	if peer.Trunk != "" {
		if t := s.trunks.named(peer.Trunk); t != nil && t.User != "" && l.dialled == t.User {
			// A carrier that calls the contact we registered names the number in To.
			l.dialled = l.to.User
		}
		if ids := headerList(req, "P-Asserted-Identity"); len(ids) > 0 {
			if n, ok := parseNameAddr(ids[0]); ok {
				l.asserted = n.Address
			}
		}
	}
	l.rel.required = hasToken(req, "Require", "100rel")
	l.rel.supported = l.rel.required || hasToken(req, "Supported", "100rel")
	return l, nil
}

// openInvite enters a new leg in the tables; false: this INVITE is already being served.
func (s *Server) openInvite(l *Leg) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[l.inviteID()] != nil {
		return false
	}
	s.open[l.inviteID()] = l
	s.dialogs[l.d.id()] = l
	return true
}

// closeInvite is called when the INVITE has its final response.
func (s *Server) closeInvite(l *Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[l.inviteID()] == l {
		delete(s.open, l.inviteID())
	}
}

// inviteID is what two copies of one INVITE have in common, whichever way they came.
type inviteID struct {
	callID, fromTag string
	seq             uint32
}

func (l *Leg) inviteID() inviteID { return inviteID{l.d.CallID, l.d.RemoteTag, l.inviteSeq} }

// Reject refuses the INVITE with a final response of 300 or more. A 3xx gets its targets as Contact headers.
func (l *Leg) Reject(code int, reason string, h ...Header) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("%w: rejecting with %d", ErrInvalid, code)
	}
	return l.reject(code, reason, ErrHungUp, h...)
}

func (l *Leg) reject(code int, reason string, cause error, h ...Header) error {
	l.mu.Lock()
	if l.invite == nil || l.final {
		l.mu.Unlock()
		return fmt.Errorf("%w: rejecting", ErrState)
	}
	l.final = true
	l.cancel(cause) // before anybody is told that it is too late
	l.mu.Unlock()
	l.s.closeInvite(l)
	err := l.s.respond(l.invite, l.stx, code, reason, nil, h...)
	l.finish(cause)
	return err
}

// Progress sends a provisional response, 101 to 199. It is sent reliably (RFC 3262) when the caller requires that, or
// supports it and there is SDP to keep in order; then the next Progress or Answer waits until it is acknowledged.
func (l *Leg) Progress(ctx context.Context, code int, sdp []byte) error {
	if code <= 100 || code > 199 || l.invite == nil {
		return fmt.Errorf("%w: progress %d", ErrInvalid, code)
	}
	if err := l.awaitPrack(ctx); err != nil {
		return err
	}
	res := l.s.response(l.invite, code, "", sdp, Header{"Contact", l.d.Contact})
	if sdp != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	l.mu.Lock()
	if l.final {
		l.mu.Unlock()
		return l.over("progress")
	}
	if sdp != nil {
		l.d.LocalSDP = sdp
	}
	reliably := l.rel.required || l.rel.supported && sdp != nil
	if reliably {
		l.rel.begin(res, sdp != nil && l.lateOffer)
		if sdp != nil {
			l.offered = false
		}
	}
	l.mu.Unlock()
	if err := l.stx.Respond(res); err != nil {
		return fmt.Errorf("sip: progress %d: %w", code, err)
	}
	if reliably {
		l.s.spawn("reliable provisional response", func() { l.repeatProvisional(res) })
	}
	return nil
}

// over explains why something is too late.
func (l *Leg) over(doing string) error {
	if err := context.Cause(l.ctx); err != nil {
		return fmt.Errorf("sip: %s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s", ErrState, doing)
}

// Answer accepts the INVITE with 200, which is repeated until the ACK comes; without one, the leg ends with ErrNoAck.
// Where the INVITE had no offer, sdp is ours, and Answer returns when the ACK has brought RemoteSDP.
func (l *Leg) Answer(ctx context.Context, sdp []byte) error {
	if l.invite == nil {
		return fmt.Errorf("%w: answering a leg that we dialled", ErrState)
	}
	if err := l.awaitPrack(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	if l.final {
		l.mu.Unlock()
		return l.over("answering")
	}
	l.final, l.offered = true, false
	l.d.Confirmed = true
	if sdp == nil {
		sdp = l.d.LocalSDP
	}
	l.d.LocalSDP = sdp
	hs := append([]Header{{"Contact", l.d.Contact}}, l.d.sessionHeaders(hasToken(l.invite, "Supported", "timer"))...)
	late := l.lateOffer && l.d.RemoteSDP == nil
	l.mu.Unlock()
	l.s.closeInvite(l)
	res := l.s.response(l.invite, 200, "", sdp, hs...)
	if sdp != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	if err := l.s.sent(l.invite, 200, l.stx.Accept(res, l.noAck)); err != nil {
		// The connection is gone: the caller gets no 200.
		l.mu.Lock()
		l.d.Confirmed = false
		l.mu.Unlock()
		l.finish(ErrTransport)
		return fmt.Errorf("sip: answering: %w: %w", ErrTransport, err)
	}
	l.startSession()
	if l.replaces != nil {
		l.replaces.end(ErrReplaced)
	}
	if !late {
		return nil
	}
	select {
	case <-l.acked:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.ctx.Done():
	}
	if err := context.Cause(l.ctx); err != nil {
		return fmt.Errorf("sip: answering: %w", err)
	}
	return nil
}

// noAck ends a dialog whose 2xx was not acknowledged in 64*T1, with a BYE (RFC 3261 section 13.3.1.4).
func (l *Leg) noAck() {
	l.mu.Lock()
	if !closed(l.acked) {
		close(l.acked)
	}
	h := l.hangup
	l.mu.Unlock()
	l.bye(ErrNoAck, h...)
}

// gotAck takes the ACK of a 2xx: of the first INVITE, or of a re-INVITE.
func (l *Leg) gotAck(ack *sip.Request) {
	seq := ack.CSeq().SeqNo
	l.mu.Lock()
	if r := l.pendingAck; r != nil && seq == r.seq {
		l.pendingAck = nil
		l.mu.Unlock()
		l.reinviteAcked(r, ack)
		return
	}
	if l.invite == nil || seq != l.inviteSeq || !l.d.Confirmed || closed(l.acked) {
		l.mu.Unlock()
		return
	}
	if sdp := sdpOf(ack); sdp != nil && l.lateOffer {
		l.d.RemoteSDP = sdp
	}
	close(l.acked)
	l.stx.Acked()
	queued, h := l.byeQueued, l.hangup
	l.mu.Unlock()
	if queued {
		l.bye(context.Cause(l.ctx), h...)
	}
}

// withClock is a context that ends after d on the server's clock.
func (s *Server) withClock(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return clock.WithTimeout(ctx, s.clock, d)
}
