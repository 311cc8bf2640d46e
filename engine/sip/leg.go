package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// Leg is one INVITE dialog, in either direction. Its methods may be called from any goroutine.
type Leg struct {
	s      *Server
	id     string
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Of the INVITE; never changed.
	from, to, asserted Address
	dialled            string
	invite             *sip.Request // the INVITE received; nil on legs that we dialled
	stx                *transaction.Server
	replaces           *Leg
	client             *inviteClient // of a leg that we dialled
	inviteSeq          uint32        // CSeq of the INVITE received
	lateOffer          bool          // it had no SDP

	mu         sync.Mutex
	d          Dialog
	release    func() // gives back its place among MaxLegs; nil: it has none
	handler    LegHandler
	endReason  string
	final      bool          // the INVITE has its final response
	ended      bool          // the dialog is over
	acked      chan struct{} // closed when the ACK of our 2xx came, or can come no more
	hangup     []Header      // for the BYE that waits for the ACK
	byeQueued  bool
	offering   bool          // a re-INVITE or UPDATE with an offer of ours is open
	offered    bool          // one of the peer's is open
	idle       chan struct{} // closed and renewed when offering and offered turn false
	pendingAck *reinvite     // the peer's re-INVITE whose ACK is awaited
	rel        reliable      // RFC 3262, server side
	rseq       uint32        // RFC 3262, client side: the last RSeq acknowledged
	ackSeq     uint32        // CSeq of the INVITE of ours that was acknowledged last; 0: none
	session    clock.Timer
	refreshing bool // a session refresh of ours is open
	refer      referState
	auth       *trunkAuth // credentials this dialog's requests may use; nil: none
}

// LegHandler is what happens inside a dialog. Each function runs in a goroutine of the server and should not block long.
type LegHandler struct {
	// Offer answers the offer of a re-INVITE or UPDATE. A nil sdp asks for an offer of ours, to which Answered then
	// gets the answer. An error refuses with 488, or with its code if it is a *StatusError.
	Offer    func(ctx context.Context, sdp []byte) ([]byte, error)
	Answered func(sdp []byte)
	// Refer is the peer's wish to transfer, already accepted with 202. nil refuses REFER with 603.
	Refer func(r *Refer)
	// Digit is a key sent by INFO.
	Digit func(key byte, d time.Duration)
}

func (s *Server) newLeg(d Dialog) *Leg {
	l := &Leg{s: s, id: token(8), d: d, acked: make(chan struct{}), idle: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(s.ctx)
	return l
}

// log is made when something is to be said, which seldom is.
func (l *Leg) log() *slog.Logger { return l.s.log.With("leg", l.id, "callID", l.d.CallID) }

// ID is unique in this process. CallID is the dialog's Call-ID.
func (l *Leg) ID() string     { return l.id }
func (l *Leg) CallID() string { return l.d.CallID }

// Peer is who is at the other end.
func (l *Leg) Peer() Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.d.Peer
}

// From and To are those of the INVITE.
func (l *Leg) From() Address { return l.from }
func (l *Leg) To() Address   { return l.to }

// Dialled is the user part of the Request-URI, unescaped; on a leg we dialled, what we put there.
func (l *Leg) Dialled() string { return l.dialled }

// ReplacesLeg is the leg that the INVITE's Replaces header names (RFC 3891), nil if it has none.
func (l *Leg) ReplacesLeg() *Leg { return l.replaces }

// Header is a header of the INVITE received; "" if absent, and on legs that we dialled. Several headers of the same name
// are joined with commas.
func (l *Leg) Header(name string) string {
	if l.invite == nil {
		return ""
	}
	return strings.Join(headerList(l.invite, name), ", ")
}

// AssertedIdentity is P-Asserted-Identity (RFC 3325), believed only from trunks; the zero Address if there is none.
func (l *Leg) AssertedIdentity() Address { return l.asserted }

// Privacy tells whether the caller asked not to be named (RFC 3323): the identity may be used, not shown.
func (l *Leg) Privacy() bool {
	if l.invite == nil {
		return false
	}
	for _, p := range strings.FieldsFunc(headerValue(l.invite, "Privacy"), func(r rune) bool { return r == ';' || r == ' ' || r == ',' }) {
		switch strings.ToLower(p) {
		case "id", "user", "header":
			return true
		}
	}
	return strings.EqualFold(l.from.User, "anonymous") || l.from.Host == "anonymous.invalid"
}

// Diversion is who diverted the call here, most recent first (RFC 5806, and History-Info is left to Header).
func (l *Leg) Diversion() []Diversion {
	if l.invite == nil {
		return nil
	}
	var out []Diversion
	for _, v := range headerList(l.invite, "Diversion") {
		if n, ok := parseNameAddr(v); ok && len(out) < 16 {
			reason, _ := n.Params.Get("reason")
			out = append(out, Diversion{Number: n.User, Name: n.Display, Reason: strings.Trim(reason, `"`)})
		}
	}
	return out
}

