package transaction

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
	t4 = 5 * time.Second
)

// network is a flow that keeps what is sent.
type network struct {
	reliable bool
	broken   error
	sent     chan string
}

func (n *network) Reliable() bool { return n.reliable }

func (n *network) Send(b []byte) error {
	if n.broken != nil {
		return n.broken
	}
	n.sent <- string(b)
	return nil
}

// bench is a layer on a fake clock, and what it hands up.
type bench struct {
	t     *testing.T
	l     *Layer
	clock *clock.Fake
	net   *network

	requests chan served
	acks     chan *sip.Request
	stray    chan *sip.Response
	dropped  int
}

type served struct {
	req *sip.Request
	tx  *Server
}

func newBench(t *testing.T, edit func(*Options)) *bench {
	b := &bench{
		t: t, clock: clock.NewFake(time.Unix(0, 0)), net: &network{sent: make(chan string, 1000)},
		requests: make(chan served, 1000), acks: make(chan *sip.Request, 1000), stray: make(chan *sip.Response, 1000),
	}
	o := Options{
		Clock: b.clock, T1: t1, T2: t2, T4: t4,
		Request: func(req *sip.Request, tx *Server) { b.requests <- served{req, tx} },
		Ack:     func(ack *sip.Request) { b.acks <- ack },
		Stray:   func(res *sip.Response) { b.stray <- res },
		Dropped: func() { b.dropped++ },
	}
	if edit != nil {
		edit(&o)
	}
	b.l = New(o)
	t.Cleanup(b.l.Close)
	return b
}

func parse(t *testing.T, raw string) sip.Message {
	t.Helper()
	m, err := sip.NewParser().ParseSIP([]byte(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return m
}

// request is one of call 1 unless extra says otherwise.
func request(method, branch string) string {
	return method + " sip:2000@exchange SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch + "\r\nMax-Forwards: 70\r\n" +
		"From: <sip:1000@exchange>;tag=a\r\nTo: <sip:2000@exchange>\r\nCall-ID: 1@phone\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n"
}

func (b *bench) receive(raw string) {
	b.t.Helper()
	b.l.Receive(parse(b.t, raw), b.net)
}

// serve hands in a request and gives its transaction.
func (b *bench) serve(raw string) served {
	b.t.Helper()
	b.receive(raw)
	select {
	case s := <-b.requests:
		return s
	case <-time.After(10 * time.Second):
		b.t.Fatal("the request was not served")
		return served{}
	}
}

func response(req *sip.Request, code int) *sip.Response {
	return sip.NewResponseFromRequest(req, code, "X", nil)
}

func (s served) respond(t *testing.T, code int) {
	t.Helper()
	if err := s.tx.Respond(response(s.req, code)); err != nil {
		t.Fatal(err)
	}
}

// sends waits for a message that begins so.
func (b *bench) sends(start string) string {
	b.t.Helper()
	select {
	case m := <-b.net.sent:
		if !strings.HasPrefix(m, start) {
			b.t.Fatalf("sent\n%s\ninstead of %s", m, start)
		}
		return m
	case <-time.After(10 * time.Second):
		b.t.Fatalf("no %s was sent", start)
		return ""
	}
}

func (b *bench) silent() {
	b.t.Helper()
	select {
	case m := <-b.net.sent:
		b.t.Fatalf("sent\n%s", m)
	default:
	}
}

// pass lets time pass until the timers that are due have run.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.clock.Advance(d)
}

// repeats checks that a message comes again after these waits, and not before.
func (b *bench) repeats(start string, waits ...time.Duration) {
	b.t.Helper()
	for _, w := range waits {
		b.clock.BlockUntil(1)
		b.pass(w - time.Millisecond)
		b.silent()
		b.pass(time.Millisecond)
		b.sends(start)
	}
}

func (b *bench) eventually(what string, f func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never: %s", what)
		}
	}
}

func (b *bench) gone() {
	b.t.Helper()
	b.eventually("no transaction is left", func() bool { return b.l.Len() == 0 })
	b.l.mu.Lock()
	defer b.l.mu.Unlock()
	if len(b.l.flows) != 0 {
		b.t.Error("a flow is remembered")
	}
}

