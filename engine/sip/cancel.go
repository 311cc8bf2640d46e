package sip

import (
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
				l.log.Debug("CANCEL", "err", err)
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
