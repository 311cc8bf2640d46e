package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/wire"
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
	for _, list := range []struct {
		base  string
		addrs []string
	}{{"udp", s.o.UDP}, {"tcp", s.o.TCP}} {
		for _, a := range list.addrs {
			nw, err := network(list.base, a)
			if err != nil {
				return fmt.Errorf("sip: listen address %s %s: %w", list.base, a, err)
			}
			if err := s.transports.Listen(ctx, nw, a); err != nil {
				return err
			}
		}
	}
	if len(s.o.UDP)+len(s.o.TCP) == 0 {
		return fmt.Errorf("sip: %w: no listen address", ErrInvalid)
	}
	return nil
}

// Addrs gives the bound addresses of "udp" or "tcp".
func (s *Server) Addrs(transport string) []netip.AddrPort { return s.transports.Addrs(transport) }

// serving waits until Run reads the sockets.
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

// local is our side of a flow: what to put in Via and Contact.
type local struct {
	host string // IP address or name, no brackets
	port int
}

func (l local) hostPort() string { return fmt.Sprintf("%s:%d", hostLiteral(l.host), l.port) }

// localFor finds our side of the flow to a peer. UDP is sent from the socket that last heard the peer, else from the
// first one of its address family, so that answers and NAT bindings fit.
func (s *Server) localFor(transport string, remote netip.AddrPort) (local, error) {
	var bound netip.AddrPort
	if transport == "tcp" {
		for _, a := range s.Addrs("tcp") {
			if !bound.IsValid() && a.Addr().Is4() == remote.Addr().Is4() {
				bound = a
			}
		}
	}
	if !bound.IsValid() {
		// A TCP connection out needs no listener of ours; Contact then names the UDP port.
		bound = s.transports.Local(remote)
	}
	if !bound.IsValid() {
		return local{}, fmt.Errorf("sip: no %s socket that reaches %s", transport, remote)
	}
	l := local{port: int(bound.Port())}
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

// wireOptions are the limits for strangers.
func (s *Server) wireOptions() wire.Options {
	return wire.Options{
		Clock: s.clock, Rate: float64(s.o.RateLimit),
		Count:  func(reason string) { s.count.wire.WithLabelValues(reason).Inc() },
		Exempt: func(a netip.Addr) bool { return s.trunks.at(a) != "" },
	}
}
