package sip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
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
	base        Dialog // what each fork's dialog begins as
	req         *sip.Request
	tx          *sip.ClientTx
	forks       map[string]*Leg // by To tag
	winner      *Leg
	cause       error // why the call was given up; nil: it was not
	provisional bool  // the present INVITE had a provisional response
	cancelSent  bool
	final       bool // the present INVITE had its final response
	failed      bool // and that was no 2xx
	running     int  // INVITEs that run is at work on: the present one, a refused one for a moment more
	leaving     bool // the call was given up meanwhile: the end of the server waits for them
	arrived     []*sip.Response
	arrival     chan struct{}
	events      []event
	wake        chan struct{}
}

// event is something that Dial's goroutine is told: a response, or the end of the transaction.
type event struct {
	res *sip.Response
	leg *Leg // the winner
	err error
}

// maxEvents bounds the responses not yet seen by Dial; more provisional ones are dropped.
const maxEvents = 256

func (c *inviteClient) tell(e event) {
	c.mu.Lock()
	if len(c.events) < maxEvents || e.res == nil || !e.res.IsProvisional() {
		c.events = append(c.events, e)
	}
	c.mu.Unlock()
	signal(c.wake)
}

// signal wakes who waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (c *inviteClient) take() []event {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.events
	c.events = nil
	return e
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

// send runs one INVITE to its end. A final response other than 2xx is returned as such; 2xx gives the leg.
func (c *inviteClient) send(ctx context.Context, req *sip.Request) (*sip.Response, *Leg, error) {
	if err := c.s.serving(ctx); err != nil {
		return nil, nil, err
	}
	tx, err := c.s.txl.NewClientTransaction(ctx, req)
	if err != nil {
		return nil, nil, unanswered(503, "sending INVITE to "+req.Destination(), ErrTransport, err)
	}
	c.mu.Lock()
	c.req, c.tx, c.provisional, c.cancelSent, c.final, c.failed, c.events = req, tx, false, false, false, false, nil
	clear(c.forks) // those of an INVITE before have ended with it
	c.mu.Unlock()
	branch, _ := req.Via().Params.Get("branch")
	c.s.setClient(branch, c)
	if !tx.OnTerminate(func(string, error) { c.s.setClient(branch, nil) }) {
		c.s.setClient(branch, nil)
	}
	c.s.count.requests.WithLabelValues("out", "INVITE").Inc()
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, nil, unanswered(503, "sending INVITE to "+req.Destination(), ErrTransport, err)
	}
	c.mu.Lock()
	c.running++
	c.mu.Unlock()
	if !c.s.spawn("an INVITE", func() { c.run(tx) }) {
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
		tx.Terminate()
		return nil, nil, ErrClosed
	}
	for {
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			c.abandon(cause)
			return nil, nil, cause
		case <-c.wake:
		}
		for _, e := range c.take() {
			switch {
			case e.err != nil:
				return nil, nil, e.err
			case e.leg != nil:
				return nil, e.leg, nil
			case e.res.IsProvisional():
				if c.r.OnProgress != nil {
					c.r.OnProgress(e.res.StatusCode, e.res.Reason, sdpOf(e.res))
				}
			default:
				return e.res, nil, nil
			}
		}
	}
}

// setClient says who gets the responses to the INVITE with a branch; nil: nobody any more.
func (s *Server) setClient(branch string, c *inviteClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		delete(s.clients, branch)
		return
	}
	s.clients[branch] = c
}

// observe gets each response to our INVITEs, in order, in the goroutine that read it. sipgo handles each message in a
// goroutine of its own, so that a 200 may overtake the 180 before it, and shows the user only the first 2xx.
func (s *Server) observe(res *sip.Response) {
	cseq, via := res.CSeq(), res.Via()
	if cseq == nil || via == nil || cseq.MethodName != sip.INVITE {
		return
	}
	branch, _ := via.Params.Get("branch")
	s.mu.Lock()
	c := s.clients[branch]
	s.mu.Unlock()
	if c == nil {
		return
	}
	c.mu.Lock()
	listening := !c.final && c.req.CSeq().SeqNo == cseq.SeqNo
	if listening && (len(c.arrived) < maxEvents || !res.IsProvisional()) && len(c.arrived) < 2*maxEvents {
		c.arrived = append(c.arrived, res)
	}
	c.mu.Unlock()
	if listening {
		signal(c.arrival)
		return
	}
	if res.IsSuccess() {
		// Another fork, or a repetition: acknowledged, and the other fork hung up.
		s.spawn("a 2xx", func() { c.success(res) })
	}
}

// trunkPatience is how many T1 a carrier's server may take to say anything at all, even 100: 6 s, in which it has been
// sent the INVITE four times. RFC 3261 has a caller wait 64*T1, in silence, before the next server is tried.
const trunkPatience = 12

// heard tells whether there was any response to the present INVITE.
func (c *inviteClient) heard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.provisional || c.final || c.winner != nil
}

// run handles the responses of one INVITE transaction until it has its final one. It also takes them from sipgo, whose
// transaction waits until somebody does.
func (c *inviteClient) run(tx *sip.ClientTx) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.running--; c.running == 0 && c.leaving {
			c.leaving = false
			c.s.leaving.done()
		}
	}()
	taken, over := false, false // sipgo has handed over its final response; we have handled ours
	silent := false
	var patience <-chan time.Time
	if c.rt.peer.Trunk != "" {
		t := c.s.clock.NewTimer(trunkPatience * c.s.timers.T1)
		defer t.Stop()
		patience = t.C()
	}
	for !taken || !over {
		select {
		case <-patience:
			over = c.handleArrived() || over
			if silent = !c.heard(); silent {
				tx.Terminate()
			}
		case res := <-tx.Responses():
			taken = taken || !res.IsProvisional()
		case <-c.arrival:
			over = c.handleArrived() || over
		case <-tx.Done():
			if c.handleArrived() || over {
				return
			}
			c.ended()
			err := tx.Err()
			switch {
			case c.s.ctx.Err() != nil:
				err = ErrClosed
			case silent, errors.Is(err, sip.ErrTransactionTimeout):
				err = unanswered(408, "INVITE to "+c.req.Destination(), ErrTimeout, nil)
			default:
				err = unanswered(503, "INVITE to "+c.req.Destination(), ErrTransport, err)
			}
			c.tell(event{err: err})
			return
		}
	}
}

// handleArrived handles what has arrived; true: a final response was among it.
func (c *inviteClient) handleArrived() (over bool) {
	for {
		c.mu.Lock()
		list := c.arrived
		c.arrived = nil
		c.mu.Unlock()
		if len(list) == 0 {
			return over
		}
		for _, res := range list {
			switch {
			case res.IsSuccess():
				c.s.count.responses.WithLabelValues("in", "INVITE", classLabel(res.StatusCode)).Inc()
				c.success(res)
				over = true
			case over:
			case res.StatusCode == 100:
				c.proceeding()
			case res.IsProvisional():
				if c.progress(res) {
					c.tell(event{res: res})
				}
			default:
				c.s.count.responses.WithLabelValues("in", "INVITE", classLabel(res.StatusCode)).Inc()
				c.ended()
				c.tell(event{res: res})
				over = true
			}
		}
	}
}

func (c *inviteClient) ended() {
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
	l, _ := c.fork(res)
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