func TestTryingAfter200Milliseconds(t *testing.T) {
	b := newBench(t, nil)
	b.serve(request("INVITE", "z9hG4bK1"))
	b.receive(request("INVITE", "z9hG4bK1")) // does not put it off
	b.repeats("SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n", trying)
	b.receive(request("INVITE", "z9hG4bK1"))
	b.sends("SIP/2.0 100")
	s := b.serve(request("INVITE", "z9hG4bK2"))
	s.respond(t, 180)
	b.sends("SIP/2.0 180")
	b.pass(trying)
	b.receive(request("INVITE", "z9hG4bK2"))
	b.sends("SIP/2.0 180") // the last one, and no 100
	b.silent()
}

// Timers G and H: a refusal comes again until its ACK, up to every T2, for 64*T1.
func TestRefusalIsRepeated(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("INVITE", "z9hG4bK1"))
	s.respond(t, 486)
	b.sends("SIP/2.0 486")
	b.repeats("SIP/2.0 486", t1, 2*t1, 4*t1, t2, t2, t2, t2, t2, t2, t2)
	if s.tx.Respond(response(s.req, 200)) != ErrFinal {
		t.Error("a second final response was sent")
	}
	b.clock.BlockUntil(1)
	b.pass(64*t1 - 31500*time.Millisecond)
	b.gone()
	b.silent()
}

func TestAckEndsARefusal(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("INVITE", "z9hG4bK1"))
	s.respond(t, 486)
	b.sends("SIP/2.0 486")
	b.receive(request("INVITE", "z9hG4bK1"))
	b.sends("SIP/2.0 486")
	b.receive(request("ACK", "z9hG4bK1"))
	b.receive(request("ACK", "z9hG4bK1"))
	b.receive(request("INVITE", "z9hG4bK1")) // one that was late
	b.pass(t4 - time.Millisecond)            // timer I
	b.silent()
	if b.l.Len() != 1 || len(b.acks) != 0 || len(b.requests) != 0 {
		t.Errorf("%d transactions, %d ACKs, %d requests", b.l.Len(), len(b.acks), len(b.requests))
	}
	b.pass(time.Millisecond)
	b.gone()
}

// RFC 6026: the 2xx is repeated, over TCP too, until its ACK; then retransmissions of the INVITE are absorbed.
func TestAcceptedInvite(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		b := newBench(t, nil)
		b.net.reliable = reliable
		s := b.serve(request("INVITE", "z9hG4bK1"))
		if err := s.tx.Accept(response(s.req, 200), func() { t.Error("noAck was called") }); err != nil {
			t.Fatal(err)
		}
		b.sends("SIP/2.0 200")
		b.repeats("SIP/2.0 200", t1, 2*t1, 4*t1, t2, t2)
		b.l.Lost(b.net) // the ACK may come by another connection
		b.receive(request("ACK", "z9hG4bKack"))
		b.receive(request("ACK", "z9hG4bK1")) // with the INVITE's branch, as some do
		if len(b.acks) != 2 {
			t.Errorf("%d ACKs were handed up", len(b.acks))
		}
		s.tx.Acked()
		b.receive(request("INVITE", "z9hG4bK1"))
		b.pass(64*t1 - time.Millisecond)
		b.silent()
		if len(b.requests) != 0 || b.l.Len() != 1 {
			t.Errorf("%d requests, %d transactions", len(b.requests), b.l.Len())
		}
		b.pass(time.Millisecond) // timer L
		b.gone()
	}
}

func TestAnswerWithoutAck(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("INVITE", "z9hG4bK1"))
	noAck := make(chan struct{})
	if err := s.tx.Accept(response(s.req, 200), func() { close(noAck) }); err != nil {
		t.Fatal(err)
	}
	b.sends("SIP/2.0 200")
	b.repeats("SIP/2.0 200", t1, 2*t1, 4*t1, t2, t2, t2, t2, t2, t2, t2)
	b.clock.BlockUntil(1)
	b.pass(500 * time.Millisecond)
	<-noAck
	b.gone()
}

// Timer J: the response to another request is kept 64*T1 over UDP, and not at all over TCP.
func TestOtherRequestsAreAbsorbed(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("BYE", "z9hG4bK1"))
	b.receive(request("BYE", "z9hG4bK1"))
	b.silent() // nothing to say yet
	s.respond(t, 200)
	b.sends("SIP/2.0 200")
	b.receive(request("BYE", "z9hG4bK1"))
	b.sends("SIP/2.0 200")
	if len(b.requests) != 0 {
		t.Error("the retransmission was served")
	}
	b.serve(strings.Replace(request("BYE", "z9hG4bK1"), "192.0.2.1:5060", "192.0.2.2:5060", 1)) // the same branch of another
	b.pass(64 * t1)
	b.gone() // the unanswered one too: nobody waits any more
	b.net.reliable = true
	s = b.serve(request("BYE", "z9hG4bK1"))
	s.respond(t, 200)
	b.gone()
}

