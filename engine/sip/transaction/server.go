package transaction

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transport"
)

// state is where a transaction stands. Trying and Calling of the RFC are proceeding without a response.
type state uint8

const (
	proceeding state = iota
	completed        // a final response; of an INVITE none of 2xx
	confirmed        // an INVITE's refusal is acknowledged
	accepted         // an INVITE's 2xx (RFC 6026)
	terminated
)

// Server is the transaction of a request that came. Its methods may be called from any goroutine.
type Server struct {
	l       *Layer
	key     serverKey
	flow    transport.Flow
	invite  bool
	matched bool // a CANCEL of an INVITE that is here

	mu    sync.Mutex
	state state
	last  []byte // the response that a retransmission of the request gets
	alarm alarm
	again repetition // of a refusal, or of a 2xx until its ACK
	noAck func()     // of a 2xx that is repeated

	// Of an INVITE without final response.
	req    *sip.Request
	watch  Watcher
	cancel *cancellation // came before Watch
}

// cancellation is a CANCEL and its own transaction.
type cancellation struct {
	req *sip.Request
	tx  *Server
}

// Watcher is told what becomes of an INVITE until its final response.
type Watcher struct {
	// Cancel gets a CANCEL of this INVITE, in a goroutine of its own; it must be answered.
	Cancel func(req *sip.Request, tx *Server)
	// Lost is called when the connection ends. It must not block.
	Lost func()
}

func (l *Layer) receiveRequest(req *sip.Request, from transport.Flow) {
	key := serverKeyOf(req, req.Method)
	l.mu.Lock()
	tx := l.servers[key]
	if tx != nil {
		l.mu.Unlock()
		tx.repeated()
		return
	}
	if l.closed || len(l.servers)+len(l.clients) >= l.o.Max {
		closed := l.closed
		l.mu.Unlock()
		if !closed {
			l.o.Dropped()
		}
		return
	}
	tx = &Server{l: l, key: key, flow: from, invite: req.IsInvite()}
	wait := 64 * l.o.T1 // by then nobody waits for a response any more
	if tx.invite {
		tx.req, wait = req, trying
	}
	l.servers[key] = tx
	l.attach(from, tx)
	var invite *Server
	if req.IsCancel() {
		invite = l.servers[serverKeyOf(req, sip.INVITE)]
	}
	l.mu.Unlock()
	tx.mu.Lock()
	if tx.state == proceeding {
		tx.alarm.set(l.o.Clock, wait, tx.fire)
	}
	tx.mu.Unlock()
	if invite != nil && invite.cancelled(req, tx) {
		return
	}
	if !l.o.Go(func() { l.o.Request(req, tx) }) {
		tx.Terminate()
	}
}

// receiveAck takes the ACK of a refusal; that of a 2xx goes up, also where it has the branch of its INVITE, against RFC
// 3261 section 17.1.1.3.
func (l *Layer) receiveAck(ack *sip.Request) {
	l.mu.Lock()
	tx := l.servers[serverKeyOf(ack, sip.INVITE)]
	l.mu.Unlock()
	if tx == nil || !tx.acknowledged() {
		l.o.Ack(ack)
	}
}

// acknowledged tells whether an ACK is of our refusal; it then ends the repetitions.
func (tx *Server) acknowledged() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	switch tx.state {
	case completed:
		tx.state, tx.last = confirmed, nil
		if tx.flow.Reliable() {
			tx.terminate()
		} else {
			tx.alarm.set(tx.l.o.Clock, tx.l.o.T4, tx.fire) // timer I
		}
	case confirmed:
	default:
		return false
	}
	return true
}

// repeated takes a retransmission of the request.
func (tx *Server) repeated() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.last != nil && (tx.state == proceeding || tx.state == completed) {
		_ = tx.flow.Send(tx.last) // lost like any other; the next retransmission brings it again
	}
}

// cancelled takes a CANCEL that has the branch of this INVITE. false: it is left to who serves requests.
func (tx *Server) cancelled(req *sip.Request, own *Server) bool {
	tx.mu.Lock()
	if tx.state != proceeding {
		tx.mu.Unlock()
		own.matched = true // too late, and rightly so answered
		return false
	}
	if !sameCall(req, tx.req) || tx.cancel != nil {
		tx.mu.Unlock()
		return false
	}
	own.matched = true
	f := tx.watch.Cancel
	if f == nil {
		tx.cancel = &cancellation{req, own}
	}
	tx.mu.Unlock()
	if f != nil && !tx.l.o.Go(func() { f(req, own) }) {
		own.Terminate()
	}
	return true
}

// sameCall makes sure that a CANCEL is of an INVITE by more than its branch (RFC 3261 section 9.2).
func sameCall(cancel, invite *sip.Request) bool {
	a, _ := cancel.From().Params.Get("tag")
	b, _ := invite.From().Params.Get("tag")
	return a == b && cancel.CallID().Value() == invite.CallID().Value() && cancel.CSeq().SeqNo == invite.CSeq().SeqNo
}

// Matched tells of a CANCEL whether there is the INVITE that it means, which it may come too late for.
func (tx *Server) Matched() bool { return tx.matched }

// Watch says who is told of the end of an INVITE before its final response. A CANCEL that was here before is handed
// over now. false: it is over already, by the end of its connection or of the layer.
func (tx *Server) Watch(w Watcher) bool {
	tx.mu.Lock()
	if tx.state == terminated {
		tx.mu.Unlock()
		return false
	}
	c := tx.cancel
	if tx.state == proceeding {
		tx.watch = w
	}
	tx.cancel = nil
	tx.mu.Unlock()
	if c != nil && !tx.l.o.Go(func() { w.Cancel(c.req, c.tx) }) {
		c.tx.Terminate()
	}
	return true
}

