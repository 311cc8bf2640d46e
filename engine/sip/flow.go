package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxDatagram is what RFC 3261 section 18.1.1 lets a request over UDP have where the path MTU is unknown.
const maxDatagram = 1300

// hop is where a request goes next.
type hop struct {
	transport string
	addr      netip.AddrPort
}

// nextHop finds where a request of a dialog goes: the first route, else the remote target (RFC 3261 section 12.2.1.1);
// but what names a host we could not reach anyway, because the peer is behind a NAT, goes back the way it came.
func (s *Server) nextHop(ctx context.Context, d *Dialog) hop {
	back := s.flowBack(d)
	next := d.RemoteTarget
	if len(d.RouteSet) > 0 {
		next = d.RouteSet[0]
	}
	n, ok := parseNameAddr(next)
	if !ok {
		return back
	}
	transport := uriTransport(&n.URI)
	if transport != "tcp" && transport != "udp" {
		transport = d.Transport
		if len(d.RouteSet) > 0 {
			transport = "udp"
		}
	}
	to, literal := uriAddr(&n.URI)
	switch {
	case literal && to == d.Flow:
		return back
	case literal && to.Addr() == d.Flow.Addr():
		if d.Transport == "tcp" {
			return back // over the connection that is there (RFC 5923)
		}
		return hop{transport, to}
	case d.Peer.Line != "" && len(d.RouteSet) == 0:
		return back
	case literal && special(to.Addr()) && !special(d.Flow.Addr()):
		return back
	case literal:
		return hop{transport, to}
	}
	targets, err := s.resolve(ctx, n.URI.Host, n.URI.Port, uriTransport(&n.URI), false)
	if err != nil || len(targets) == 0 {
		return back
	}
	return targets[0]
}

// flowBack is the way that the peer's messages come. A phone whose TCP connection broke has registered again over
// another one.
func (s *Server) flowBack(d *Dialog) hop {
	back := hop{d.Transport, d.Flow}
	if d.Transport != "tcp" || d.Peer.Line == "" {
		return back
	}
	if c, err := s.tpl.GetConnection("tcp", d.Flow.String()); err == nil {
		c.TryClose()
		return back
	}
	for _, b := range s.Bindings(d.Peer.Line) {
		if b.Contact == d.RemoteTarget {
			return hop{b.Transport, b.Source}
		}
	}
	return back
}

// special tells addresses that mean nothing outside their own network.
func special(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified()
}

// address prepares a request for a hop: Via, Contact if it has none and contactUser is given, and what sipgo needs.
func (s *Server) address(req *sip.Request, h hop, contactUser string) error {
	if !h.addr.IsValid() || h.addr.Port() == 0 || h.addr.Addr().IsMulticast() || h.addr.Addr().IsUnspecified() {
		return fmt.Errorf("sip: %w: cannot send to %s", ErrInvalid, h.addr)
	}
	l, err := s.localFor(h.transport, h.addr)
	if err != nil {
		return err
	}
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(h.transport), Host: strings.Trim(l.host, "[]"), Port: l.port}
	via.Params.Add("branch", branchCookie+token(12))
	via.Params.Add("rport", "")
	req.RemoveHeader("Via")
	req.PrependHeader(via)
	if contactUser != noContact && req.GetHeader("Contact") == nil {
		req.AppendHeader(sip.NewHeader("Contact", contact(l, h.transport, contactUser)))
	}
	if s.o.UserAgent != "" && req.GetHeader("User-Agent") == nil {
		req.AppendHeader(sip.NewHeader("User-Agent", s.o.UserAgent))
	}
	req.Laddr = l.laddr
	req.SetTransport(strings.ToUpper(h.transport))
	req.SetDestination(h.addr.String())
	if req.ContentLength() == nil {
		req.SetBody(nil)
	}
	return nil
}

// noContact is the contactUser of requests that carry no Contact.
const noContact = "\x00"

func contact(l local, transport, user string) string {
	uri := "sip:"
	if user != "" {
		uri += escapeUser(user) + "@"
	}
	uri += l.hostPort()
	if transport == "tcp" {
		uri += ";transport=tcp"
	}
	return "<" + uri + ">"
}

// transact sends a request other than INVITE and waits for its final response: a 408 of our own making when none
// comes. err is about not being able to send, or ctx.
func (s *Server) transact(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	if err := s.serving(ctx); err != nil {
		return nil, err
	}
	s.count.requests.WithLabelValues("out", methodLabel(req.Method)).Inc()
	tx, err := s.txl.Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("sip: sending %s to %s: %w: %w", req.Method, req.Destination(), ErrTransport, err)
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				s.count.responses.WithLabelValues("in", methodLabel(req.Method), classLabel(res.StatusCode)).Inc()
				return res, nil
			}
		case <-tx.Done():
			if errors.Is(tx.Err(), sip.ErrTransactionTimeout) {
				return nil, fmt.Errorf("sip: %s to %s: %w", req.Method, req.Destination(), ErrTimeout)
			}
			return nil, fmt.Errorf("sip: %s to %s: %w: %w", req.Method, req.Destination(), ErrTransport, tx.Err())
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// respond sends a response made of a request, with our usual headers.
func (s *Server) respond(req *sip.Request, tx *sip.ServerTx, code int, reason string, body []byte, hs ...Header) error {
	res := s.response(req, code, reason, body, hs...)
	return s.send(req, tx, res)
}

func (s *Server) response(req *sip.Request, code int, reason string, body []byte, hs ...Header) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, cleanReason(code, reason), nil)
	appendHeaders(res, hs)
	if code == 405 || code == 200 && (req.Method == sip.OPTIONS || req.Method == sip.INVITE || req.Method == sip.UPDATE) ||
		code > 100 && code < 200 {
		res.AppendHeader(sip.NewHeader("Allow", allowed))
		res.AppendHeader(sip.NewHeader("Supported", supported))
	}
	if s.o.UserAgent != "" {
		res.AppendHeader(sip.NewHeader("Server", s.o.UserAgent))
	}
	res.SetBody(body)
	return res
}

func (s *Server) send(req *sip.Request, tx *sip.ServerTx, res *sip.Response) error {
	if res.StatusCode >= 200 {
		s.count.responses.WithLabelValues("out", methodLabel(req.Method), classLabel(res.StatusCode)).Inc()
	}
	if err := tx.Respond(res); err != nil {
		return fmt.Errorf("sip: responding %d to %s: %w", res.StatusCode, req.Method, err)
	}
	return nil
}

// refuse answers a stranger and forgets the transaction: each retransmission is refused afresh, so that strangers
// hold no memory (RFC 3261 section 8.2.7).
func (s *Server) refuse(req *sip.Request, tx *sip.ServerTx, code int, hs ...Header) {
	if err := s.respond(req, tx, code, "", nil, hs...); err != nil {
		s.log.Debug("refusing", "method", req.Method, "err", err)
	}
	tx.Terminate()
}