func TestRefusedStrangersLeaveNothing(t *testing.T) {
	b := newBench(t, nil)
	for range 2 {
		s := b.serve(request("INVITE", "z9hG4bK1"))
		if err := s.tx.Refuse(response(s.req, 401)); err != nil {
			t.Fatal(err)
		}
		b.sends("SIP/2.0 401")
		b.gone()
	}
	b.receive(request("ACK", "z9hG4bK1"))
	if len(b.acks) != 1 {
		t.Error("the ACK of a forgotten refusal was not handed up")
	}
	b.pass(time.Minute)
	b.silent()
}

// RFC 2543 had no branch to rely on: other headers tell a retransmission.
func TestOldBranches(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("INVITE", "1"))
	s.respond(t, 486)
	b.sends("SIP/2.0 486")
	b.receive(request("INVITE", "1"))
	b.sends("SIP/2.0 486")
	b.receive(request("ACK", "1"))
	if len(b.acks) != 0 {
		t.Error("the ACK was not taken for the refusal's")
	}
	b.serve(strings.Replace(request("INVITE", "1"), "1@phone", "2@phone", 1))
}

func TestCancel(t *testing.T) {
	b := newBench(t, nil)
	cancels := make(chan served, 10)
	watch := Watcher{Cancel: func(req *sip.Request, tx *Server) { cancels <- served{req, tx} }}
	// Before and after the server knows what to do with it.
	for i, branch := range []string{"z9hG4bK1", "z9hG4bK2"} {
		s := b.serve(request("INVITE", branch))
		if i == 0 {
			b.receive(request("CANCEL", branch))
		}
		if !s.tx.Watch(watch) {
			t.Fatal("the INVITE is over")
		}
		if i == 1 {
			b.receive(request("CANCEL", branch))
		}
		c := <-cancels
		if !c.tx.Matched() {
			t.Error("the CANCEL did not match")
		}
		c.respond(t, 200)
		b.sends("SIP/2.0 200")
		s.respond(t, 487)
		b.sends("SIP/2.0 487")
		b.receive(request("ACK", branch))
	}
}

func TestCancelThatIsTooLateOrForeign(t *testing.T) {
	b := newBench(t, nil)
	b.serve(request("INVITE", "z9hG4bK1"))
	foreign := b.serve(strings.Replace(request("CANCEL", "z9hG4bK1"), "1@phone", "2@phone", 1))
	if foreign.tx.Matched() {
		t.Error("a CANCEL of another call matched")
	}
	foreign.respond(t, 481)
	b.sends("SIP/2.0 481")
	s2 := b.serve(request("INVITE", "z9hG4bK2"))
	s2.respond(t, 486)
	b.sends("SIP/2.0 486")
	if late := b.serve(request("CANCEL", "z9hG4bK2")); !late.tx.Matched() {
		t.Error("a late CANCEL did not match")
	}
	// One that waited while the INVITE was refused is served as a late one.
	b.receive(strings.Replace(request("CANCEL", "z9hG4bK1"), "branch=z9hG4bK1", "branch=z9hG4bK3", 1))
	if c := <-b.requests; c.tx.Matched() {
		t.Error("a CANCEL of nothing matched")
	}
	s3 := b.serve(request("INVITE", "z9hG4bK4"))
	b.receive(request("CANCEL", "z9hG4bK4"))
	s3.respond(t, 401)
	if c := <-b.requests; !c.tx.Matched() || c.req.Method != sip.CANCEL {
		t.Error("the CANCEL got lost")
	}
}

func TestConnectionEndsUnderAnInvite(t *testing.T) {
	b := newBench(t, nil)
	b.net.reliable = true
	s := b.serve(request("INVITE", "z9hG4bK1"))
	lost := make(chan struct{})
	s.tx.Watch(Watcher{Lost: func() { close(lost) }})
	b.serve(request("BYE", "z9hG4bK2"))
	b.l.Lost(b.net)
	<-lost
	b.gone()
	if s.tx.Watch(Watcher{}) {
		t.Error("an INVITE without connection is not over")
	}
}

