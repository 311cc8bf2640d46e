package resolve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is a name server on loopback.
type zone struct {
	addr string

	mu    sync.Mutex
	rrs   []dns.RR
	asked map[string]int // "NAME TYPE" and "tcp"
	rcode map[string]int // by "NAME TYPE"
	mute  bool           // answers nothing
	heard chan string    // each question, "NAME TYPE"; nil: nobody listens
}

func (z *zone) silence(on bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.mute = on
}

// fail makes the server answer a question with a code.
func (z *zone) fail(question string, code int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rcode[question] = code
}

func serve(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{asked: map[string]int{}, rcode: map[string]int{}}
	z.set(t, records...)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.addr = pc.LocalAddr().String()
	l, err := net.Listen("tcp4", z.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		served := make(chan error)
		go func() { served <- s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			s.Shutdown()
			<-served
		})
	}
	return z
}

func (z *zone) set(t *testing.T, records ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rrs = nil
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		z.rrs = append(z.rrs, rr)
	}
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name, qtype := q.Question[0].Name, q.Question[0].Qtype
	key := name + " " + dns.TypeToString[qtype]
	z.asked[key]++
	if z.heard != nil {
		z.heard <- key
	}
	tcp := w.LocalAddr().Network() == "tcp"
	if tcp {
		z.asked["tcp"]++
	}
	if z.mute {
		return
	}
	m := new(dns.Msg)
	m.SetReply(q)
	exists := false
	for range 5 { // follow aliases
		next := ""
		for _, rr := range z.rrs {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			exists = true
			switch rr := rr.(type) {
			case *dns.CNAME:
				m.Answer = append(m.Answer, rr)
				next = rr.Target
			case *dns.SOA:
				m.Ns = append(m.Ns, rr)
			default:
				if h.Rrtype == qtype {
					m.Answer = append(m.Answer, rr)
				}
			}
		}
		if name = next; next == "" {
			break
		}
	}
	if !exists {
		m.Rcode = dns.RcodeNameError
	}
	if code, ok := z.rcode[key]; ok {
		m.Answer, m.Rcode = nil, code
	}
	if !tcp {
		m.Truncate(512)
	}
	w.WriteMsg(m)
}

func (z *zone) count(key string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked[key]
}

func resolver(t *testing.T, o Options) (*Resolver, *clock.Fake) {
	t.Helper()
	c := clock.NewFake(time.Unix(0, 0))
	o.Clock = c
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(1, 2))
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func show(list []Target) string {
	var s []string
	for _, t := range list {
		s = append(s, t.Transport+" "+t.Addr.String())
	}
	return strings.Join(s, ", ")
}

