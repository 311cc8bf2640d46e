package sip

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// Refer is a peer's wish that we call somebody in its place (RFC 3515).
type Refer struct {
	To          Address
	URI         string // Refer-To, without its headers
	Replaces    string // the Replaces it asks for (RFC 3891), "" if none
	ReplacesLeg *Leg   // the leg of ours that Replaces names, nil if it is none of ours
	ReferredBy  string // Referred-By (RFC 3892), a name-addr; "" if none
	// Notify tells the peer how it goes: a status code and phrase. A final code ends it; later ones do nothing.
	Notify func(code int, reason string)
}

// referLifetime is how long the subscription that a REFER makes may last, in seconds.
const referLifetime = 180

// referState is a leg's REFER of its own.
type referState struct {
	notify chan sipfrag // what the peer's NOTIFYs say; nil: no REFER of ours is open
}

type sipfrag struct {
	code   int
	reason string
	over   bool // the subscription has ended
}

// gotRefer accepts a transfer that the peer asks for.
func (l *Leg) gotRefer(req *sip.Request, tx *transaction.Server) {
	s := l.s
	h := l.handlers()
	targets := headerList(req, "Refer-To")
	l.mu.Lock()
	confirmed := l.d.Confirmed
	l.mu.Unlock()
	switch {
	case len(targets) != 1:
		s.answer(req, tx, 400, nil)
		return
	case h.Refer == nil || !confirmed:
		s.answer(req, tx, 603, nil)
		return
	}
	n, ok := parseNameAddr(targets[0])
	if !ok || n.URI.Scheme != "sip" && n.URI.Scheme != "sips" && n.URI.Scheme != "tel" {
		s.answer(req, tx, 400, nil)
		return
	}
	r := &Refer{To: n.Address, ReferredBy: headerValue(req, "Referred-By")}
	for _, kv := range n.URI.Headers {
		if strings.EqualFold(kv.K, "Replaces") {
			r.Replaces = unescape(kv.V)
			r.ReplacesLeg = s.findReplaced(r.Replaces)
		}
	}
	n.URI.Headers = nil
	r.URI = n.URI.String()
	if strings.EqualFold(headerValue(req, "Refer-Sub"), "false") {
		// RFC 4488: it does not want to know.
		r.Notify = func(int, string) {}
		s.answer(req, tx, 202, nil, Header{"Refer-Sub", "false"}, Header{"Contact", l.d.Contact})
		h.Refer(r)
		return
	}
	n2 := &referNotifier{l: l, id: req.CSeq().SeqNo, wake: make(chan struct{}, 1)}
	r.Notify = n2.say
	s.answer(req, tx, 202, nil, Header{"Contact", l.d.Contact})
	n2.say(100, "Trying")
	s.spawn("NOTIFY of a transfer", n2.run)
	h.Refer(r)
}

// referNotifier sends the NOTIFYs of one REFER, in order.
type referNotifier struct {
	l  *Leg
	id uint32 // CSeq of the REFER

	mu    sync.Mutex
	queue []sipfrag
	over  bool
	wake  chan struct{}
}

func (n *referNotifier) say(code int, reason string) {
	n.mu.Lock()
	if n.over || len(n.queue) > 32 && code < 200 {
		n.mu.Unlock()
		return
	}
	n.over = code >= 200
	n.queue = append(n.queue, sipfrag{code: code, reason: cleanReason(code, reason), over: n.over})
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *referNotifier) run() {
	s := n.l.s
	lifetime := s.clock.NewTimer(referLifetime * time.Second)
	defer lifetime.Stop()
	for {
		n.mu.Lock()
		queue := n.queue
		n.queue = nil
		n.mu.Unlock()
		for _, f := range queue {
			state := fmt.Sprintf("active;expires=%d", referLifetime)
			if f.over {
				state = "terminated;reason=noresource"
			}
			body := fmt.Sprintf("SIP/2.0 %d %s\r\n", f.code, f.reason)
			ctx, cancel := context.WithTimeout(s.ctx, 64*s.timers.T1)
			res, err := n.l.do(ctx, sip.NOTIFY, []byte(body), "message/sipfrag;version=2.0",
				Header{"Event", "refer;id=" + strconv.FormatUint(uint64(n.id), 10)}, Header{"Subscription-State", state})
			cancel()
			if err != nil || res.StatusCode == 481 || f.over {
				n.mu.Lock()
				n.over = true
				n.mu.Unlock()
				return
			}
		}
		select {
		case <-n.wake:
		case <-lifetime.C():
			return
		case <-n.l.ctx.Done():
			// The peer may hang up before it knows; what is queued still goes out, as the dialog has usages left.
			n.mu.Lock()
			empty := len(n.queue) == 0
			n.mu.Unlock()
			if empty {
				return
			}
		}
	}
}

