package transport

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type received struct {
	m    sip.Message
	from Flow
}

// serve runs a layer on loopback for the length of a test.
func serve(t *testing.T, networks ...string) (*Layer, chan received, chan Flow) {
	t.Helper()
	in, ended := make(chan received, 100), make(chan Flow, 100)
	l := New(Options{
		Received: func(m sip.Message, from Flow) { in <- received{m, from} },
		Ended:    func(f Flow) { ended <- f },
	})
	for _, n := range networks {
		if err := l.Listen(t.Context(), n, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	l.Serve()
	t.Cleanup(l.Close)
	return l, in, ended
}

func options(via string, extra ...string) string {
	return "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP " + via + ";branch=z9hG4bK1\r\nFrom: <sip:a@b> ; TAG = x\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 \t OPTIONS\r\n" +
		strings.Join(append(extra, ""), "\r\n") + "Content-Length: 2\r\n\r\nab"
}

func TestMessagesComeInPlainFormWithTheWayBack(t *testing.T) {
	l, in, _ := serve(t, "udp4", "tcp4")
	for _, network := range []string{"udp", "tcp"} {
		phone, err := net.Dial(network, l.Addrs(network)[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer phone.Close()
		if _, err := io.WriteString(phone, options("192.0.2.1:9;rport", "k: 100rel")); err != nil {
			t.Fatal(err)
		}
		r := <-in
		req := r.m.(*sip.Request)
		if tag, _ := req.From().Params.Get("tag"); tag != "x" || req.CSeq().MethodName != sip.OPTIONS || req.GetHeader("Supported") == nil || string(req.Body()) != "ab" {
			t.Errorf("over %s\n%v", network, req)
		}
		own := phone.LocalAddr().String()
		if req.Source() != own || req.Transport() != strings.ToUpper(network) {
			t.Errorf("over %s from %s, not %s", req.Transport(), req.Source(), own)
		}
		if via := req.Via().Value(); !strings.Contains(via, "rport="+own[strings.LastIndex(own, ":")+1:]) || !strings.Contains(via, "received=127.0.0.1") {
			t.Errorf("Via %s", via)
		}
		if err := r.from.Send([]byte("back")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if n, err := phone.Read(b); err != nil || string(b[:n]) != "back" {
			t.Errorf("%q came back, %v", b[:n], err)
		}
		if r.from.Reliable() != (network == "tcp") {
			t.Error("the wrong one is reliable")
		}
	}
}

// RFC 3261 section 18.2.2: without rport to the port in Via, at the address that the request came from.
func TestReplyPort(t *testing.T) {
	source := netip.MustParseAddrPort("192.0.2.1:1111")
	for _, c := range []struct {
		via  sip.ViaHeader
		port uint16
		want string
	}{
		{sip.ViaHeader{Host: "192.0.2.1", Port: 2222}, 2222, ""},
		{sip.ViaHeader{Host: "192.0.2.1"}, 5060, ""},
		{sip.ViaHeader{Host: "192.0.2.9", Port: 70000}, 5060, "received=192.0.2.1"},
		{sip.ViaHeader{Host: "phone.example", Port: 2222}, 2222, "received=192.0.2.1"},
		{sip.ViaHeader{Host: "192.0.2.1", Port: 2222, Params: sip.HeaderParams{{K: "rport"}}}, 1111, "rport=1111&received=192.0.2.1"},
	} {
		if port := replyPort(&c.via, source); port != c.port || c.via.Params.String() != c.want {
			t.Errorf("%s: port %d, parameters %q", c.via.Host, port, c.via.Params.String())
		}
	}
}

// Of several sockets a peer is sent to from the one that heard it; a flood of others does not grow without bound.
func TestSocketThatHeardThePeer(t *testing.T) {
	l, in, _ := serve(t, "udp4", "udp4")
	phone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	peer := phone.LocalAddr().(*net.UDPAddr).AddrPort()
	if got := l.Local(peer); got != l.Addrs("udp")[0] {
		t.Errorf("who was not heard is sent to from %v", got)
	}
	if _, err := phone.WriteTo([]byte(options("x")), net.UDPAddrFromAddrPort(l.Addrs("udp")[1])); err != nil {
		t.Fatal(err)
	}
	<-in
	if got := l.Local(peer); got != l.Addrs("udp")[1] {
		t.Errorf("sent from %v", got)
	}
	f, err := l.To(t.Context(), "udp", peer)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, from, err := phone.ReadFrom(make([]byte, 10)); err != nil || from.String() != l.Addrs("udp")[1].String() {
		t.Errorf("from %v, %v", from, err)
	}
	for i := range 20000 {
		l.hear(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060), l.udp[0])
	}
	if n := len(l.heard.fresh) + len(l.heard.stale); n > 2*maxHeard {
		t.Errorf("%d peers are remembered", n)
	}
	if _, err := l.To(t.Context(), "udp", netip.MustParseAddrPort("[2001:db8::1]:5060")); err == nil {
		t.Error("IPv6 from an IPv4 socket")
	}
}

func TestConnectionsAreReusedAndDialled(t *testing.T) {
	l, in, ended := serve(t, "udp4", "tcp4")
	phone, err := net.Dial("tcp", l.Addrs("tcp")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(phone, options("x")); err != nil {
		t.Fatal(err)
	}
	there := (<-in).from
	peer := phone.LocalAddr().(*net.TCPAddr).AddrPort()
	if f, err := l.To(t.Context(), "tcp", peer); err != nil || f != there || !l.Connected(peer) {
		t.Errorf("another flow, %v", err)
	}
	phone.Close()
	if f := <-ended; f != there {
		t.Error("another flow ended")
	}
	if l.Connected(peer) {
		t.Error("the connection is still there")
	}
	if _, err := l.To(t.Context(), "tcp", peer); err == nil {
		t.Error("connected to nobody")
	}
	// One dial for all who ask at once.
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	flows := make(chan Flow, 10)
	for range 10 {
		go func() {
			f, err := l.To(context.Background(), "tcp", ln.Addr().(*net.TCPAddr).AddrPort())
			if err != nil {
				t.Error(err)
			}
			flows <- f
		}()
	}
	first := <-flows
	for range 9 {
		if f := <-flows; f != first {
			t.Error("a second connection")
		}
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, options("x")); err != nil {
		t.Fatal(err)
	}
	if r := <-in; r.from != first {
		t.Error("what came by it has another way back")
	}
}

func TestPanicIsCaught(t *testing.T) {
	caught := make(chan any, 10)
	l := New(Options{
		Received: func(sip.Message, Flow) { panic("x") },
		Recover: func(string) {
			if r := recover(); r != nil {
				caught <- r
			}
		},
	})
	if err := l.Listen(t.Context(), "udp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.Serve()
	defer l.Close()
	phone, err := net.Dial("udp", l.Addrs("udp")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	for range 2 { // it goes on reading
		if _, err := io.WriteString(phone, options("x")); err != nil {
			t.Fatal(err)
		}
		<-caught
	}
}

func TestClosedIsClosed(t *testing.T) {
	l, _, _ := serve(t, "udp4", "tcp4")
	l.Close()
	if _, err := l.To(t.Context(), "tcp", netip.MustParseAddrPort("127.0.0.1:1")); err != ErrClosed {
		t.Errorf("after the end: %v", err)
	}
}
