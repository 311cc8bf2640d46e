// Package transaction is the transactions of RFC 3261 section 17, with the Accepted state of RFC 6026: it tells a
// retransmission from a new message, repeats what may have been lost, and gives up when nothing comes back.
//
// A transaction keeps the bytes it may have to repeat and one timer, no goroutine and, once it has its final response,
// no message. What it hands up comes in the order in which it was read.
package transaction

import (
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/transport"
)

// Errors of transactions.
var (
	ErrTimeout   = errors.New("no response in time")
	ErrTransport = errors.New("the connection ended")
	ErrClosed    = errors.New("the transactions are closed")
	ErrFinal     = errors.New("the request has its final response")
	ErrFull      = errors.New("too many transactions")
)

// trying is how long an INVITE may go without a response before it gets a 100 (RFC 3261 section 17.2.1).
const trying = 200 * time.Millisecond

// defaultMax is the most transactions where Options.Max is 0: half a minute of a thousand calls a second.
const defaultMax = 1 << 17

// Options are what a Layer is made of. All functions but Go and Recover are required.
type Options struct {
	Clock      clock.Clock
	T1, T2, T4 time.Duration
	Max        int // transactions at once, of either kind; 0: 131,072

	// Request serves a new request other than ACK, in a goroutine of its own. It must have a response, or be terminated.
	Request func(req *sip.Request, tx *Server)
	// Ack gets each ACK that is not of a refusal. It must not block.
	Ack func(ack *sip.Request)
	// Stray gets each response that no transaction waits for. It must not block.
	Stray func(res *sip.Response)
	// Dropped is told that a request was dropped because there were Max transactions.
	Dropped func()
	// Go runs f in another goroutine; false: not any more. nil: go f().
	Go func(f func()) bool
	// Recover is deferred around what a timer calls; nil: panics are not caught.
	Recover func(what string)
}

// Layer is the transactions of one server. Its methods may be called from any goroutine.
type Layer struct {
	o Options

	mu      sync.Mutex
	closed  bool
	servers map[serverKey]*Server
	clients map[clientKey]*Client
	flows   map[transport.Flow]map[interrupted]struct{} // what ends with a connection
}

// interrupted is a transaction whose connection ended.
type interrupted interface{ lost() }

// New makes a Layer.
func New(o Options) *Layer {
	if o.Max <= 0 {
		o.Max = defaultMax
	}
	if o.Go == nil {
		o.Go = func(f func()) bool { go f(); return true }
	}
	if o.Recover == nil {
		o.Recover = func(string) {}
	}
	return &Layer{
		o: o, servers: make(map[serverKey]*Server), clients: make(map[clientKey]*Client),
		flows: make(map[transport.Flow]map[interrupted]struct{}),
	}
}

// Receive takes a message from the transports; from is the way back for the responses to a request. It does not block.
func (l *Layer) Receive(m sip.Message, from transport.Flow) {
	switch m := m.(type) {
	case *sip.Request:
		if m.IsAck() {
			l.receiveAck(m)
		} else {
			l.receiveRequest(m, from)
		}
	case *sip.Response:
		l.receiveResponse(m)
	}
}

// Lost ends what can have no end any more because its connection has ended.
func (l *Layer) Lost(f transport.Flow) {
	l.mu.Lock()
	all := l.flows[f]
	delete(l.flows, f)
	l.mu.Unlock()
	for tx := range all {
		tx.lost()
	}
}

// Len is how many transactions there are.
func (l *Layer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.servers) + len(l.clients)
}

// Close ends all transactions, and has new ones refused.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closed = true
	servers := make([]*Server, 0, len(l.servers))
	for _, tx := range l.servers {
		servers = append(servers, tx)
	}
	clients := make([]*Client, 0, len(l.clients))
	for _, tx := range l.clients {
		clients = append(clients, tx)
	}
	l.mu.Unlock()
	for _, tx := range servers {
		tx.Terminate()
	}
	for _, tx := range clients {
		tx.end(ErrClosed)
	}
}

// attach has lost called when a reliable flow ends. The layer's lock is held.
func (l *Layer) attach(f transport.Flow, tx interrupted) {
	if !f.Reliable() {
		return
	}
	if l.flows[f] == nil {
		l.flows[f] = make(map[interrupted]struct{})
	}
	l.flows[f][tx] = struct{}{}
}

// detach undoes attach. The layer's lock is held.
func (l *Layer) detach(f transport.Flow, tx interrupted) {
	if all := l.flows[f]; all != nil {
		if delete(all, tx); len(all) == 0 {
			delete(l.flows, f)
		}
	}
}

// alarm is a transaction's one timer.
type alarm struct {
	timer clock.Timer
	due   time.Time // zero: not set
}

func (a *alarm) set(c clock.Clock, d time.Duration, f func()) {
	a.due = c.Now().Add(d)
	if a.timer == nil {
		a.timer = c.AfterFunc(d, f)
		return
	}
	a.timer.Reset(d)
}

func (a *alarm) stop() {
	a.due = time.Time{}
	if a.timer != nil {
		a.timer.Stop()
	}
}

// rings tells whether the time has come; no: the timer fired while it was being stopped or set anew.
func (a *alarm) rings(c clock.Clock) bool {
	if a.due.IsZero() || c.Now().Before(a.due) {
		return false
	}
	a.due = time.Time{}
	return true
}

// repetition counts the time of what is sent again after T1, 2*T1, 4*T1 …
type repetition struct{ interval, waited, limit time.Duration }

// next gives the wait until the next repetition, between least and most; false: limit is reached.
func (r *repetition) next(least, most time.Duration) (time.Duration, bool) {
	r.waited += r.interval
	if r.waited >= r.limit {
		return 0, false
	}
	r.interval = min(max(2*r.interval, least), most, r.limit-r.waited)
	return r.interval, true
}
