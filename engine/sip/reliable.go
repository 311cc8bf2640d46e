package sip

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// reliable is the server side of RFC 3262.
type reliable struct {
	required, supported bool
	seq                 uint32        // RSeq of the last reliable response
	done                chan struct{} // closed when its PRACK has come; nil: none open
	offer               bool          // it carried our offer, so the PRACK carries the answer
}

// begin numbers a response that is about to be sent. The leg's lock is held.
func (r *reliable) begin(res *sip.Response, offer bool) {
	r.seq++
	r.done, r.offer = make(chan struct{}), offer
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.FormatUint(uint64(r.seq), 10)))
}

// awaitPrack waits until no reliable response is open (RFC 3262 section 3).
func (l *Leg) awaitPrack(ctx context.Context) error {
	l.mu.Lock()
	done := l.rel.done
	l.mu.Unlock()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.ctx.Done():
		return l.over("waiting for PRACK")
	}
}

// repeatProvisional sends a reliable response after T1, 2*T1, 4*T1 … until its PRACK comes; after 64*T1 without one the
// call fails (RFC 3262 section 3).
func (l *Leg) repeatProvisional(res *sip.Response) {
	l.mu.Lock()
	done := l.rel.done
	l.mu.Unlock()
	t1 := l.s.timers.T1
	giveUp := l.s.clock.NewTimer(64 * t1)
	defer giveUp.Stop()
	interval := t1
	timer := l.s.clock.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-l.ctx.Done():
			return
		case <-giveUp.C():
			if err := l.reject(504, "No PRACK", ErrTimeout); err != nil {
				l.log().Debug("giving up", "err", err)
			}
			return
		case <-timer.C():
			l.mu.Lock()
			over := l.final
			l.mu.Unlock()
			if over {
				return
			}
			if err := l.stx.Respond(res); err != nil {
				l.log().Debug("repeating a provisional response", "err", err)
			}
			interval *= 2
			timer.Reset(interval)
		}
	}
}

// gotPrack acknowledges the open reliable response, if RAck names it.
func (l *Leg) gotPrack(req *sip.Request, tx *transaction.Server) {
	f := strings.Fields(headerValue(req, "RAck"))
	l.mu.Lock()
	ok := l.invite != nil && len(f) == 3 && l.rel.done != nil && !closed(l.rel.done) &&
		f[0] == strconv.FormatUint(uint64(l.rel.seq), 10) &&
		f[1] == strconv.FormatUint(uint64(l.inviteSeq), 10) && strings.EqualFold(f[2], "INVITE")
	if !ok {
		l.mu.Unlock()
		l.s.answer(req, tx, 481, nil)
		return
	}
	sdp := sdpOf(req)
	answer := l.rel.offer && sdp != nil
	if answer {
		l.d.RemoteSDP = sdp
	}
	done, h := l.rel.done, l.handler
	l.mu.Unlock()
	var body []byte
	if sdp != nil && !answer {
		// A new offer in the PRACK (RFC 3262 section 5).
		if h.Offer == nil {
			l.s.answer(req, tx, 488, nil)
			close(done)
			return
		}
		var err error
		if body, err = h.Offer(l.ctx, sdp); err != nil {
			l.s.answer(req, tx, statusOf(err, 488), nil)
			close(done)
			return
		}
		l.mu.Lock()
		l.d.RemoteSDP, l.d.LocalSDP = sdp, body
		l.mu.Unlock()
		l.s.answer(req, tx, 200, body, Header{"Content-Type", sdpType})
	} else {
		l.s.answer(req, tx, 200, nil)
	}
	close(done)
}

// prack acknowledges a reliable provisional response that we received; false: it is a repetition or out of order
// (RFC 3262 section 4).
func (l *Leg) prack(res *sip.Response) bool {
	rseq, ok := headerUint(res, "RSeq")
	if !ok || !hasToken(res, "Require", "100rel") {
		return true
	}
	l.mu.Lock()
	if l.rseq != 0 && uint32(rseq) != l.rseq+1 {
		l.mu.Unlock()
		return false
	}
	l.rseq = uint32(rseq)
	seq := l.d.InviteSeq
	l.mu.Unlock()
	l.s.spawn("PRACK", func() {
		ctx, cancel := context.WithTimeout(l.s.ctx, 64*l.s.timers.T1)
		defer cancel()
		if _, err := l.do(ctx, sip.PRACK, nil, "", Header{"RAck", fmt.Sprintf("%d %d INVITE", rseq, seq)}); err != nil {
			l.log().Debug("PRACK", "err", err)
		}
	})
	return true
}