// Context ends with the dialog; its cause is one of the errors of this package.
func (l *Leg) Context() context.Context { return l.ctx }

// EndReason is the Reason header (RFC 3326) of the CANCEL or BYE that ended the leg, "" if there was none.
func (l *Leg) EndReason() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.endReason
}

// RemoteSDP is the peer's latest session description: the offer of the INVITE (nil: a late offer) or the answer, then
// what re-INVITE and UPDATE brought.
func (l *Leg) RemoteSDP() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.d.RemoteSDP
}

// Dialog is a copy of the dialog's state.
func (l *Leg) Dialog() Dialog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.d
}

// Handle sets what happens inside the dialog.
func (l *Leg) Handle(h LegHandler) {
	l.mu.Lock()
	l.handler = h
	l.mu.Unlock()
}

func (l *Leg) handlers() LegHandler {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.handler
}

// Hangup ends the leg: by BYE, by CANCEL, or by refusing with 480 what was not answered. It does not wait, and a
// second one does nothing. A BYE after an answer that is not yet acknowledged waits for the ACK (RFC 3261 section 15).
func (l *Leg) Hangup(h ...Header) { l.end(ErrHungUp, h...) }

// end is Hangup with a cause.
func (l *Leg) end(cause error, h ...Header) {
	l.mu.Lock()
	if l.ended || l.byeQueued {
		l.mu.Unlock()
		return
	}
	switch {
	case l.d.Confirmed && l.invite != nil && !closed(l.acked):
		l.byeQueued, l.hangup = true, h
		l.mu.Unlock()
		l.cancel(cause)
		return
	case l.d.Confirmed:
		l.mu.Unlock()
		l.bye(cause, h...)
		return
	case l.invite != nil && !l.final:
		l.mu.Unlock()
		code := 480
		if errors.Is(cause, ErrReplaced) || errors.Is(cause, ErrCancelled) {
			code = 487
		}
		if err := l.reject(code, "", cause, h...); err != nil {
			l.finish(cause)
		}
		return
	}
	l.mu.Unlock()
	if l.client != nil {
		l.client.abandon(cause)
	}
	l.finish(cause)
}

// bye sends BYE in the background and takes the leg out of the tables at once.
func (l *Leg) bye(cause error, h ...Header) {
	if !l.finish(cause) {
		return
	}
	l.s.goodbye("BYE", func() {
		ctx, cancel := clock.WithTimeout(context.WithoutCancel(l.ctx), clock.Real(), 64*l.s.timers.T1)
		defer cancel()
		if _, err := l.do(ctx, sip.BYE, nil, "", h...); err != nil {
			l.log().Debug("BYE", "err", err)
		}
	})
}

// finish ends the leg's context and forgets the dialog; false if that was already done.
func (l *Leg) finish(cause error) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.ended, l.final = true, true
	l.handler = LegHandler{} // transactions may hold the leg for a while yet, but nothing of who served it
	if l.session != nil {
		l.session.Stop()
	}
	release := l.release
	l.mu.Unlock()
	l.cancel(cause)
	l.s.forget(l)
	if release != nil {
		release()
	}
	return true
}

// do sends a request inside the dialog and waits for the final response. 408 and 481 end the dialog (RFC 5057).
func (l *Leg) do(ctx context.Context, method sip.RequestMethod, body []byte, contentType string, h ...Header) (*sip.Response, error) {
	req, err := l.request(ctx, method, body, contentType, h...)
	if err != nil {
		return nil, err
	}
	res, err := l.s.transact(ctx, req)
	if err == nil && (res.StatusCode == 401 || res.StatusCode == 407) {
		if again := l.authorise(ctx, method, res, body, contentType, h...); again != nil {
			res, err = l.s.transact(ctx, again)
		}
	}
	switch {
	case errors.Is(err, ErrTimeout) || errors.Is(err, ErrTransport):
		if method != sip.NOTIFY && method != sip.INFO {
			l.finish(err)
		}
	case err == nil && (res.StatusCode == 408 || res.StatusCode == 481) && method != sip.PRACK && method != sip.NOTIFY:
		l.finish(ErrTimeout)
	}
	return res, err
}

// request makes a request inside the dialog with the next CSeq, ready to be sent.
func (l *Leg) request(ctx context.Context, method sip.RequestMethod, body []byte, contentType string, h ...Header) (*sip.Request, error) {
	l.mu.Lock()
	d := l.d
	l.d.LocalSeq++
	seq := l.d.LocalSeq
	if method == sip.INVITE {
		l.d.InviteSeq = seq
	}
	l.mu.Unlock()
	return l.build(ctx, &d, method, seq, body, contentType, h...)
}

