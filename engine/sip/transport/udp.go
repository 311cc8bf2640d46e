package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/wire"
)

// socket is a UDP socket that we listen on.
type socket struct {
	l    *Layer
	conn *net.UDPConn
	in   net.PacketConn // conn, one message in plain form a read
	addr netip.AddrPort
}

func newSocket(l *Layer, c *net.UDPConn) *socket {
	return &socket{l, c, wire.PacketConn(c, l.o.Wire), addrPort(c.LocalAddr())}
}

func (s *socket) read() {
	b := make([]byte, wire.MaxMessage)
	for {
		n, from, err := s.in.ReadFrom(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// An ICMP error of an earlier send shows up as a read error; the socket is as good as before.
			s.l.o.Log.Debug("reading a UDP socket", "addr", s.addr, "err", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		source := udpAddr(from)
		if len(s.l.udp) > 1 {
			s.l.hear(source, s)
		}
		s.l.receive(b[:n], source, "UDP", func(req *sip.Request) Flow {
			return &datagrams{s, netip.AddrPortFrom(source.Addr(), replyPort(req.Via(), source))}
		})
	}
}

func udpAddr(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// replyPort notes in a request's topmost Via where it came from (RFC 3261 section 18.2.1, RFC 3581 section 4), and gives
// the port that responses go to: the source port where the client asked for that, else the one in Via.
func replyPort(via *sip.ViaHeader, source netip.AddrPort) uint16 {
	if via.Params.Has("rport") {
		via.Params.Add("rport", strconv.Itoa(int(source.Port())))
		via.Params.Add("received", source.Addr().String())
		return source.Port()
	}
	if strings.Trim(via.Host, "[]") != source.Addr().String() {
		via.Params.Add("received", source.Addr().String())
	}
	if via.Port > 0 && via.Port <= 65535 {
		return uint16(via.Port)
	}
	return 5060
}

// datagrams is the Flow to a peer by UDP.
type datagrams struct {
	s    *socket
	peer netip.AddrPort
}

func (d *datagrams) Send(b []byte) error {
	if trace := d.s.l.o.Trace; trace != nil {
		trace(b, d.peer, true)
	}
	if _, err := d.s.conn.WriteToUDPAddrPort(b, d.peer); err != nil {
		return fmt.Errorf("sending to udp %s: %w", d.peer, err)
	}
	return nil
}

func (*datagrams) Reliable() bool { return false }

// maxHeard is how many peers are remembered at least, of those heard lately; twice that at most.
const maxHeard = 4096

// heard remembers on which of several UDP sockets a peer was heard last. When fresh is full it becomes stale, and what
// is stale is forgotten.
type heard struct{ fresh, stale map[netip.AddrPort]*socket }

func (l *Layer) hear(peer netip.AddrPort, s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard.fresh == nil || len(l.heard.fresh) >= maxHeard && l.heard.fresh[peer] == nil {
		l.heard = heard{make(map[netip.AddrPort]*socket), l.heard.fresh}
	}
	l.heard.fresh[peer] = s
}

func (l *Layer) socketFor(peer netip.AddrPort) *socket {
	if len(l.udp) > 1 {
		l.mu.Lock()
		s := l.heard.fresh[peer]
		if s == nil {
			s = l.heard.stale[peer]
		}
		l.mu.Unlock()
		if s != nil {
			return s
		}
	}
	for _, s := range l.udp {
		if s.addr.Addr().Is4() == peer.Addr().Is4() {
			return s
		}
	}
	return nil
}
