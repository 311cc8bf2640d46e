package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/wire"
)

// maxSources is how many source addresses one generation of a UDP socket may remember; retireAfter is how long a
// retired generation stays for the handlers of its last datagrams; drainFor is the same at the end of the server.
const (
	maxSources  = 4096
	retireAfter = 2 * time.Second
	drainFor    = 50 * time.Millisecond
)

// network gives the Go network of a listen address: one family each, so that "0.0.0.0" and "[::]" can share a port.
func network(base, addr string) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "":
		return base + "4", nil
	case err != nil:
		return "", fmt.Errorf("%q is no IP address", host)
	case ip.Unmap().Is4():
		return base + "4", nil
	}
	return base + "6", nil
}

func (s *Server) listen(ctx context.Context) error {
	var lc net.ListenConfig
	for _, a := range s.o.UDP {
		nw, err := network("udp", a)
		if err != nil {
			return fmt.Errorf("sip: listen address udp %s: %w", a, err)
		}
		c, err := lc.ListenPacket(ctx, nw, a)
		if err != nil {
			return fmt.Errorf("sip: listen: %w", err)
		}
		s.udp = append(s.udp, wire.PacketConn(c, s.wireOptions()))
	}
	for _, a := range s.o.TCP {
		nw, err := network("tcp", a)
		if err != nil {
			return fmt.Errorf("sip: listen address tcp %s: %w", a, err)
		}
		l, err := lc.Listen(ctx, nw, a)
		if err != nil {
			return fmt.Errorf("sip: listen: %w", err)
		}
		s.tcp = append(s.tcp, wire.Listener(l, s.wireOptions()))
	}
	if len(s.udp)+len(s.tcp) == 0 {
		return fmt.Errorf("sip: %w: no listen address", ErrInvalid)
	}
	return nil
}

