package sip

import (
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"
)

// guardCancel looks at a CANCEL before sipgo does. sipgo finds the INVITE by its branch alone, cancels it and answers;
// a CANCEL that has the branch right but is not of that call, or comes from elsewhere, must find nothing (RFC 3261
// section 9.2 matches it like a request). It gets another branch for sipgo's eyes, which s.handle takes back.
func (s *Server) guardCancel(req *sip.Request, via *sip.ViaHeader) {
	key, err := sip.ServerTxKeyMake(inviteOf(req))
	if err != nil {
		return
	}
	s.mu.Lock()
	l := s.invites[key]
	s.mu.Unlock()
	if l == nil || req.CallID() == nil || req.From() == nil || req.CSeq() == nil {
		return
	}
	if req.CallID().Value() == l.d.CallID && tagOf(req.From().Params) == l.d.RemoteTag &&
		req.CSeq().SeqNo == l.inviteSeq && l.fromPeer(source(req)) {
		return
	}
	branch, _ := via.Params.Get("branch")
	via.Params.Add("branch", branchCookie+"-"+token(8))
	req.SetDestination(branch)
}

// inviteOf is as much of the INVITE as its transaction key needs.
func inviteOf(cancel *sip.Request) *sip.Request {
	r := sip.NewRequest(sip.INVITE, cancel.Recipient)
	for _, h := range []sip.Header{cancel.Via(), cancel.From(), cancel.CallID()} {
		if h != nil {
			r.AppendHeader(h)
		}
	}
	if c := cancel.CSeq(); c != nil {
		r.AppendHeader(&sip.CSeqHeader{SeqNo: c.SeqNo, MethodName: sip.INVITE})
	}
	return r
}

// gotCancel answers a CANCEL for which sipgo found no INVITE. sipgo handles each message in a goroutine of its own, so
// the INVITE right before it may just be under way: it is given a moment.
func (s *Server) gotCancel(req *sip.Request, tx *sip.ServerTx) {
	if branch := req.MessageData.Destination(); branch != "" {
		req.Via().Params.Add("branch", branch)
		s.refuse(req, tx, 481)
		return
	}
	key, err := sip.ServerTxKeyMake(inviteOf(req))
	for wait := time.Duration(0); err == nil && wait < s.timers.T1; wait += s.timers.T1 / 10 {
		s.mu.Lock()
		l := s.invites[key]
		s.mu.Unlock()
		if l != nil && req.CallID().Value() == l.d.CallID && tagOf(req.From().Params) == l.d.RemoteTag && l.fromPeer(source(req)) {
			s.answer(req, tx, 200, nil)
			l.mu.Lock()
			l.endReason = headerValue(req, "Reason")
			l.mu.Unlock()
			if err := l.reject(487, "", ErrCancelled); err != nil {
				l.log().Debug("CANCEL", "err", err)
			}
			return
		}
		select {
		case <-time.After(s.timers.T1 / 10):
		case <-s.ctx.Done():
		}
	}
	s.refuse(req, tx, 481)
}

// cancelled ends a leg whose caller gave up; sipgo has sent the 487. A CANCEL that comes after the 200 does not get
// here: sipgo's transaction decides which of the two was first, for us as for the caller.
func (l *Leg) cancelled(reason string) {
	l.mu.Lock()
	l.final = true
	l.endReason = reason
	l.mu.Unlock()
	l.s.closeInvite(l)
	l.finish(ErrCancelled)
}

// abandon gives the call up, at whatever point it is.
func (c *inviteClient) abandon(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	winner := c.winner
	if winner == nil && c.running > 0 && !c.leaving {
		c.leaving = true
		c.s.leaving.add()
	}
	send := winner == nil && c.provisional && !c.cancelSent && !c.final
	c.cancelSent = c.cancelSent || send
	c.mu.Unlock()
	if winner != nil {
		winner.bye(cause)
	}
	if send {
		c.s.spawn("CANCEL", c.sendCancel)
	}
}

// sendCancel cancels the INVITE the way it went: same Request-URI, Via and Route (RFC 3261 section 9.1).
func (c *inviteClient) sendCancel() {
	c.mu.Lock()
	invite, tx, cause := c.req, c.tx, c.cause
	c.mu.Unlock()
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	req.AppendHeader(invite.Via().Clone())
	for _, h := range invite.GetHeaders("Route") {
		req.AppendHeader(sip.NewHeader("Route", h.Value()))
	}
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	callID := *invite.CallID()
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	maxForwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(&maxForwards)
	if errors.Is(cause, ErrAnsweredElsewhere) {
		req.AppendHeader(sip.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`))
	}
	if c.s.o.UserAgent != "" {
		req.AppendHeader(sip.NewHeader("User-Agent", c.s.o.UserAgent))
	}
	req.SetBody(nil)
	req.Laddr = invite.Laddr
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	if _, err := c.s.transact(c.s.ctx, req); err != nil {
		c.s.log.Debug("CANCEL", "err", err)
	}
	// Without a final response 64*T1 after the CANCEL, the INVITE counts as cancelled.
	timer := c.s.clock.NewTimer(64 * c.s.timers.T1)
	defer timer.Stop()
	select {
	case <-timer.C():
		c.mu.Lock()
		final := c.final
		c.mu.Unlock()
		if !final {
			tx.Terminate()
		}
	case <-tx.Done():
	case <-c.s.ctx.Done():
	}
}