// Respond sends a response. A final one other than the 2xx of an INVITE is repeated as the request is, and until the
// ACK. The 2xx of an INVITE is sent once; Accept repeats it.
func (tx *Server) Respond(res *sip.Response) error { return tx.respond(res, nil) }

// Refuse sends a final response and forgets the request: each retransmission is served afresh (RFC 3261 section 8.2.7).
func (tx *Server) Refuse(res *sip.Response) error {
	b := transport.Encode(res)
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != proceeding {
		return ErrFinal
	}
	tx.terminate()
	return tx.flow.Send(b)
}

// Accept sends the 2xx of an INVITE, and again after T1, 2*T1, … up to every T2, over any transport (RFC 3261 section
// 13.3.1.4), until Acked is called. After 64*T1 without that, noAck is called, which must not block.
func (tx *Server) Accept(res *sip.Response, noAck func()) error { return tx.respond(res, noAck) }

// Acked ends the repetitions of Accept.
func (tx *Server) Acked() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state == accepted && tx.last != nil {
		tx.last, tx.noAck = nil, nil
		tx.alarm.set(tx.l.o.Clock, 64*tx.l.o.T1, tx.fire) // timer L
	}
}

func (tx *Server) respond(res *sip.Response, noAck func()) error {
	b := transport.Encode(res)
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != proceeding {
		return ErrFinal
	}
	if err := tx.flow.Send(b); err != nil {
		if !res.IsProvisional() {
			tx.terminate()
		}
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	t, reliable := &tx.l.o, tx.flow.Reliable()
	if res.IsProvisional() {
		tx.last = b
		if tx.invite {
			tx.alarm.stop()
		}
		return nil
	}
	wait := 64 * t.T1 // timers J, L
	late := tx.cancel
	tx.req, tx.cancel, tx.watch = nil, nil, Watcher{}
	switch {
	case !tx.invite:
		tx.state, tx.last = completed, b
		if reliable {
			wait = 0
		}
	case res.IsSuccess():
		tx.state, tx.last = accepted, nil
		if noAck != nil {
			tx.last, tx.noAck = b, noAck
			tx.again = repetition{t.T1, 0, wait}
			wait = t.T1
		}
	default:
		tx.state, tx.last = completed, b
		if !reliable {
			tx.again = repetition{t.T1, 0, wait} // timers G, H
			wait = t.T1
		}
	}
	if wait == 0 {
		tx.terminate()
	} else {
		tx.alarm.set(t.Clock, wait, tx.fire)
	}
	if late != nil && !t.Go(func() { t.Request(late.req, late.tx) }) {
		t.Go(late.tx.Terminate)
	}
	return nil
}

// Terminate forgets the request without a response.
func (tx *Server) Terminate() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.terminate()
}

// terminate leaves nothing but the state. The lock is held.
func (tx *Server) terminate() {
	if tx.state == terminated {
		return
	}
	tx.state, tx.last, tx.req, tx.watch, tx.noAck = terminated, nil, nil, Watcher{}, nil
	tx.alarm.stop()
	l := tx.l
	l.mu.Lock()
	if l.servers[tx.key] == tx {
		delete(l.servers, tx.key)
	}
	l.detach(tx.flow, tx)
	l.mu.Unlock()
	if c := tx.cancel; c != nil {
		tx.cancel = nil
		l.o.Go(func() { l.o.Request(c.req, c.tx) })
	}
}

// lost ends what waited for its response, or for an ACK, by a connection that is gone. A 2xx that was sent has its ACK
// awaited: it may come by another.
func (tx *Server) lost() {
	tx.mu.Lock()
	f := tx.watch.Lost
	if tx.state == accepted {
		tx.mu.Unlock()
		return
	}
	if tx.state != proceeding {
		f = nil
	}
	tx.terminate()
	tx.mu.Unlock()
	if f != nil {
		f()
	}
}

// fire is what the timer does.
func (tx *Server) fire() {
	l := tx.l
	defer l.o.Recover("the timer of a server transaction")
	tx.mu.Lock()
	if !tx.alarm.rings(l.o.Clock) {
		tx.mu.Unlock()
		return
	}
	if tx.state == proceeding && tx.invite {
		if tx.last == nil {
			tx.last = trying100(tx.req)
			_ = tx.flow.Send(tx.last) // the caller sends its INVITE again if it is lost
		}
		tx.mu.Unlock()
		return
	}
	if tx.invite && tx.last != nil && tx.again.limit > 0 {
		if wait, ok := tx.again.next(0, l.o.T2); ok {
			_ = tx.flow.Send(tx.last) // as good as lost
			tx.alarm.set(l.o.Clock, wait, tx.fire)
			tx.mu.Unlock()
			return
		}
	}
	noAck := tx.noAck
	tx.terminate()
	tx.mu.Unlock()
	if noAck != nil {
		noAck()
	}
}

// trying100 makes the 100 of an INVITE.
func trying100(req *sip.Request) []byte {
	var b bytes.Buffer
	b.WriteString("SIP/2.0 100 Trying\r\n")
	for _, h := range req.Headers() {
		switch h.(type) {
		case *sip.ViaHeader, *sip.FromHeader, *sip.ToHeader, *sip.CallIDHeader, *sip.CSeqHeader:
		default:
			if h.Name() != "Timestamp" {
				continue
			}
		}
		h.StringWrite(&b)
		b.WriteString("\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}
