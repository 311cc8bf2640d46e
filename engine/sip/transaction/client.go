package transaction

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transport"
)

// Client is the transaction of a request that we send. Its methods may be called from any goroutine.
type Client struct {
	l    *Layer
	key  clientKey
	flow transport.Flow
	to   Listener

	mu        sync.Mutex
	state     state
	heard     bool   // there was a provisional response
	cancelled bool   // GiveUp was called
	sent      []byte // the request, then the ACK of a refusal
	alarm     alarm
	again     repetition
}

// Listener is told what comes of a request. Its functions must not block.
type Listener struct {
	// Response gets each response, in the order in which they came: to an INVITE also each further 2xx, and repetitions
	// of them, as the dialogs have to acknowledge them.
	Response func(res *sip.Response)
	// Ended is called instead of a final response: with ErrTimeout, ErrTransport or ErrClosed.
	Ended func(err error)
}

// Request sends a request other than ACK. patience is how long it goes unanswered before it ends, in all or, of an
// INVITE, until its first response; 0: 64*T1 (timers B and F). An error means that to will hear nothing.
func (l *Layer) Request(req *sip.Request, flow transport.Flow, patience time.Duration, to Listener) (*Client, error) {
	if patience <= 0 {
		patience = 64 * l.o.T1
	}
	tx := &Client{l: l, key: clientKeyOf(req.Via(), req.CSeq()), flow: flow, to: to, sent: transport.Encode(req)}
	tx.again = repetition{patience, 0, patience}
	if !flow.Reliable() {
		tx.again.interval = l.o.T1 // timers A, E
	}
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return nil, ErrClosed
	case len(l.servers)+len(l.clients) >= l.o.Max || l.clients[tx.key] != nil:
		l.mu.Unlock()
		return nil, ErrFull
	}
	l.clients[tx.key] = tx
	l.attach(flow, tx)
	l.mu.Unlock()
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := flow.Send(tx.sent); err != nil {
		tx.terminate()
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	if tx.state == proceeding {
		tx.alarm.set(l.o.Clock, tx.again.interval, tx.fire)
	}
	return tx, nil
}

func (tx *Client) invite() bool { return tx.key.method == sip.INVITE }

func (l *Layer) receiveResponse(res *sip.Response) {
	key := clientKeyOf(res.Via(), res.CSeq())
	l.mu.Lock()
	tx := l.clients[key]
	l.mu.Unlock()
	if tx == nil {
		l.o.Stray(res)
		return
	}
	if f := tx.receive(res); f != nil {
		f(res)
	}
}

// receive takes a response, and gives who is to have it.
func (tx *Client) receive(res *sip.Response) func(*sip.Response) {
	t := &tx.l.o
	tx.mu.Lock()
	defer tx.mu.Unlock()
	up := tx.to.Response
	switch {
	case tx.state == completed && res.StatusCode >= 300:
		_ = tx.flow.Send(tx.sent) // the ACK; the refusal comes again if it is lost
		return nil
	case tx.state == accepted && res.IsSuccess():
		return up
	case tx.state != proceeding:
		return nil
	case res.IsProvisional():
		tx.heard = true
		if tx.invite() && !tx.cancelled {
			tx.alarm.stop()
		}
	case !tx.invite():
		// Completed, for timer K, only absorbs repetitions: so does having no transaction.
		tx.terminate()
	case res.IsSuccess():
		tx.state, tx.sent, tx.to.Ended = accepted, nil, nil
		tx.alarm.set(t.Clock, 64*t.T1, tx.fire) // timer M
	default:
		tx.state, tx.sent, tx.to = completed, ackOf(tx.sent, res), Listener{}
		_ = tx.flow.Send(tx.sent) // likewise
		if tx.flow.Reliable() {
			tx.terminate()
		} else {
			tx.alarm.set(t.Clock, 64*t.T1, tx.fire) // timer D: "at least 32 s", 64*T1 of the usual T1
		}
	}
	return up
}

// GiveUp has an INVITE that was cancelled end with ErrTimeout after 64*T1 without a final response (RFC 3261 section
// 9.1).
func (tx *Client) GiveUp() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state == proceeding && !tx.cancelled {
		tx.cancelled = true
		tx.alarm.set(tx.l.o.Clock, 64*tx.l.o.T1, tx.fire)
	}
}

// Terminate forgets the request. The listener hears nothing more.
func (tx *Client) Terminate() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.terminate()
}

// terminate leaves nothing but the state. The lock is held.
func (tx *Client) terminate() {
	if tx.state == terminated {
		return
	}
	tx.state, tx.sent, tx.to = terminated, nil, Listener{}
	tx.alarm.stop()
	tx.l.mu.Lock()
	if tx.l.clients[tx.key] == tx {
		delete(tx.l.clients, tx.key)
	}
	tx.l.detach(tx.flow, tx)
	tx.l.mu.Unlock()
}

// end is the end without a final response; after one, it only forgets.
func (tx *Client) end(err error) {
	tx.mu.Lock()
	f := tx.to.Ended
	tx.terminate()
	tx.mu.Unlock()
	if f != nil {
		f(err)
	}
}

// lost ends what waited for its response by a connection that is gone. A 2xx may come again by another.
func (tx *Client) lost() {
	tx.mu.Lock()
	over := tx.state == accepted
	tx.mu.Unlock()
	if !over {
		tx.end(ErrTransport)
	}
}

// fire is what the timer does.
func (tx *Client) fire() {
	l := tx.l
	defer l.o.Recover("the timer of a client transaction")
	tx.mu.Lock()
	if !tx.alarm.rings(l.o.Clock) {
		tx.mu.Unlock()
		return
	}
	if tx.state == proceeding && !tx.cancelled && !tx.flow.Reliable() {
		least, most := time.Duration(0), l.o.T2
		switch {
		case tx.invite():
			most = tx.again.limit // timer A has no bound
		case tx.heard:
			least = l.o.T2
		}
		if wait, ok := tx.again.next(least, most); ok {
			_ = tx.flow.Send(tx.sent) // as good as lost
			tx.alarm.set(l.o.Clock, wait, tx.fire)
			tx.mu.Unlock()
			return
		}
	}
	tx.mu.Unlock()
	tx.end(ErrTimeout)
}

// ackOf makes the ACK of a refusal from the INVITE as it was sent: same Request-URI, Via, Route, From, Call-ID and
// number, the response's To (RFC 3261 section 17.1.1.3).
func ackOf(invite []byte, res *sip.Response) []byte {
	var b bytes.Buffer
	head, _, _ := bytes.Cut(invite, []byte("\r\n\r\n"))
	first, rest, _ := bytes.Cut(head, []byte("\r\n"))
	b.WriteString("ACK")
	b.Write(bytes.TrimPrefix(first, []byte("INVITE")))
	b.WriteString("\r\n")
	for line := range bytes.SplitSeq(rest, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "Via", "Route", "From", "Call-ID", "Max-Forwards":
			b.Write(line)
		case "To":
			res.To().StringWrite(&b)
		case "CSeq":
			b.Write(bytes.TrimSuffix(line, []byte("INVITE")))
			b.WriteString("ACK")
		default:
			continue
		}
		b.WriteString("\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}