func TestTargets(t *testing.T) {
	z := serve(t,
		"plain.test. 60 A 192.0.2.1", "plain.test. 60 A 192.0.2.2", "plain.test. 60 AAAA 2001:db8::1",
		"alias.test. 60 CNAME plain.test.",
		"_sip._udp.srv.test. 60 SRV 20 0 5070 b.srv.test.", "_sip._udp.srv.test. 60 SRV 10 0 5080 a.srv.test.", "_sip._udp.srv.test. 60 SRV 30 0 5090 none.test.",
		"_sip._tcp.srv.test. 60 SRV 10 0 5081 a.srv.test.", "_sips._tcp.srv.test. 60 SRV 10 0 5061 a.srv.test.",
		"a.srv.test. 60 A 192.0.2.10", "b.srv.test. 60 A 192.0.2.11", "srv.test. 60 A 192.0.2.12",
		"_sip._udp.tcponly.test. 60 SRV 0 0 0 .", "_sip._tcp.tcponly.test. 60 SRV 10 0 5060 a.srv.test.",
		"_sip._udp.closed.test. 60 SRV 0 0 0 .", "_sip._tcp.closed.test. 60 SRV 0 0 0 .", "closed.test. 60 A 192.0.2.13",
		"_sip._udp.broken.test. 60 SRV 0 0 5060 none.test.", "broken.test. 60 A 192.0.2.14",
		"servfail.test. 60 A 192.0.2.15",
		`naptr.test. 60 NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.srv.test.`, `naptr.test. 60 NAPTR 10 50 "S" "sip+d2t" "" _sip._tcp.srv.test.`,
		`naptr.test. 60 NAPTR 5 50 "s" "SIPS+D2T" "" _sips._tcp.srv.test.`, `naptr.test. 60 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:x!" .`,
		`sctp.test. 60 NAPTR 5 50 "s" "SIPS+D2T" "" _sips._tcp.srv.test.`, "sctp.test. 60 A 192.0.2.16",
		"v6only.test. 60 AAAA 2001:db8::2",
	)
	z.fail("_sip._udp.servfail.test. SRV", dns.RcodeServerFailure)
	z.fail("_sip._tcp.servfail.test. SRV", dns.RcodeNotImplemented)
	for _, c := range []struct {
		host      string
		port      int
		transport string
		secure    bool
		naptr     bool
		want      string
		err       error
	}{
		{host: "192.0.2.9", want: "udp 192.0.2.9:5060"},
		{host: "192.0.2.9", port: 5070, transport: "TCP", want: "tcp 192.0.2.9:5070"},
		{host: "[2001:db8::9]", want: "udp [2001:db8::9]:5060"},
		{host: "2001:db8::9", secure: true, want: "tls [2001:db8::9]:5061"},
		{host: "::ffff:192.0.2.9", transport: "tls", want: "tls 192.0.2.9:5061"},
		{host: "plain.test", want: "udp 192.0.2.1:5060, udp 192.0.2.2:5060, udp [2001:db8::1]:5060"},
		{host: "Plain.Test.", port: 5070, want: "udp 192.0.2.1:5070, udp 192.0.2.2:5070, udp [2001:db8::1]:5070"},
		{host: "alias.test", transport: "tcp", want: "tcp 192.0.2.1:5060, tcp 192.0.2.2:5060, tcp [2001:db8::1]:5060"},
		{host: "v6only.test", want: "udp [2001:db8::2]:5060"},
		{host: "srv.test", want: "udp 192.0.2.10:5080, udp 192.0.2.11:5070"},
		{host: "srv.test", transport: "tcp", want: "tcp 192.0.2.10:5081"},
		{host: "srv.test", secure: true, want: "tls 192.0.2.10:5061"},
		{host: "srv.test", secure: true, transport: "tcp", want: "tls 192.0.2.10:5061"},
		{host: "srv.test", port: 5060, want: "udp 192.0.2.12:5060"},
		{host: "tcponly.test", want: "tcp 192.0.2.10:5060"},
		{host: "closed.test", err: ErrNotOffered},
		{host: "broken.test", err: ErrNotFound},
		{host: "servfail.test", want: "udp 192.0.2.15:5060"},
		{host: "naptr.test", naptr: true, want: "tcp 192.0.2.10:5081"},
		{host: "naptr.test", naptr: true, transport: "udp", err: ErrNotFound},
		{host: "sctp.test", naptr: true, err: ErrNotOffered},
		{host: "plain.test", naptr: true, want: "udp 192.0.2.1:5060, udp 192.0.2.2:5060, udp [2001:db8::1]:5060"},
		{host: "nobody.test", err: ErrNotFound},
		{host: "localhost", want: "udp 127.0.0.1:5060, udp [::1]:5060"},
		{host: "", err: ErrNotFound},
		{host: strings.Repeat("a", 300), err: ErrNotFound},
		{host: "plain.test", port: 70000, err: ErrNotFound},
	} {
		r, _ := resolver(t, Options{Servers: []string{z.addr}, NAPTR: c.naptr})
		list, err := r.Targets(context.Background(), c.host, c.port, c.transport, c.secure)
		if got := show(list); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v:\ngot  %s, %v", c, got, err)
		}
	}
}

func TestAnswersAreKeptForTheirTime(t *testing.T) {
	z := serve(t, "a.test. 60 A 192.0.2.1")
	r, c := resolver(t, Options{Servers: []string{z.addr}})
	look := func(want string, asked int) {
		t.Helper()
		list, err := r.Targets(context.Background(), "a.test", 5060, "", false)
		if got := show(list); got != want || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		if n := z.count("a.test. A"); n != asked {
			t.Errorf("asked %d times, want %d", n, asked)
		}
	}
	look("udp 192.0.2.1:5060", 1)
	z.set(t, "a.test. 60 A 192.0.2.2")
	c.Advance(59 * time.Second)
	look("udp 192.0.2.1:5060", 1)
	c.Advance(time.Second)
	look("udp 192.0.2.2:5060", 2)
}

func TestThatThereIsNoneIsKeptToo(t *testing.T) {
	z := serve(t, "a.test. 60 TXT x", "a.test. 60 SOA ns.test. x.test. 1 1 1 1 10")
	r, c := resolver(t, Options{Servers: []string{z.addr}})
	for i, step := range []struct {
		host    string
		advance time.Duration
		asked   int
	}{{"a.test", 0, 1}, {"a.test", 9 * time.Second, 1}, {"a.test", time.Second, 2}, {"b.test", 0, 1}, {"b.test", 29 * time.Second, 1}, {"b.test", time.Second, 2}} {
		c.Advance(step.advance)
		if _, err := r.Targets(context.Background(), step.host, 5060, "", false); !errors.Is(err, ErrNotFound) {
			t.Errorf("step %d: %v", i, err)
		}
		if n := z.count(step.host + ". A"); n != step.asked {
			t.Errorf("step %d: asked %d times, want %d", i, n, step.asked)
		}
	}
}

