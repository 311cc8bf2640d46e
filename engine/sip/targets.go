package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// resolve finds where a host is to be reached (RFC 3263), best first. Port 0 and transport "" leave the choice to DNS.
func (s *Server) resolve(ctx context.Context, host string, port int, transport string, secure bool) ([]hop, error) {
	literal := strings.Trim(host, "[]")
	if transport == "" {
		transport = "udp"
	}
	if port == 0 {
		port = 5060
	}
	if a, err := netip.ParseAddr(literal); err == nil {
		return []hop{{transport, netip.AddrPortFrom(a.Unmap(), uint16(port))}}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("sip: looking up %s: %w", host, err)
	}
	var hops []hop
	for _, a := range ips {
		hops = append(hops, hop{transport, netip.AddrPortFrom(a.Unmap(), uint16(port))})
	}
	return hops, nil
}
