package sip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// inviteClient is one call that we make: an INVITE, its repetitions towards other servers or with credentials, and the
// dialogs that its responses make, one for each fork (RFC 3261 section 13.2).
type inviteClient struct {
	s        *Server
	r        DialRequest
	rt       route
	from, to Address
	interval uint32 // Session-Expires to ask for
	minSE    uint32
	release  func() // gives back the call's place among MaxLegs, once

	mu          sync.Mutex
	base        Dialog       // what each fork's dialog begins as
	req         *sip.Request // the present INVITE, until its final response
	seq         uint32       // its CSeq
	tx          *transaction.Client
	forks       map[string]*Leg // by To tag
	winner      *Leg
	cause       error // why the call was given up; nil: it was not
	provisional bool  // the present INVITE had a provisional response
	cancelSent  bool
	final       bool // the present INVITE had its final response
	failed      bool // and that was no 2xx
	running     bool // somebody handles the responses
	leaving     bool // the call was given up meanwhile: the end of the server waits for them
	arrived     []*sip.Response
	lost        error // why nothing will arrive any more; nil: it may
	wake        chan struct{}
}

// maxEvents bounds the responses not yet seen by Dial; more provisional ones are dropped.
const maxEvents = 256

// signal wakes who waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dial tries the hops in turn (RFC 3263 section 4.3): the next where one is silent, unreachable or says 503.
func (c *inviteClient) dial(ctx context.Context) (*Leg, error) {
	var err error
	for _, h := range c.rt.hops {
		var leg *Leg
		leg, err = c.try(ctx, h)
		if err == nil {
			return leg, nil
		}
		var status *StatusError
		again := errors.Is(err, ErrTimeout) || errors.Is(err, ErrTransport) || errors.As(err, &status) && status.Code == 503
		if !again || ctx.Err() != nil {
			break
		}
		if len(c.rt.hops) > 1 {
			c.s.failed(h)
		}
		c.s.log.Info("a server failed", "addr", h.addr, "transport", h.transport, "err", err)
	}
	c.dropForks(ErrTimeout)
	return nil, err
}

// try makes the call to one hop, with as many INVITEs as challenges and session intervals need.
func (c *inviteClient) try(ctx context.Context, h hop) (*Leg, error) {
	var auth *Header
	stale := false
	for attempt := 0; ; attempt++ {
		req, err := c.build(h, auth)
		if err != nil {
			return nil, err
		}
		if h.transport == "udp" && c.rt.tcp && len(req.String()) > maxDatagram {
			// RFC 3261 section 18.1.1; who does not listen on TCP gets it over UDP after all.
			if big, err := c.build(hop{"tcp", h.addr}, auth); err == nil {
				if res, leg, err := c.send(ctx, big); !errors.Is(err, ErrTransport) {
					if res == nil {
						return leg, err
					}
					return nil, statusError(res)
				}
				if req, err = c.build(h, auth); err != nil {
					return nil, err
				}
			}
		}
		res, leg, err := c.send(ctx, req)
		if res == nil {
			return leg, err
		}
		switch {
		case (res.StatusCode == 401 || res.StatusCode == 407) && c.rt.auth != nil && (auth == nil || challengeStale(res) && !stale):
			stale = auth != nil
			value, err := c.rt.auth.answer(res, "INVITE", req.Recipient.String(), c.r.Offer)
			if err != nil {
				return nil, fmt.Errorf("sip: answering the challenge of %s: %w: %w", h.addr, err, statusError(res))
			}
			auth = value
			continue
		case res.StatusCode == 422 && attempt < 4:
			if min, ok := headerUint(res, "Min-SE"); ok && uint32(min) > c.interval && min <= 1<<17 {
				c.interval, c.minSE = uint32(min), uint32(min)
				continue
			}
		}
		return nil, statusError(res)
	}
}

// trunkPatience is how many T1 a carrier's server may take to say anything at all, even 100: 6 s, in which it has been
// sent the INVITE four times. RFC 3261 has a caller wait 64*T1, in silence, before the next server is tried.
const trunkPatience = 12

// send runs one INVITE to its end. A final response other than 2xx is returned as such; 2xx gives the leg.
func (c *inviteClient) send(ctx context.Context, req *sip.Request) (*sip.Response, *Leg, error) {
	if err := c.s.serving(ctx); err != nil {
		return nil, nil, err
	}
	flow, err := c.s.flowTo(ctx, req)
	if err != nil {
		return nil, nil, unanswered(503, "sending INVITE to "+req.Destination(), ErrTransport, err)
	}
	seq := req.CSeq().SeqNo
	c.mu.Lock()
	c.req, c.seq, c.provisional, c.cancelSent, c.final, c.failed, c.arrived, c.lost = req, seq, false, false, false, false, nil, nil
	clear(c.forks) // those of an INVITE before have ended with it
	c.running = true
	onProgress := c.r.OnProgress
	c.mu.Unlock()
	c.s.serve(c, true)
	var patience time.Duration
	if c.rt.peer.Trunk != "" {
		patience = trunkPatience * c.s.timers.T1
	}
	c.s.count.requests.WithLabelValues("out", "INVITE").Inc()
	tx, err := c.s.transactions.Request(req, flow, patience, transaction.Listener{
		Response: func(res *sip.Response) { c.got(seq, res) },
		Ended:    func(err error) { c.gone(seq, err) },
	})
	if err != nil {
		c.over()
		return nil, nil, unanswered(503, "sending INVITE to "+req.Destination(), ErrTransport, err)
	}
	c.mu.Lock()
	c.tx = tx
	c.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			c.abandon(cause)
			if !c.s.spawn("an INVITE given up", c.outlive) {
				c.over()
			}
			return nil, nil, cause
		case <-c.wake:
		}
		if o := c.handle(onProgress); o != nil {
			c.over()
			return o.res, o.leg, o.err
		}
	}
}