func TestOldAnswerServesWhileNameServersAreSilent(t *testing.T) {
	z := serve(t, "a.test. 60 A 192.0.2.1")
	r, c := resolver(t, Options{Servers: []string{z.addr}, Timeout: 50 * time.Millisecond})
	ctx := context.Background()
	if _, err := r.Targets(ctx, "a.test", 5060, "", false); err != nil {
		t.Fatal(err)
	}
	z.silence(true)
	c.Advance(time.Hour)
	for range 3 {
		list, err := r.Targets(ctx, "a.test", 5060, "", false)
		if got := show(list); got != "udp 192.0.2.1:5060" {
			t.Errorf("%s, %v", got, err)
		}
	}
	if n := z.count("a.test. A"); n != 1+attempts {
		t.Errorf("asked %d times", n)
	}
	if _, err := r.Targets(ctx, "b.test", 5060, "", false); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a new name: %v", err)
	}
	z.silence(false)
	z.set(t, "a.test. 60 A 192.0.2.2", "b.test. 60 A 192.0.2.3")
	c.Advance(retryAfter)
	for host, want := range map[string]string{"a.test": "udp 192.0.2.2:5060", "b.test": "udp 192.0.2.3:5060"} {
		list, err := r.Targets(ctx, host, 5060, "", false)
		if got := show(list); got != want {
			t.Errorf("when they are back: %s, %v", got, err)
		}
	}
}

func TestNextServerIsAsked(t *testing.T) {
	mute, failing, good := serve(t), serve(t), serve(t, "a.test. 60 A 192.0.2.1")
	mute.silence(true)
	failing.fail("a.test. A", dns.RcodeRefused)
	failing.fail("a.test. AAAA", dns.RcodeServerFailure)
	r, _ := resolver(t, Options{Servers: []string{mute.addr, failing.addr, good.addr}, Timeout: 50 * time.Millisecond})
	list, err := r.Targets(context.Background(), "a.test", 5060, "", false)
	if got := show(list); got != "udp 192.0.2.1:5060" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestCallerGoneEndsTheWait(t *testing.T) {
	z := serve(t)
	z.silence(true)
	z.mu.Lock()
	z.heard = make(chan string, 10)
	z.mu.Unlock()
	r, _ := resolver(t, Options{Servers: []string{z.addr}, Timeout: time.Hour})
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the caller hung up")
	failed := make(chan error)
	go func() {
		_, err := r.Targets(ctx, "a.test", 5060, "", false)
		failed <- err
	}()
	<-z.heard // A and AAAA, in either order
	<-z.heard
	cancel(gone)
	if err := <-failed; !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	if e, ok := r.cache.get(question{"a.test", dns.TypeA}); ok {
		t.Errorf("a caller who hung up left %+v", e)
	}
}

func TestLargeAnswerComesOverTCP(t *testing.T) {
	var records []string
	for i := range 100 {
		records = append(records, fmt.Sprintf("a.test. 60 A 192.0.2.%d", i))
	}
	z := serve(t, records...)
	r, _ := resolver(t, Options{Servers: []string{z.addr}})
	list, err := r.Targets(context.Background(), "a.test", 5060, "", false)
	if err != nil || len(list) != maxRecords || z.count("tcp") == 0 {
		t.Errorf("%d targets, %v; %d questions over TCP", len(list), err, z.count("tcp"))
	}
}

func TestFailedTargetComesLast(t *testing.T) {
	z := serve(t, "a.test. 3600 A 192.0.2.1", "a.test. 3600 A 192.0.2.2", "a.test. 3600 A 192.0.2.3")
	r, c := resolver(t, Options{Servers: []string{z.addr}, Down: time.Minute})
	look := func(want string) {
		t.Helper()
		list, err := r.Targets(context.Background(), "a.test", 5060, "", false)
		if got := show(list); got != want {
			t.Errorf("%s, %v", got, err)
		}
	}
	r.Failed(Target{netip.MustParseAddrPort("192.0.2.1:5060"), "udp"})
	r.Failed(Target{netip.MustParseAddrPort("192.0.2.2:5060"), "tcp"})
	look("udp 192.0.2.2:5060, udp 192.0.2.3:5060, udp 192.0.2.1:5060")
	c.Advance(30 * time.Second)
	r.Failed(Target{netip.MustParseAddrPort("192.0.2.2:5060"), "udp"})
	look("udp 192.0.2.3:5060, udp 192.0.2.1:5060, udp 192.0.2.2:5060")
	c.Advance(30 * time.Second)
	look("udp 192.0.2.1:5060, udp 192.0.2.3:5060, udp 192.0.2.2:5060")
	c.Advance(30 * time.Second)
	look("udp 192.0.2.1:5060, udp 192.0.2.2:5060, udp 192.0.2.3:5060")
}

func TestMemoryIsBounded(t *testing.T) {
	r, c := resolver(t, Options{Servers: []string{}, MaxCache: 10})
	ctx := context.Background()
	for i := range 100 {
		if _, err := r.Targets(ctx, fmt.Sprintf("a%d.test", i), 0, "", false); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("without a name server: %v", err)
		}
	}
	if len(r.cache.entries) != 10 || r.cache.recent.Len() != 10 {
		t.Errorf("%d answers are kept, %d in order", len(r.cache.entries), r.cache.recent.Len())
	}
	target := func(i int) Target {
		return Target{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060), "udp"}
	}
	for i := range 2 * maxDown {
		r.Failed(target(i))
	}
	if n := len(r.down.until); n != maxDown {
		t.Errorf("%d failed targets are kept", n)
	}
	c.Advance(time.Hour)
	r.Failed(target(0))
	if n := len(r.down.until); n != 1 {
		t.Errorf("%d failed targets are kept after an hour", n)
	}
}