func TestResponseThatCannotBeSent(t *testing.T) {
	b := newBench(t, nil)
	s := b.serve(request("INVITE", "z9hG4bK1"))
	b.net.broken = fmt.Errorf("no route")
	if err := s.tx.Accept(response(s.req, 200), func() {}); err == nil {
		t.Error("no error")
	}
	b.gone()
}

// sentRequest is a request of ours, and what its listener is told.
type sentRequest struct {
	*Client
	req *sip.Request
	mu  sync.Mutex
	got []int
	err chan error
}

func (b *bench) request(raw string, patience time.Duration) *sentRequest {
	b.t.Helper()
	s := &sentRequest{req: parse(b.t, raw).(*sip.Request), err: make(chan error, 10)}
	tx, err := b.l.Request(s.req, b.net, patience, Listener{
		Response: func(res *sip.Response) {
			s.mu.Lock()
			s.got = append(s.got, res.StatusCode)
			s.mu.Unlock()
		},
		Ended: func(err error) { s.err <- err },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s.Client = tx
	return s
}

func (s *sentRequest) responses() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.got)
}

func (b *bench) answer(s *sentRequest, code int, tag string) {
	b.t.Helper()
	res := response(s.req, code)
	if code > 100 {
		res.To().Params.Add("tag", tag)
	}
	b.receive(res.String())
}

// Timers A and B.
func TestInviteIsRepeatedAndTimesOut(t *testing.T) {
	b := newBench(t, nil)
	s := b.request(request("INVITE", "z9hG4bK1"), 0)
	b.sends("INVITE")
	b.repeats("INVITE", t1, 2*t1, 4*t1, 8*t1, 16*t1, 32*t1)
	b.clock.BlockUntil(1)
	b.pass(t1)
	if err := <-s.err; err != ErrTimeout {
		t.Errorf("ended with %v", err)
	}
	b.gone()
	b.silent()
}

func TestPatience(t *testing.T) {
	b := newBench(t, nil)
	s := b.request(request("INVITE", "z9hG4bK1"), 12*t1)
	b.sends("INVITE")
	b.repeats("INVITE", t1, 2*t1, 4*t1)
	b.clock.BlockUntil(1)
	b.pass(5 * t1)
	if err := <-s.err; err != ErrTimeout {
		t.Errorf("ended with %v", err)
	}
	// Once there was a response, it may ring as long as it likes.
	s = b.request(request("INVITE", "z9hG4bK2"), 12*t1)
	b.sends("INVITE")
	b.answer(s, 100, "")
	b.pass(time.Hour)
	b.silent()
	if len(s.err) != 0 || b.l.Len() != 1 {
		t.Error("it did not go on ringing")
	}
	s.GiveUp() // cancelled, and nobody says anything more
	b.answer(s, 180, "x")
	b.pass(64 * t1)
	if err := <-s.err; err != ErrTimeout {
		t.Errorf("ended with %v", err)
	}
	b.gone()
}

// Timer D: a refusal that comes again is acknowledged again, and told once.
func TestRefusalIsAcknowledged(t *testing.T) {
	b := newBench(t, nil)
	raw := strings.Replace(request("INVITE", "z9hG4bK1"), "Max-Forwards", "Route: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\nContact: <sip:c>\r\nMax-Forwards", 1)
	s := b.request(raw, 0)
	b.sends("INVITE")
	b.answer(s, 180, "x")
	b.answer(s, 486, "x")
	ack := b.sends("ACK")
	want := "ACK sip:2000@exchange SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nRoute: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\nMax-Forwards: 70\r\n" +
		"From: <sip:1000@exchange>;tag=a\r\nTo: <sip:2000@exchange>;tag=x\r\nCall-ID: 1@phone\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
	if ack != want {
		t.Errorf("ACK\n%s", ack)
	}
	b.answer(s, 486, "x")
	if b.sends("ACK") != want {
		t.Error("the second ACK is another")
	}
	b.answer(s, 180, "x") // late
	if got := s.responses(); got != "[180 486]" {
		t.Errorf("told %s", got)
	}
	b.pass(64*t1 - time.Millisecond)
	if b.l.Len() != 1 {
		t.Error("forgotten too early")
	}
	b.pass(time.Millisecond)
	b.gone()
	b.net.reliable = true
	s = b.request(request("INVITE", "z9hG4bK2"), 0)
	b.sends("INVITE")
	b.answer(s, 486, "x")
	b.sends("ACK")
	b.gone()
}

