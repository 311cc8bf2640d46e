package sip

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transport"
)

// fork finds or makes the leg of the dialog a response belongs to; nil: it belongs to none.
func (c *inviteClient) fork(res *sip.Response) *Leg {
	id, ok := clientDialogID(res)
	if !ok || id.remoteTag == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.forks[id.remoteTag]; l != nil {
		return l
	}
	if len(c.forks) >= 32 {
		return nil
	}
	d := c.base
	d.RemoteTag = id.remoteTag
	d.updateTarget(res)
	d.recordRoute(res, true)
	d.allow(res)
	l := c.s.newLeg(d)
	l.client, l.from, l.to = c, c.from, c.to
	l.dialled = c.r.Number
	if l.dialled == "" {
		l.dialled = c.to.User
	}
	l.handler = c.r.Handler
	l.auth = c.rt.auth
	c.forks[id.remoteTag] = l
	c.s.register(l, id)
	return l
}

// success takes a 2xx: the first makes the call, which is then given, unless it was given up; every other dialog is
// acknowledged and hung up; a repetition is acknowledged again (RFC 3261 section 13.2.2.4).
func (c *inviteClient) success(res *sip.Response) *Leg {
	l := c.fork(res)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	repeated := l.ackSeq != 0
	l.mu.Unlock()
	seq := res.CSeq().SeqNo
	if repeated {
		l.ackAgain(seq)
		return nil
	}
	c.mu.Lock()
	won := c.winner == nil && c.cause == nil && !c.failed
	if won {
		c.winner = l
	}
	c.close()
	c.mu.Unlock()
	if won {
		l.mu.Lock()
		l.release = c.release
		if l.ended {
			c.release()
		}
		l.mu.Unlock()
	}
	l.confirm(res)
	if err := l.sendAck(seq); err != nil {
		l.log().Warn("acknowledging", "err", err)
	}
	if !won {
		l.hangUpFork()
		return nil
	}
	c.dropForks(ErrAnsweredElsewhere)
	l.startSession()
	return l
}

// dropForks forgets the early dialogs that did not win.
func (c *inviteClient) dropForks(cause error) {
	c.mu.Lock()
	var lost []*Leg
	for _, l := range c.forks {
		if l != c.winner {
			lost = append(lost, l)
		}
	}
	c.mu.Unlock()
	for _, l := range lost {
		l.finish(cause)
	}
}

// confirm turns the early dialog into a confirmed one.
func (l *Leg) confirm(res *sip.Response) {
	sdp := sdpOf(res)
	interval, refresher := sessionResponse(res)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.d.Confirmed {
		return
	}
	l.d.Confirmed, l.final = true, true
	l.d.updateTarget(res)
	l.d.recordRoute(res, true)
	l.d.allow(res)
	if sdp != nil {
		l.d.RemoteSDP = sdp
	}
	l.d.SessionInterval, l.d.Refresher = interval, refresher != "uas"
	if interval == 0 && l.client != nil {
		// The peer has no session timer: we refresh alone (RFC 4028 section 7.2).
		l.d.SessionInterval, l.d.Refresher = l.client.interval, true
	}
}

// hangUpFork ends a dialog that its fork answered too late.
func (l *Leg) hangUpFork() {
	l.finish(ErrAnsweredElsewhere)
	l.s.goodbye("BYE", func() {
		ctx, cancel := context.WithTimeout(l.s.ctx, 64*l.s.timers.T1)
		defer cancel()
		if _, err := l.do(ctx, sip.BYE, nil, ""); err != nil {
			l.log().Debug("hanging up a late fork", "err", err)
		}
	})
}

// sendAck acknowledges a 2xx, the first time and again. seq is the CSeq of its INVITE.
func (l *Leg) sendAck(seq uint32) error {
	l.mu.Lock()
	l.ackSeq = seq
	d := l.d
	l.mu.Unlock()
	ack, err := l.build(l.s.ctx, &d, sip.ACK, seq, nil, "", l.auth.last()...)
	if err != nil {
		return err
	}
	flow, err := l.s.flowTo(l.s.ctx, ack)
	if err == nil {
		err = flow.Send(transport.Encode(ack))
	}
	if err != nil {
		return fmt.Errorf("sip: sending ACK: %w: %w", ErrTransport, err)
	}
	return nil
}

// ackAgain acknowledges a 2xx that was repeated.
func (l *Leg) ackAgain(seq uint32) {
	if err := l.sendAck(seq); err != nil {
		l.log().Debug("acknowledging again", "err", err)
	}
}
