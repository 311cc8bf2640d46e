package sip

import (
	"context"
	"fmt"

	"github.com/belfry-pbx/belfry/engine/sip/resolve"
)

// resolve finds where a host is to be reached (RFC 3263), best first. Port 0 and transport "" leave the choice to DNS.
func (s *Server) resolve(ctx context.Context, host string, port int, transport string, secure bool) ([]hop, error) {
	targets, err := s.dns.Targets(ctx, host, port, transport, secure)
	if err != nil {
		return nil, fmt.Errorf("sip: looking up %s: %w", host, err)
	}
	var hops []hop
	for _, t := range targets {
		if t.Transport == "udp" || t.Transport == "tcp" {
			hops = append(hops, hop{t.Transport, t.Addr})
		}
	}
	return hops, nil
}

// failed has a place that did not answer tried last for a while.
func (s *Server) failed(h hop) { s.dns.Failed(resolve.Target{Addr: h.addr, Transport: h.transport}) }
