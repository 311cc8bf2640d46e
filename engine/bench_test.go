package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// carrier is both ends of the calls that the benchmarks make: it calls the exchange by a trunk, and takes what the
// exchange calls back by it. It writes and reads bytes and knows no SIP beyond that, so that what is measured is the
// exchange.
type carrier struct {
	b      *testing.B
	conn   *net.UDPConn
	to     netip.AddrPort
	calls  int
	buf    []byte
	far    []byte // of the last call: the INVITE that the exchange sent
	answer []byte // and the 200 that it gave
}

const benchSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 101\r\n" +
	"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

// benchExchange is an exchange that bridges each call of the carrier back to it. traced: it keeps their traces on disk.
func benchExchange(b *testing.B, traced bool) *carrier {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	data := b.TempDir()
	db, err := bolt.Open(filepath.Join(data, "belfry.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
		_, _ = c.Bridge(ctx, []string{"trunk:bench/2000"}, engine.BridgeOptions{})
	})
	var recorder trace.Recorder
	if traced {
		l, err := trace.Open(trace.Options{}, trace.DiskOptions{Dir: filepath.Join(data, "traces")})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(l.Close)
		recorder = l
	}
	eng, err := engine.New(b.Context(), engine.Options{
		Trace: recorder,
		Store: db, Data: data, Handler: h, Realm: "belfry.test", UDP: []string{"127.0.0.1:0"}, RTPPorts: [2]uint16{20000, 29999},
		Trunks: []engine.Trunk{{Name: "bench", Host: conn.LocalAddr().String(), From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- eng.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			b.Error(err)
		}
		if err := eng.Close(); err != nil {
			b.Error(err)
		}
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return &carrier{b: b, conn: conn, to: netip.MustParseAddrPort(eng.Addrs("udp")[0]), buf: make([]byte, 65536)}
}

func (c *carrier) send(format string, args ...any) {
	if _, err := c.conn.WriteToUDPAddrPort(fmt.Appendf(nil, format, args...), c.to); err != nil {
		c.b.Fatal(err)
	}
}

// await reads until a message begins so.
func (c *carrier) await(start string) []byte {
	for {
		n, err := c.conn.Read(c.buf)
		if err != nil {
			c.b.Fatal(err)
		}
		if bytes.HasPrefix(c.buf[:n], []byte(start)) {
			return bytes.Clone(c.buf[:n])
		}
	}
}

// lines are a message's header lines of these names.
func lines(m []byte, names ...string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(string(m), "\r\n") {
		for _, name := range names {
			if strings.HasPrefix(line, name+":") {
				b.WriteString(line + "\r\n")
			}
		}
	}
	return b.String()
}

func (c *carrier) reply(to []byte, extra, body string) {
	c.send("SIP/2.0 200 OK\r\n%s%sContent-Length: %d\r\n\r\n%s", lines(to, "Via", "From", "To", "Call-ID", "CSeq"), extra, len(body), body)
}

const benchTag = ";tag=far"

// call sets a call up.
func (c *carrier) call() {
	c.calls++
	self := c.conn.LocalAddr()
	c.send("INVITE sip:2000@%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK-i%[3]d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:bench@%[2]s>;tag=near%[3]d\r\nTo: <sip:2000@%[1]s>\r\nCall-ID: %[3]d@bench\r\nCSeq: 1 INVITE\r\nContact: <sip:bench@%[2]s>\r\n"+
		"Content-Type: application/sdp\r\nContent-Length: %[4]d\r\n\r\n%[5]s", c.to, self, c.calls, len(benchSDP), benchSDP)
	c.far = c.await("INVITE")
	to := strings.TrimSpace(lines(c.far, "To")) + benchTag
	c.send("SIP/2.0 200 OK\r\n%s%s\r\nContact: <sip:2000@%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		lines(c.far, "Via", "From", "Call-ID", "CSeq"), to, self, len(benchSDP), benchSDP)
	for acked := false; !acked || c.answer == nil; {
		switch m := c.await(""); {
		case bytes.HasPrefix(m, []byte("ACK")):
			acked = true
		case bytes.HasPrefix(m, []byte("SIP/2.0 200")):
			c.answer = m
		}
	}
	c.request("ACK", 1)
}

// request sends a request in the dialog of the last call.
func (c *carrier) request(method string, seq int) {
	c.send("%[1]s sip:2000@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK-%[1]s%[4]d;rport\r\nMax-Forwards: 70\r\n%[5]sCSeq: %[6]d %[1]s\r\nContent-Length: 0\r\n\r\n",
		method, c.to, c.conn.LocalAddr(), c.calls, lines(c.answer, "From", "To", "Call-ID"), seq)
}

// hangUp ends the last call.
func (c *carrier) hangUp() {
	c.request("BYE", 2)
	for ended, told := false, false; !ended || !told; {
		switch m := c.await(""); {
		case bytes.HasPrefix(m, []byte("BYE")):
			c.reply(m, "", "")
			told = true
		case bytes.HasPrefix(m, []byte("SIP/2.0 200")):
			ended = true
		}
	}
	c.answer = nil
}

// BenchmarkCall is a call in, bridged to a call out, from INVITE to the last 200 of the BYEs.
func BenchmarkCall(b *testing.B) {
	benchCalls(b, false)
}

// BenchmarkTracedCall is the same with a trace of each call, as an exchange has it unless its settings say otherwise.
func BenchmarkTracedCall(b *testing.B) {
	benchCalls(b, true)
}

func benchCalls(b *testing.B, traced bool) {
	c := benchExchange(b, traced)
	b.ReportAllocs()
	for b.Loop() {
		c.call()
		c.hangUp()
	}
}

// BenchmarkStandingCall tells what a bridged call holds while it stands.
func BenchmarkStandingCall(b *testing.B) { benchStanding(b, false) }

// BenchmarkStandingTracedCall is the same with its trace.
func BenchmarkStandingTracedCall(b *testing.B) { benchStanding(b, true) }

func benchStanding(b *testing.B, traced bool) {
	c := benchExchange(b, traced)
	c.call()
	c.answer = nil
	before, goroutines := inUse()
	for b.Loop() {
		c.call()
		c.answer = nil
	}
	after, now := inUse()
	n := float64(b.N)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "heap-B/call")
	b.ReportMetric(float64(after.StackInuse-before.StackInuse)/n, "stack-B/call")
	b.ReportMetric(float64(now-goroutines)/n, "goroutines/call")
}

func inUse() (m runtime.MemStats, goroutines int) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m, runtime.NumGoroutine()
}
