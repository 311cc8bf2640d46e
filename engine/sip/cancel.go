package sip

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// gotCancel answers a CANCEL that is of no INVITE, or comes after its final response.
func (s *Server) gotCancel(req *sip.Request, tx *transaction.Server) {
	if tx.Matched() {
		s.answer(req, tx, 200, nil)
		return
	}
	s.refuse(req, tx, 481)
}

// gotCancel ends a leg whose caller gave up, unless it has its final response. One from elsewhere is not believed.
func (l *Leg) gotCancel(req *sip.Request, tx *transaction.Server) {
	defer l.s.recover("CANCEL")
	l.s.count.requests.WithLabelValues("in", "CANCEL").Inc()
	if !l.admits(req) {
		l.s.refuse(req, tx, 481)
		return
	}
	l.s.answer(req, tx, 200, nil)
	l.mu.Lock()
	if !l.final {
		l.endReason = headerValue(req, "Reason")
	}
	l.mu.Unlock()
	if err := l.reject(487, "", ErrCancelled); err != nil {
		l.log().Debug("CANCEL", "err", err)
	}
}

// abandon gives the call up, at whatever point it is.
func (c *inviteClient) abandon(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	winner := c.winner
	if winner == nil && c.running && !c.leaving {
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
	if invite == nil {
		return // the final response came meanwhile
	}
	tx.GiveUp()
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
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	if _, err := c.s.transact(c.s.ctx, req); err != nil {
		c.s.log.Debug("CANCEL", "err", err)
	}
}