func TestOrderOfSRVRecords(t *testing.T) {
	record := func(priority, weight uint16, name string) *dns.SRV {
		return &dns.SRV{Priority: priority, Weight: weight, Target: name}
	}
	list := []*dns.SRV{record(20, 0, "last"), record(10, 30, "c"), record(10, 0, "zero"), record(10, 10, "a"), record(5, 1, "first")}
	random := rand.New(rand.NewPCG(1, 2)).IntN
	second := map[string]int{}
	const n = 20000
	for range n {
		got := order(list, random)
		if len(got) != len(list) || got[0].Target != "first" || got[4].Target != "last" {
			t.Fatalf("order %v", got)
		}
		second[got[1].Target]++
	}
	// In 40: 30 to c, 10 to a, with the chance of 1 in 41 that RFC 2782 leaves to 0.
	for name, share := range map[string]float64{"c": 30.0 / 41, "a": 10.0 / 41, "zero": 1.0 / 41} {
		if got := float64(second[name]) / n; got < share-0.02 || got > share+0.02 {
			t.Errorf("%s came first in %.3f of the cases, want %.3f", name, got, share)
		}
	}
}

func TestThisMachinesOwnNames(t *testing.T) {
	z := serve(t, "pbx.campus.test. 60 A 192.0.2.1")
	dir := t.TempDir()
	hosts, resolv := filepath.Join(dir, "hosts"), filepath.Join(dir, "resolv.conf")
	for file, text := range map[string]string{
		hosts:  "# comment\n192.0.2.7 Gateway gw.campus.test # main\n2001:db8::7\tgateway\nrubbish x\n",
		resolv: "search campus.test\nnameserver 127.0.0.1\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, _ := resolver(t, Options{Servers: []string{z.addr}})
	if err := r.readSystem(resolv, hosts); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"gateway":         "udp 192.0.2.7:5060, udp [2001:db8::7]:5060",
		"GW.campus.test.": "udp 192.0.2.7:5060",
		"pbx":             "udp 192.0.2.1:5060",
	} {
		list, err := r.Targets(context.Background(), host, 0, "", false)
		if got := show(list); got != want {
			t.Errorf("%s: %s, %v", host, got, err)
		}
	}
	if err := r.readSystem(filepath.Join(dir, "none"), filepath.Join(dir, "none")); err != nil {
		t.Errorf("without the files: %v", err)
	}
	if err := r.readSystem(resolv, dir); err == nil {
		t.Error("a folder was read as hosts file")
	}
}

func BenchmarkTargetsFromCache(b *testing.B) {
	r, err := New(Options{Servers: []string{}})
	if err != nil {
		b.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	rr := func(s string) []dns.RR {
		x, err := dns.NewRR(s)
		if err != nil {
			b.Fatal(err)
		}
		return []dns.RR{x}
	}
	r.cache.put(question{"_sip._udp.a.test", dns.TypeSRV}, answer{records: rr("_sip._udp.a.test. 60 SRV 1 1 5060 b.test."), until: until})
	r.cache.put(question{"b.test", dns.TypeA}, answer{records: rr("b.test. 60 A 192.0.2.1"), until: until})
	r.cache.put(question{"b.test", dns.TypeAAAA}, answer{until: until})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Targets(context.Background(), "a.test", 0, "", false); err != nil {
			b.Fatal(err)
		}
	}
}
