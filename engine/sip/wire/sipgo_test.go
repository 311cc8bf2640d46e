package wire

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/emiago/sipgo/sip"
)

// transports is sipgo's transport layer, and what it receives.
func transports(t *testing.T) (*sip.TransportLayer, chan sip.Message) {
	t.Helper()
	quiet := sip.WithTransportLayerLogger(slog.New(slog.DiscardHandler))
	tpl := sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil, quiet)
	received := make(chan sip.Message, 100)
	tpl.OnMessage(func(m sip.Message) { received <- m })
	t.Cleanup(func() { tpl.Close() })
	return tpl, received
}

func TestSipgoReadsThroughUs(t *testing.T) {
	tpl, received := transports(t)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- tpl.ServeUDP(PacketConn(udp, Options{})) }()
	go func() { served <- tpl.ServeTCP(Listener(tcp, Options{})) }()
	for _, addr := range []net.Addr{udp.LocalAddr(), tcp.Addr()} {
		phone, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(phone, options("From: <sip:a@b> ; TAG = x", "CSeq: 1 \t OPTIONS", "k: 100rel", "Content-Length:", "l: 2")+"ab"); err != nil {
			t.Fatal(err)
		}
		m := (<-received).(*sip.Request)
		if tag, _ := m.From().Params.Get("tag"); tag != "x" || m.CSeq().MethodName != sip.OPTIONS || m.GetHeader("Supported") == nil || string(m.Body()) != "ab" {
			t.Errorf("over %s sipgo sees\n%v", addr.Network(), m)
		}
		if m.Source() != phone.LocalAddr().String() {
			t.Errorf("over %s from %s, not %s", addr.Network(), m.Source(), phone.LocalAddr())
		}
		phone.Close()
	}
	udp.Close()
	tcp.Close()
	<-served
	<-served
}

// sipgo keeps an entry for each source that a PacketConn shows it. Junk does not
// get there, and of what could be forged no more than newcomers are allowed.
func TestForgedSourcesDoNotFillSipgo(t *testing.T) {
	tpl, received := transports(t)
	go func() {
		for range received {
		}
	}()
	s := &script{PacketConn: &net.UDPConn{}}
	for i := range 20000 {
		from := fmt.Sprintf("10.0.%d.%d:%d", i>>8, i&255, 1024+i)
		s.in = append(s.in, datagram{"junk\r\n\r\n", udp(from)}, datagram{options(), udp(from)})
	}
	pc := PacketConn(&local{script: s}, Options{NewcomerRate: 500, Clock: clock.NewFake(time.Unix(0, 0))})
	seen := 0
	watch := &watched{PacketConn: pc, read: func() { seen = max(seen, tpl.Pool("udp").Size()) }}
	if err := tpl.ServeUDP(watch); err != nil {
		t.Fatal(err)
	}
	close(received)
	if seen < 900 || seen > 1001 {
		t.Errorf("sipgo kept %d sources", seen)
	}
}

// local gives a script an address.
type local struct{ *script }

func (local) LocalAddr() net.Addr { return udp("127.0.0.1:5060") }

// watched calls read before each ReadFrom.
type watched struct {
	net.PacketConn
	read func()
}

func (w *watched) ReadFrom(b []byte) (int, net.Addr, error) {
	w.read()
	return w.PacketConn.ReadFrom(b)
}
