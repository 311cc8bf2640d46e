package sip

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/routes"
	"github.com/belfry-pbx/belfry/engine/sip/resolve"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
	"github.com/belfry-pbx/belfry/engine/sip/transport"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// Server is the exchange's SIP side. Its methods may be called from any goroutine.
type Server struct {
	o      Options
	clock  clock.Clock
	log    *slog.Logger
	timers Timers
	count  *metrics

	transports   *transport.Layer
	transactions *transaction.Layer

	tagKey   [32]byte
	own      map[string]bool
	draining atomic.Bool
	auth     authenticator
	suspects *suspects
	dns      *resolve.Resolver
	routes   *routes.Table
	reg      *registration
	trunks   trunkTable
	subs     subscriptions

	ready   chan struct{}   // closed once Run reads the sockets
	ctx     context.Context // ends when Run ends
	cancel  context.CancelCauseFunc
	work    work
	leaving goodbyes

	mu      sync.Mutex
	dialogs map[dialogID]*Leg
	open    map[inviteID]*Leg          // INVITEs without final response
	clients map[*inviteClient]struct{} // our INVITEs without final response
	guests  map[string]int             // legs of guests by source address
	legs    int
}

// New makes a Server and binds its sockets. It serves when Run is called.
func New(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.SessionExpires == 0 {
		o.SessionExpires = 30 * time.Minute
	}
	if o.MaxLegs <= 0 {
		o.MaxLegs = 20000
	}
	if o.MaxGuestLegs <= 0 {
		o.MaxGuestLegs = 8
	}
	if o.MaxBindings <= 0 {
		o.MaxBindings = 10
	}
	if strings.ContainsAny(o.UserAgent+o.Realm+o.Advertise, "\r\n\x00\"") {
		return nil, fmt.Errorf("sip: %w: user agent, realm or advertised host", ErrInvalid)
	}
	s := &Server{
		o: o, clock: o.Clock, log: o.Log, timers: o.Timers.orDefault(),
		dialogs: make(map[dialogID]*Leg), open: make(map[inviteID]*Leg), guests: make(map[string]int),
		clients: make(map[*inviteClient]struct{}),
	}
	s.routes = routes.New(s.clock)
	s.ready = make(chan struct{})
	rand.Read(s.tagKey[:])
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	var err error
	if s.count, err = newMetrics(o.Metrics, s); err != nil {
		return nil, err
	}
	s.stack()
	if err := s.listen(s.ctx); err != nil {
		s.transports.Close()
		return nil, err
	}
	s.own = s.ownHosts()
	if err := s.newAuthenticator(); err != nil {
		s.transports.Close()
		return nil, err
	}
	if s.dns, err = resolve.New(resolve.Options{Servers: o.DNS, Clock: s.clock}); err != nil {
		s.transports.Close()
		return nil, fmt.Errorf("sip: making the resolver: %w", err)
	}
	s.reg = newRegistration(s)
	s.subs.init()
	s.trunks.init(s)
	s.SetTrunks(o.Trunks)
	return s, nil
}

// stack puts transports and transactions together.
func (s *Server) stack() {
	s.transactions = transaction.New(transaction.Options{
		Clock: s.clock, T1: s.timers.T1, T2: s.timers.T2, T4: s.timers.T4,
		Request: s.handle, Ack: s.gotAck, Stray: s.strayResponse, Go: s.work.Go, Recover: s.recover,
		Dropped: func() { s.count.dropped.WithLabelValues("too many transactions").Inc() },
	})
	o := transport.Options{
		Wire: s.wireOptions(), Log: s.log, Received: s.transactions.Receive, Ended: s.transactions.Lost, Recover: s.recover,
	}
	if s.o.Trace != nil {
		o.Trace = s.trace
	}
	s.transports = transport.New(o)
}

// Run serves until ctx ends, then hangs up what is left, takes back its registrations at trunks, writes what is unwritten
// and closes the sockets. What the methods of a Server send before Run began waits until it has.
func (s *Server) Run(ctx context.Context) error {
	if err := s.reg.load(ctx); err != nil {
		s.Close()
		return err
	}
	s.transports.Serve()
	s.work.Go(s.reg.writeBehind)
	close(s.ready)
	s.trunks.start()
	select {
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	s.sayGoodbye()
	return s.Close()
}

// Close releases the sockets of a Server; Run does so by itself.
func (s *Server) Close() error {
	s.cancel(ErrClosed)
	s.work.close()
	s.transactions.Close()
	s.transports.Close()
	s.work.wait()
	return s.reg.flush()
}

// Drain refuses new calls with 503 from now on. Calls under way and registrations go on.
func (s *Server) Drain() { s.draining.Store(true) }

// work is the goroutines of a Server.
type work struct {
	mu     sync.Mutex
	closed bool
	pool   workers.Pool
}

// Go runs f, unless the server is already closed.
func (w *work) Go(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.pool.Go(f)
	return true
}

// close lets nothing new begin.
func (w *work) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

func (w *work) wait() { w.pool.Close() }

// spawn runs f in a goroutine of the server, behind a recover boundary.
func (s *Server) spawn(what string, f func()) bool {
	return s.work.Go(func() {
		defer s.recover(what)
		f()
	})
}

func (s *Server) recover(what string) {
	if r := recover(); r != nil {
		s.count.panics.Inc()
		s.log.Error("panic", "in", what, "panic", r, "stack", string(debug.Stack()))
	}
}

// tagFor makes our To tag of a request: the same for each retransmission, so that refusals need no state (RFC 3261
// section 8.2.7), and not to be guessed.
func (s *Server) tagFor(req *sip.Request) string {
	branch, _ := req.Via().Params.Get("branch")
	b := append(make([]byte, 0, 512), s.tagKey[:]...)
	for _, v := range [...]string{req.CallID().Value(), tagOf(req.From().Params), branch} {
		b = append(b, v...)
		b = append(b, 0)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// strayResponse gets responses whose transaction is gone. A 2xx to an INVITE must be acknowledged each time it comes
// (RFC 3261 section 13.2.2.4), also after that.
func (s *Server) strayResponse(res *sip.Response) {
	if res.CSeq().MethodName != sip.INVITE || !res.IsSuccess() {
		return
	}
	if id, ok := clientDialogID(res); ok {
		if l := s.leg(id); l != nil {
			s.spawn("ACK", func() { l.ackAgain(res.CSeq().SeqNo) })
		}
	}
}