func (s *Server) closeSockets() {
	for _, c := range s.udp {
		c.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Addrs gives the bound addresses of "udp" or "tcp".
func (s *Server) Addrs(transport string) []netip.AddrPort {
	var out []netip.AddrPort
	switch transport {
	case "udp":
		for _, c := range s.udp {
			out = append(out, addrPort(c.LocalAddr()))
		}
	case "tcp":
		for _, l := range s.tcp {
			out = append(out, addrPort(l.Addr()))
		}
	}
	return out
}

// generation is a UDP socket as sipgo sees it for a while. sipgo keeps one pool entry for each source address that a
// PacketConn ever showed it, until reading from that PacketConn fails. So we show it the socket in generations: when
// one has seen maxSources addresses the next takes over, and the old one ends and takes its entries along.
type generation struct {
	net.PacketConn
	s       *Server
	gens    *sync.WaitGroup
	reading chan struct{}       // closed at sipgo's first read: the pool knows this generation
	sources map[string]struct{} // nil before the first read
	first   *datagram           // what the generation before read for this one
}

type datagram struct {
	data []byte
	from net.Addr
}

// serveUDP feeds one socket to sipgo until the socket is closed. It closes serving when sipgo knows the socket.
func (s *Server) serveUDP(c net.PacketConn, serving chan<- struct{}) {
	var gens sync.WaitGroup
	defer gens.Wait()
	s.startGeneration(c, &gens, nil)
	close(serving)
}

// startGeneration returns when sipgo knows the new generation.
func (s *Server) startGeneration(c net.PacketConn, gens *sync.WaitGroup, first *datagram) {
	g := &generation{PacketConn: c, s: s, gens: gens, reading: make(chan struct{}), first: first}
	ended := make(chan struct{})
	gens.Go(func() {
		defer close(ended)
		if err := s.tpl.ServeUDP(g); err != nil {
			s.log.Error("serving a UDP socket", "addr", c.LocalAddr(), "err", err)
		}
	})
	select {
	case <-g.reading:
	case <-ended:
	}
}

// ReadFrom reads the socket, and ends with net.ErrClosed when that is closed or the next generation has taken over.
func (g *generation) ReadFrom(b []byte) (int, net.Addr, error) {
	if g.sources == nil {
		g.sources = make(map[string]struct{})
		close(g.reading)
	}
	if d := g.first; d != nil {
		g.first = nil
		g.sources[d.from.String()] = struct{}{}
		return copy(b, d.data), d.from, nil
	}
	n, from, err := g.read(b)
	if err != nil {
		// With the generation sipgo forgets its sources, and would open a socket of its own to answer the last datagrams.
		time.Sleep(drainFor)
		return 0, nil, err
	}
	key := from.String()
	if _, seen := g.sources[key]; seen {
		return n, from, nil
	}
	if len(g.sources) < maxSources {
		g.sources[key] = struct{}{}
		return n, from, nil
	}
	g.s.startGeneration(g.PacketConn, g.gens, &datagram{slices.Clone(b[:n]), from})
	select {
	case <-time.After(retireAfter):
	case <-g.s.ctx.Done():
		time.Sleep(drainFor)
	}
	return 0, nil, net.ErrClosed
}

// read reads a datagram. Its error is net.ErrClosed.
func (g *generation) read(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := g.PacketConn.ReadFrom(b)
		switch {
		case err == nil && n > 0 && from != nil:
			return n, from, nil
		case err == nil:
		case errors.Is(err, net.ErrClosed), g.s.ctx.Err() != nil:
			return 0, nil, net.ErrClosed
		default:
			// An ICMP error of an earlier send shows up as a read error; the socket is as good as before.
			g.s.log.Debug("reading a UDP socket", "addr", g.LocalAddr(), "err", err)
			select {
			case <-time.After(10 * time.Millisecond):
			case <-g.s.ctx.Done():
			}
		}
	}
}

// serving waits until Run has given the sockets to sipgo.
func (s *Server) serving(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// local is our side of a flow: what to put in Via and Contact, and which socket to send from.
type local struct {
	host  string // IP address or name, no brackets
	port  int
	laddr sip.Addr // for sipgo: the listening socket; zero for TCP, where connections are found by the peer's address
}

func (l local) hostPort() string { return fmt.Sprintf("%s:%d", hostLiteral(l.host), l.port) }

// localFor finds our side of the flow to a peer. UDP is sent from the socket that last heard the peer, else from the
// first one of its address family, so that answers and NAT bindings fit.
func (s *Server) localFor(transport string, remote netip.AddrPort) (local, error) {
	bound, ok := netip.AddrPort{}, false
	if transport == "udp" {
		if c, err := s.tpl.GetConnection("udp", remote.String()); err == nil {
			if a := addrPort(c.LocalAddr()); s.bound("udp", a) {
				bound, ok = a, true
			}
			c.TryClose()
		}
	}
	family := func(transport string) {
		for _, a := range s.Addrs(transport) {
			if !ok && a.Addr().Is4() == remote.Addr().Is4() {
				bound, ok = a, true
			}
		}
	}
	family(transport)
	var l local
	if ok && transport == "udp" {
		l.laddr = sip.Addr{IP: bound.Addr().AsSlice(), Port: int(bound.Port())}
	}
	if !ok && transport == "tcp" {
		// A connection out needs no listener of ours; Contact then names the UDP port.
		family("udp")
	}
	if !ok {
		return local{}, fmt.Errorf("sip: no %s socket that reaches %s", transport, remote)
	}
	l.port = int(bound.Port())
	switch {
	case !bound.Addr().IsUnspecified():
		l.host = bound.Addr().String()
	case s.o.Advertise != "":
		l.host = s.o.Advertise
	default:
		a, err := s.routes.To(s.ctx, remote.Addr().String())
		if err != nil {
			return local{}, fmt.Errorf("sip: %w", err)
		}
		l.host = a.String()
	}
	return l, nil
}

func (s *Server) bound(transport string, a netip.AddrPort) bool {
	for _, b := range s.Addrs(transport) {
		if a == b {
			return true
		}
	}
	return false
}

// ownHosts are the names and addresses that mean this exchange.
func (s *Server) ownHosts() map[string]bool {
	own := map[string]bool{}
	add := func(h string) {
		if h != "" {
			own[normalHost(h)] = true
		}
	}
	add(s.o.Realm)
	add(s.o.Advertise)
	for _, d := range s.o.Domains {
		add(d)
	}
	anywhere := false
	for _, a := range append(s.Addrs("udp"), s.Addrs("tcp")...) {
		if anywhere = anywhere || a.Addr().IsUnspecified(); !a.Addr().IsUnspecified() {
			add(a.Addr().String())
		}
	}
	if anywhere {
		ifs, err := net.InterfaceAddrs()
		if err != nil {
			s.log.Warn("listing own addresses", "err", err)
		}
		for _, i := range ifs {
			if p, err := netip.ParsePrefix(i.String()); err == nil {
				add(p.Addr().Unmap().String())
			}
		}
	}
	return own
}

func normalHost(h string) string {
	h = hostLiteral(h)
	b := []byte(h)
	sip.ASCIIToLowerInPlace(b)
	return string(b)
}

// wireOptions are the limits for strangers; sipgo sees only what wire lets through.
func (s *Server) wireOptions() wire.Options {
	return wire.Options{
		Clock: s.clock, Rate: float64(s.o.RateLimit),
		Count:  func(reason string) { s.count.wire.WithLabelValues(reason).Inc() },
		Exempt: func(a netip.Addr) bool { return s.trunks.at(a) != "" },
	}
}