func (l *Leg) build(ctx context.Context, d *Dialog, method sip.RequestMethod, seq uint32, body []byte, contentType string, h ...Header) (*sip.Request, error) {
	req := d.request(method, seq)
	switch method {
	case sip.INVITE, sip.UPDATE, sip.REFER, sip.NOTIFY:
		req.AppendHeader(sip.NewHeader("Contact", d.Contact))
		req.AppendHeader(sip.NewHeader("Allow", allowed))
		req.AppendHeader(sip.NewHeader("Supported", supported))
	}
	appendHeaders(req, h)
	if body != nil {
		req.AppendHeader(sip.NewHeader("Content-Type", contentType))
	}
	req.SetBody(body)
	if err := l.s.address(req, l.s.nextHop(ctx, d), noContact); err != nil {
		return nil, err
	}
	return req, nil
}

// receive handles a request inside the dialog.
func (l *Leg) receive(req *sip.Request, tx *transaction.Server) {
	s := l.s
	if !l.admits(req) {
		s.refuse(req, tx, 481)
		return
	}
	seq := req.CSeq().SeqNo
	l.mu.Lock()
	if l.d.RemoteSeq != 0 && seq <= l.d.RemoteSeq {
		l.mu.Unlock()
		s.answer(req, tx, 500, nil) // out of order: RFC 3261 section 12.2.2
		return
	}
	l.d.RemoteSeq = seq
	confirmed := l.d.Confirmed
	l.mu.Unlock()
	if missing := unsupported(req); missing != "" && req.Method != sip.BYE {
		s.answer(req, tx, 420, nil, Header{"Unsupported", missing})
		return
	}
	switch req.Method {
	case sip.BYE:
		l.gotBye(req, tx)
	case sip.INVITE:
		if !confirmed {
			s.answer(req, tx, 491, nil)
			return
		}
		l.gotReinvite(req, tx)
	case sip.UPDATE:
		l.gotUpdate(req, tx)
	case sip.PRACK:
		l.gotPrack(req, tx)
	case sip.INFO:
		l.gotInfo(req, tx)
	case sip.REFER:
		l.gotRefer(req, tx)
	case sip.NOTIFY:
		l.gotNotify(req, tx)
	case sip.OPTIONS:
		s.answer(req, tx, 200, nil, Header{"Accept", sdpType})
	default:
		s.answer(req, tx, 405, nil)
	}
}

// answer responds inside a dialog; the transaction absorbs retransmissions.
func (s *Server) answer(req *sip.Request, tx *transaction.Server, code int, body []byte, hs ...Header) {
	if err := s.respond(req, tx, code, "", body, hs...); err != nil {
		s.log.Debug("responding", "err", err)
	}
}

// admits tells whether a request comes from where the peer speaks: whoever knows both tags but speaks from elsewhere is
// not believed.
func (l *Leg) admits(req *sip.Request) bool {
	if l.fromPeer(source(req)) {
		return true
	}
	l.s.count.dropped.WithLabelValues("foreign source").Inc()
	return false
}

// fromPeer tells whether an address may speak in this dialog: where the peer was, where its Contact or a route is, or
// anywhere in its trunk's prefixes.
func (l *Leg) fromPeer(src netip.AddrPort) bool {
	l.mu.Lock()
	flow, trunk, target, routes := l.d.Flow, l.d.Peer.Trunk, l.d.RemoteTarget, l.d.RouteSet
	l.mu.Unlock()
	if src.Addr() == flow.Addr() {
		return true
	}
	for _, r := range append([]string{target}, routes...) {
		if n, ok := parseNameAddr(r); ok {
			if a, ok := uriAddr(&n.URI); ok && a.Addr() == src.Addr() {
				return true
			}
		}
	}
	return trunk != "" && l.s.trunks.matches(trunk, src.Addr())
}

func (l *Leg) gotBye(req *sip.Request, tx *transaction.Server) {
	l.mu.Lock()
	l.endReason = headerValue(req, "Reason")
	early := !l.d.Confirmed
	l.mu.Unlock()
	l.s.answer(req, tx, 200, nil)
	if early && l.invite != nil {
		// BYE in an early dialog: the INVITE still wants its answer (RFC 3261 section 15.1.2).
		if err := l.reject(487, "", ErrBye); err == nil {
			return
		}
	}
	l.finish(ErrBye)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !closed(l.acked) {
		close(l.acked) // who hangs up has had our 2xx, even if the ACK comes late or never
	}
	if l.stx != nil {
		l.stx.Acked()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
