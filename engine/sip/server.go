package sip

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/routes"
	"github.com/belfry-pbx/belfry/engine/sip/resolve"
)

// Server is the exchange's SIP side. Its methods may be called from any goroutine.
type Server struct {
	o      Options
	clock  clock.Clock
	log    *slog.Logger
	timers Timers
	count  *metrics

	udp []net.PacketConn
	tcp []net.Listener
	tpl *sip.TransportLayer
	txl *sip.TransactionLayer

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

	ready   chan struct{}   // closed once Run serves: before, sipgo would not send from our sockets
	ctx     context.Context // ends when Run ends
	cancel  context.CancelCauseFunc
	work    workers
	leaving goodbyes

	mu      sync.Mutex
	dialogs map[dialogID]*Leg
	invites map[string]*Leg          // INVITE server transactions without final response, by sipgo's key
	open    map[inviteID]*Leg        // the same legs, to tell a merged request
	clients map[string]*inviteClient // INVITEs of ours, by branch
	guests  map[string]int           // legs of guests by source address
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
		dialogs: make(map[dialogID]*Leg), invites: make(map[string]*Leg), open: make(map[inviteID]*Leg), guests: make(map[string]int),
		clients: make(map[string]*inviteClient),
	}
	s.routes = routes.New(s.clock)
	s.ready = make(chan struct{})
	rand.Read(s.tagKey[:])
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	var err error
	if s.count, err = newMetrics(o.Metrics, s); err != nil {
		return nil, err
	}
	if err := s.listen(s.ctx); err != nil {
		s.closeSockets()
		return nil, err
	}
	s.own = s.ownHosts()
	if err := s.newAuthenticator(); err != nil {
		s.closeSockets()
		return nil, err
	}
	if s.dns, err = resolve.New(resolve.Options{Servers: o.DNS, Clock: s.clock}); err != nil {
		s.closeSockets()
		return nil, fmt.Errorf("sip: making the resolver: %w", err)
	}
	s.reg = newRegistration(s)
	s.subs.init()
	s.trunks.init(s)
	s.stack()
	s.SetTrunks(o.Trunks)
	return s, nil
}

// connectTimeout is how long a TCP connection may take to come about before the next server is tried.
const connectTimeout = 4 * time.Second

// sipgoOnce guards the settings that sipgo keeps in package variables.
var sipgoOnce sync.Once

// stack puts sipgo together: transport and transaction layer, with our hook in front of the latter.
func (s *Server) stack() {
	sipgoOnce.Do(func() {
		sip.SetTimers(s.timers.T1, s.timers.T2, s.timers.T4)
		sip.Timer_D = 64 * s.timers.T1 // RFC 3261 says "at least 32 s", which is 64*T1 of the default T1
		// Above its MTU sipgo refuses to send, responses too. IP fragments; who can take TCP gets TCP (see flow.go).
		sip.UDPMTUSize = 65535
		sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	})
	// sipgo logs what strangers send, at any level they like.
	quiet := slog.New(slog.DiscardHandler)
	s.tpl = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil,
		sip.WithTransportLayerLogger(quiet),
		sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: &sip.TransportTCP{
			WriteTimeout: 10 * time.Second,
			DialerCreate: func(net.Addr) net.Dialer { return net.Dialer{Timeout: connectTimeout} },
		}}))
	// Handlers run in the order in which they are added: ours sees a message before the transaction layer does,
	// in the goroutine that read it.
	s.tpl.OnMessage(s.received)
	s.txl = sip.NewTransactionLayer(s.tpl, sip.WithTransactionLayerLogger(quiet),
		sip.WithTransactionLayerTerminateOnConnClose(),
		sip.WithTransactionLayerUnhandledResponseHandler(s.strayResponse))
	s.txl.OnRequest(s.handle)
}

// Run serves until ctx ends, then hangs up what is left, takes back its registrations at trunks, writes what is unwritten
// and closes the sockets. What the methods of a Server send before Run began waits until it has.
func (s *Server) Run(ctx context.Context) error {
	if err := s.reg.load(ctx); err != nil {
		s.Close()
		return err
	}
	for _, c := range s.udp {
		serving := make(chan struct{})
		s.work.Go(func() { s.serveUDP(c, serving) })
		<-serving
	}
	for _, l := range s.tcp {
		s.work.Go(func() {
			if err := s.tpl.ServeTCP(l); s.ctx.Err() == nil {
				s.log.Error("serving TCP", "addr", l.Addr(), "err", err)
			}
		})
	}
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
	s.closeSockets()
	s.txl.Close()
	s.work.wait()
	if err := s.tpl.Close(); err != nil {
		s.log.Debug("closing the transports", "err", err) // some of their sockets were ours, and are closed already
	}
	return s.reg.flush()
}

// Drain refuses new calls with 503 from now on. Calls under way and registrations go on.
func (s *Server) Drain() { s.draining.Store(true) }

// workers are the goroutines of a Server.
type workers struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// Go runs f, unless the server is already closed.
func (w *workers) Go(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.wg.Go(f)
	return true
}

func (w *workers) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
}

func (w *workers) wait() { w.wg.Wait() }

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

// received sees each message in the goroutine that read it, before any transaction does. What is done here can race
// with nothing, which is why the To tag of an INVITE is set here: sipgo's own 100 and 487 copy it.
func (s *Server) received(m sip.Message) {
	defer s.recover("a received message")
	if res, ok := m.(*sip.Response); ok {
		s.observe(res)
		return
	}
	req, ok := m.(*sip.Request)
	if !ok {
		return
	}
	req.SetDestination("")
	via := req.Via()
	if via == nil {
		return
	}
	if src := source(req); src.IsValid() && !via.Params.Has("rport") && strings.Trim(via.Host, "[]") != src.Addr().String() {
		via.Params.Add("received", src.Addr().String()) // RFC 3261 section 18.2.1
	}
	switch {
	case req.IsInvite():
		if to := req.To(); to != nil && tagOf(to.Params) == "" {
			tag := s.tagFor(req)
			to.Params.Add("tag", tag)
			req.SetDestination(tag) // the mark of a new INVITE; sipgo does not use Destination of what it received
		}
	case req.IsCancel():
		s.guardCancel(req, via)
	}
}

// newInvite tells whether an INVITE came without To tag, and gives the one it has from us.
func newInvite(req *sip.Request) (tag string, ok bool) {
	tag = req.MessageData.Destination()
	return tag, tag != ""
}

// tagFor makes our To tag of an INVITE: the same for each retransmission, so that refusals need no state (RFC 3261
// section 8.2.7), and not to be guessed.
func (s *Server) tagFor(req *sip.Request) string {
	h := hmac.New(sha256.New, s.tagKey[:])
	if id := req.CallID(); id != nil {
		io.WriteString(h, id.Value())
	}
	h.Write([]byte{0})
	if f := req.From(); f != nil {
		io.WriteString(h, tagOf(f.Params))
	}
	h.Write([]byte{0})
	if v := req.Via(); v != nil {
		branch, _ := v.Params.Get("branch")
		io.WriteString(h, branch)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// strayResponse gets responses whose transaction is gone. A 2xx to an INVITE must be acknowledged each time it comes
// (RFC 3261 section 13.2.2.4), also after that.
func (s *Server) strayResponse(res *sip.Response) {
	defer s.recover("a stray response")
	cseq := res.CSeq()
	if cseq == nil || cseq.MethodName != sip.INVITE || !res.IsSuccess() {
		return
	}
	if id, ok := clientDialogID(res); ok {
		if l := s.leg(id); l != nil {
			l.sendAck(cseq.SeqNo)
		}
	}
}
