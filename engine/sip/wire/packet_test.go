package wire

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally counts by reason.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) count(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[reason]++
}

func (c *tally) get(reason string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[reason]
}

// script is a PacketConn that reads what it was given, then is closed.
type script struct {
	net.PacketConn
	in      []datagram
	written []datagram
}

type datagram struct {
	data string
	addr net.Addr
}

func (s *script) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(s.in) == 0 {
		return 0, nil, net.ErrClosed
	}
	d := s.in[0]
	s.in = s.in[1:]
	return copy(b, d.data), d.addr, nil
}

func (s *script) WriteTo(b []byte, a net.Addr) (int, error) {
	s.written = append(s.written, datagram{string(b), a})
	return len(b), nil
}

func udp(s string) net.Addr { return net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// read returns what comes out of a PacketConn until its socket closes.
func read(t *testing.T, c net.PacketConn) (out []datagram) {
	t.Helper()
	buf := make([]byte, 65535)
	for {
		n, a, err := c.ReadFrom(buf)
		if err == net.ErrClosed {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, datagram{string(buf[:n]), a})
	}
}

func TestPacketConn(t *testing.T) {
	inner, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var counts tally
	c := PacketConn(inner, Options{Count: counts.count})
	defer c.Close()
	phone, err := net.Dial("udp4", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	for _, d := range []string{
		"\r\n\r\n", "\x00", "hello", options("Max-Forwards: 300"), strings.Replace(options(), "OPTIONS", "ACK", 1), "SIP/2.0 99 x\r\n\r\n",
		options("k: 100rel"),
	} {
		if _, err := phone.Write([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 65535)
	n, from, err := c.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if from.String() != phone.LocalAddr().String() || !bytes.Contains(buf[:n], []byte("Supported: 100rel\r\n")) {
		t.Errorf("from %v\n%s", from, buf[:n])
	}
	n, err = phone.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 400 Malformed Max-Forwards\r\n")) {
		t.Errorf("answered\n%s", buf[:n])
	}
	for reason, want := range map[string]int{CountKeepAlive: 2, CountJunk: 1, CountRequest: 2, CountAnswered: 1, CountResponse: 1, CountTooLarge: 0} {
		if got := counts.get(reason); got != want {
			t.Errorf("%s counted %d times, want %d", reason, got, want)
		}
	}
}

func TestMessageThatGrowsTooLargeIsDropped(t *testing.T) {
	var counts tally
	long := options("Content-Length:", "Subject: "+strings.Repeat("x", 60000)) // fits, but not a reader's 32 KiB
	compact := options(strings.Repeat("k:\r\n", 200) + "k:")
	compact += strings.Repeat("x", MaxMessage-len(compact))
	compact = strings.Replace(compact, "Content-Length: 0", "X: 0", 1)
	s := &script{in: []datagram{{long, udp("192.0.2.7:5060")}, {compact, udp("192.0.2.7:5060")}, {strings.Repeat("x", MaxMessage+1), udp("192.0.2.7:5060")}, {options(), udp("192.0.2.7:5060")}}}
	c := PacketConn(s, Options{Count: counts.count})
	n, _, err := c.ReadFrom(make([]byte, 32768))
	if err != nil || n > 1000 || counts.get(CountTooLarge) != 3 {
		t.Errorf("%d octets, %v; %d too large", n, err, counts.get(CountTooLarge))
	}
}

func TestSourceOverItsRateIsSlowedAndNotBanned(t *testing.T) {
	fake := clock.NewFake(time.Unix(0, 0))
	var counts tally
	s := &script{}
	c := PacketConn(s, Options{Clock: fake, Count: counts.count, Rate: 10, Burst: 20, Exempt: netip.MustParsePrefix("198.51.100.0/24").Contains})
	send := func(from string, n int) int {
		for range n {
			s.in = append(s.in, datagram{options(), udp(from)})
		}
		return len(read(t, c))
	}
	for _, step := range []struct {
		from    string
		n, want int
		wait    time.Duration
	}{
		{"192.0.2.7:5060", 100, 20, 0},           // the burst
		{"192.0.2.7:9", 100, 0, 0},               // another port is the same source
		{"192.0.2.8:5060", 10, 10, 0},            // a neighbour is not
		{"192.0.2.7:5060", 100, 10, time.Second}, // one second's worth
		{"192.0.2.7:5060", 100, 20, time.Hour},   // no more than the burst
		{"[2001:db8::1]:5060", 100, 20, 0},
		{"[2001:db8::2]:5060", 100, 0, 0}, // the same /64
		{"[2001:db8:0:1::1]:5060", 5, 5, 0},
		{"[::ffff:192.0.2.8]:5060", 20, 20, time.Hour},
		{"192.0.2.8:5060", 1, 0, 0}, // the same address
		{"127.0.0.1:5060", 1000, 1000, 0},
		{"198.51.100.7:5060", 1000, 1000, 0},
	} {
		fake.Advance(step.wait)
		if got := send(step.from, step.n); got != step.want {
			t.Errorf("%d of %d from %s, want %d", got, step.n, step.from, step.want)
		}
	}
	if counts.get(CountRate) == 0 {
		t.Error("nothing was counted")
	}
}

func TestFloodOfForgedSources(t *testing.T) {
	fake := clock.NewFake(time.Unix(0, 0))
	var counts tally
	s := &script{}
	pc := PacketConn(s, Options{Clock: fake, Count: counts.count, NewcomerRate: 100, MaxSources: 5000})
	s.in = []datagram{{options(), udp("192.0.2.7:5060")}}
	read(t, pc)
	// Ten seconds of 10,000 forged sources each; a known telephone keeps talking.
	lost := 0
	for second := range 10 {
		for i := range 10000 {
			n := second*10000 + i
			s.in = append(s.in, datagram{"junk", udp(fmt.Sprintf("10.%d.%d.%d:5060", n>>16, n>>8&255, n&255))})
		}
		s.in = append(s.in, datagram{options(), udp("192.0.2.7:5060")})
		if len(read(t, pc)) != 1 {
			lost++
		}
		fake.Advance(time.Second)
	}
	if lost > 0 {
		t.Errorf("%d of 10 messages of the known telephone were lost", lost)
	}
	limits := pc.(*packetConn).limits
	if n := len(limits.sources); n > 1200 || n != limits.recent.Len() {
		t.Errorf("%d sources are remembered, %d in order", n, limits.recent.Len())
	}
	if counts.get(CountNewcomer) < 98000 {
		t.Errorf("%d newcomers were dropped", counts.get(CountNewcomer))
	}
}

func TestSourcesAreBounded(t *testing.T) {
	l := newLimiter(Options{MaxSources: 100, NewcomerRate: 1e6, Clock: clock.NewFake(time.Unix(0, 0))}.withDefaults())
	for i := range 1000 {
		l.allow(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if len(l.sources) != 100 || l.recent.Len() != 100 {
		t.Errorf("%d sources are remembered, %d in order", len(l.sources), l.recent.Len())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	fake := clock.NewFake(time.Unix(0, 0))
	s := &script{}
	c := PacketConn(s, Options{Clock: fake, AnswerRate: 10})
	for i := range 1000 {
		s.in = append(s.in, datagram{options("Max-Forwards: 300"), udp(fmt.Sprintf("10.0.%d.%d:5060", i>>8, i&255))})
	}
	read(t, c)
	if len(s.written) != 20 {
		t.Errorf("%d answers", len(s.written))
	}
}

func TestReasonsAreComplete(t *testing.T) {
	if n := len(Reasons()); n != 12 {
		t.Errorf("%d reasons; is a new one listed?", n)
	}
}