// Timer M: each 2xx goes up, of every fork and as often as it comes.
func TestForksAreAllTold(t *testing.T) {
	b := newBench(t, nil)
	s := b.request(request("INVITE", "z9hG4bK1"), 0)
	b.sends("INVITE")
	b.answer(s, 180, "x")
	b.answer(s, 200, "x")
	b.answer(s, 180, "y")
	b.answer(s, 200, "y")
	b.answer(s, 200, "x")
	b.answer(s, 486, "z")
	if got := s.responses(); got != "[180 200 200 200]" {
		t.Errorf("told %s", got)
	}
	b.silent()
	b.pass(64 * t1)
	b.gone()
	b.answer(s, 200, "x")
	if len(b.stray) != 1 {
		t.Error("a 2xx after that is nobody's")
	}
	if len(s.err) != 0 {
		t.Error("an answered INVITE ended")
	}
}

// Timers E and F; after a provisional response every T2.
func TestOtherRequestIsRepeatedAndTimesOut(t *testing.T) {
	b := newBench(t, nil)
	s := b.request(request("BYE", "z9hG4bK1"), 0)
	b.sends("BYE")
	b.repeats("BYE", t1, 2*t1, 4*t1, t2, t2, t2, t2, t2, t2, t2)
	b.clock.BlockUntil(1)
	b.pass(500 * time.Millisecond)
	if err := <-s.err; err != ErrTimeout {
		t.Errorf("ended with %v", err)
	}
	b.gone()
	s = b.request(request("BYE", "z9hG4bK2"), 0)
	b.sends("BYE")
	b.answer(s, 100, "")
	b.repeats("BYE", t1, t2, t2)
	b.answer(s, 200, "x")
	b.answer(s, 200, "x")
	if got := s.responses(); got != "[100 200]" {
		t.Errorf("told %s", got)
	}
	b.gone()
	b.net.reliable = true
	s = b.request(request("BYE", "z9hG4bK3"), 0)
	b.sends("BYE")
	b.clock.BlockUntil(1)
	b.pass(64 * t1)
	b.silent()
	if err := <-s.err; err != ErrTimeout {
		t.Errorf("ended with %v", err)
	}
}

func TestConnectionEndsUnderARequest(t *testing.T) {
	b := newBench(t, nil)
	b.net.reliable = true
	s := b.request(request("BYE", "z9hG4bK1"), 0)
	b.l.Lost(b.net)
	if err := <-s.err; err != ErrTransport {
		t.Errorf("ended with %v", err)
	}
	b.gone()
	b.net.broken = fmt.Errorf("no route")
	if _, err := b.l.Request(s.req, b.net, 0, Listener{}); err == nil {
		t.Error("sent over a broken flow")
	}
	b.gone()
}

func TestCloseEndsEverything(t *testing.T) {
	b := newBench(t, nil)
	s := b.request(request("INVITE", "z9hG4bK1"), 0)
	in := b.serve(request("INVITE", "z9hG4bK2"))
	b.l.Close()
	if err := <-s.err; err != ErrClosed {
		t.Errorf("ended with %v", err)
	}
	if in.tx.Respond(response(in.req, 200)) == nil {
		t.Error("responded after the end")
	}
	b.receive(request("INVITE", "z9hG4bK3"))
	if _, err := b.l.Request(s.req, b.net, 0, Listener{}); err != ErrClosed {
		t.Errorf("sent after the end: %v", err)
	}
	b.gone()
}

// Whoever floods us with requests that are served, and never answered, meets an end.
func TestTransactionsAreBounded(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Max = 100; o.Request = func(*sip.Request, *Server) {} })
	for i := range 20000 {
		b.receive(request("OPTIONS", fmt.Sprintf("z9hG4bK%d", i)))
	}
	if b.l.Len() != 100 || b.dropped != 19900 {
		t.Errorf("%d transactions, %d dropped", b.l.Len(), b.dropped)
	}
	if _, err := b.l.Request(parse(t, request("BYE", "z9hG4bKx")).(*sip.Request), b.net, 0, Listener{}); err != ErrFull {
		t.Errorf("one more of ours: %v", err)
	}
	b.pass(64 * t1)
	b.gone()
}