// serve notes that an INVITE is on its way, or is not any more.
func (s *Server) serve(c *inviteClient, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.clients[c] = struct{}{}
	} else {
		delete(s.clients, c)
	}
}

// outlive handles what still comes when Dial has returned.
func (c *inviteClient) outlive() {
	defer c.over()
	for {
		select {
		case <-c.wake:
			if c.handle(nil) != nil {
				return
			}
		case <-c.s.ctx.Done():
			return
		}
	}
}

// over ends the handling of an INVITE.
func (c *inviteClient) over() {
	c.s.serve(c, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running, c.req = false, nil
	if c.leaving {
		c.leaving = false
		c.s.leaving.done()
	}
}

// got takes a response to the INVITE with a CSeq, in the goroutine that read it.
func (c *inviteClient) got(seq uint32, res *sip.Response) {
	c.mu.Lock()
	listening := !c.final && c.seq == seq
	if listening && (len(c.arrived) < maxEvents || !res.IsProvisional()) && len(c.arrived) < 2*maxEvents {
		c.arrived = append(c.arrived, res)
	}
	c.mu.Unlock()
	if listening {
		// The dialog is there before what the peer may send in it next.
		if res.StatusCode > 100 && res.StatusCode < 300 {
			if l := c.fork(res); l != nil && res.IsSuccess() {
				l.confirm(res)
			}
		}
		signal(c.wake)
		return
	}
	if res.IsSuccess() {
		// Another fork, or a repetition: acknowledged, and the other fork hung up.
		c.s.spawn("a 2xx", func() { c.success(res) })
	}
}

// gone is told that the INVITE with a CSeq gets no final response.
func (c *inviteClient) gone(seq uint32, err error) {
	c.mu.Lock()
	if c.seq == seq {
		c.lost = err
	}
	c.mu.Unlock()
	signal(c.wake)
}

// outcome is how an INVITE ended: one of the three.
type outcome struct {
	res *sip.Response
	leg *Leg
	err error
}

// handle handles what has arrived, and gives the outcome if that is clear.
func (c *inviteClient) handle(onProgress func(code int, reason string, sdp []byte)) (o *outcome) {
	for {
		c.mu.Lock()
		list, lost := c.arrived, c.lost
		c.arrived = nil
		c.mu.Unlock()
		if len(list) == 0 {
			if o == nil && lost != nil {
				c.fail()
				o = &outcome{err: c.silence(lost)}
			}
			return o
		}
		for _, res := range list {
			switch {
			case res.IsSuccess():
				c.s.count.responses.WithLabelValues("in", "INVITE", classLabel(res.StatusCode)).Inc()
				leg := c.success(res)
				if leg != nil {
					o = &outcome{leg: leg}
				} else if o == nil {
					o = &outcome{err: c.givenUp()}
				}
			case o != nil:
			case res.StatusCode == 100:
				c.proceeding()
			case res.IsProvisional():
				if c.progress(res) && onProgress != nil {
					onProgress(res.StatusCode, res.Reason, sdpOf(res))
				}
			default:
				c.s.count.responses.WithLabelValues("in", "INVITE", classLabel(res.StatusCode)).Inc()
				c.fail()
				o = &outcome{res: res}
			}
		}
	}
}

// silence explains why there is no final response.
func (c *inviteClient) silence(err error) error {
	to := "INVITE to " + c.req.Destination()
	switch {
	case errors.Is(err, transaction.ErrClosed):
		return ErrClosed
	case errors.Is(err, transaction.ErrTimeout):
		return unanswered(408, to, ErrTimeout, nil)
	}
	return unanswered(503, to, ErrTransport, err)
}

// givenUp is why a 2xx made no call.
func (c *inviteClient) givenUp() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return fmt.Errorf("%w: a 2xx without dialog", ErrTransport)
}

// close notes the final response. The lock is held.
func (c *inviteClient) close() {
	c.final = true
	c.r.Handler, c.r.OnProgress = LegHandler{}, nil // the transaction holds us for a while yet
}

func (c *inviteClient) fail() {
	c.mu.Lock()
	c.final, c.failed = true, true
	c.mu.Unlock()
	c.dropForks(ErrTimeout)
}

// proceeding notes a provisional response; a CANCEL that had to wait for one goes out now (RFC 3261 section 9.1).
func (c *inviteClient) proceeding() {
	c.mu.Lock()
	c.provisional = true
	waiting := c.cause != nil && !c.cancelSent
	c.cancelSent = c.cancelSent || waiting
	c.mu.Unlock()
	if waiting {
		c.s.spawn("CANCEL", c.sendCancel)
	}
}

// progress takes a provisional response above 100; false: a repetition.
func (c *inviteClient) progress(res *sip.Response) bool {
	c.proceeding()
	l := c.fork(res)
	if l == nil {
		return true // without To tag it makes no dialog
	}
	if !l.prack(res) {
		return false
	}
	if sdp := sdpOf(res); sdp != nil {
		l.mu.Lock()
		l.d.RemoteSDP = sdp
		l.mu.Unlock()
	}
	return true
}