// Refer asks the peer to call to (a SIP URI) in our place, and waits until it says how that went: nil for success, a
// *StatusError for a refusal by the peer or by its target, the leg's cause where it hung up before it said.
func (l *Leg) Refer(ctx context.Context, to string, h ...Header) error {
	if _, ok := parseNameAddr(to); !ok || strings.ContainsAny(to, "\r\n<>") {
		return fmt.Errorf("sip: %w: Refer-To %q", ErrInvalid, to)
	}
	l.mu.Lock()
	if !l.d.Confirmed || l.refer.notify != nil {
		l.mu.Unlock()
		return fmt.Errorf("%w: referring", ErrState)
	}
	notify := make(chan sipfrag, 32)
	l.refer.notify = notify
	local := l.d.Local
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.refer.notify = nil
		l.mu.Unlock()
	}()
	res, err := l.do(ctx, sip.REFER, nil, "", append([]Header{{"Refer-To", "<" + to + ">"}, {"Referred-By", local}}, h...)...)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return statusError(res)
	}
	if strings.EqualFold(headerValue(res, "Refer-Sub"), "false") {
		return nil
	}
	for {
		select {
		case f := <-notify:
			switch {
			case f.code >= 200 && f.code < 300:
				return nil
			case f.code >= 300:
				return &StatusError{Code: f.code, Reason: f.reason}
			case f.over:
				return &StatusError{Code: 500, Reason: "The transfer ended without a result"}
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.ctx.Done():
			select {
			case f := <-notify:
				if f.code >= 200 && f.code < 300 {
					return nil
				}
			default:
			}
			return l.over("referring")
		}
	}
}

// gotNotify takes the NOTIFYs of our REFER.
func (l *Leg) gotNotify(req *sip.Request, tx *transaction.Server) {
	event, _, _ := strings.Cut(headerValue(req, "Event"), ";")
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		l.s.answer(req, tx, 489, nil)
		return
	}
	l.mu.Lock()
	notify := l.refer.notify
	l.mu.Unlock()
	if notify == nil {
		l.s.answer(req, tx, 481, nil)
		return
	}
	var f sipfrag
	state := strings.ToLower(headerValue(req, "Subscription-State"))
	f.over = strings.HasPrefix(strings.TrimSpace(state), "terminated")
	line, _, _ := strings.Cut(strings.TrimSpace(string(req.Body())), "\n")
	if p := strings.SplitN(strings.TrimSpace(line), " ", 3); len(p) >= 2 && strings.HasPrefix(p[0], "SIP/") {
		f.code, _ = strconv.Atoi(p[1])
		if len(p) == 3 {
			f.reason = p[2]
		}
	}
	l.s.answer(req, tx, 200, nil)
	select {
	case notify <- f:
	default:
	}
}

// replacesLeg finds what an INVITE's Replaces names; a code other than 0 refuses the INVITE (RFC 3891 section 3).
func (s *Server) replacesLeg(req *sip.Request, peer Peer) (*Leg, int) {
	list := req.GetHeaders("Replaces")
	if len(list) == 0 {
		return nil, 0
	}
	if len(list) > 1 || len(headerList(req, "Join")) > 0 {
		return nil, 400
	}
	l := s.findReplaced(list[0].Value())
	if l == nil {
		return nil, 481
	}
	l.mu.Lock()
	confirmed, ended, other := l.d.Confirmed, l.ended, l.d.Peer
	l.mu.Unlock()
	_, earlyOnly := headerParam(list[0].Value(), "early-only")
	switch {
	case peer.Line == "" && (peer.Trunk == "" || peer.Trunk != other.Trunk):
		return nil, 403
	case ended:
		return nil, 603
	case confirmed && earlyOnly:
		return nil, 486
	case !confirmed && l.invite != nil:
		return nil, 481 // an early dialog is replaced at the side that called
	}
	return l, 0
}

// findReplaced finds the leg a Replaces value names: to-tag is our tag, from-tag the peer's.
func (s *Server) findReplaced(value string) *Leg {
	callID, _, _ := strings.Cut(value, ";")
	to, _ := headerParam(value, "to-tag")
	from, _ := headerParam(value, "from-tag")
	return s.leg(dialogID{strings.TrimSpace(callID), to, from})
}
