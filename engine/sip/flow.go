package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
	"github.com/belfry-pbx/belfry/engine/sip/transport"
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
	if s.transports.Connected(d.Flow) {
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

// address prepares a request for a hop: Via, Contact if it has none and contactUser is given, and where it goes.
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

// flowTo is the way of a request that address prepared.
func (s *Server) flowTo(ctx context.Context, req *sip.Request) (transport.Flow, error) {
	to, err := netip.ParseAddrPort(req.Destination())
	if err != nil {
		return nil, fmt.Errorf("sip: %w: destination: %w", ErrInvalid, err)
	}
	return s.transports.To(ctx, strings.ToLower(req.Transport()), to)
}

// transact sends a request other than INVITE and waits for its final response. err is about not being able to send,
// ErrTimeout where none comes, or ctx.
func (s *Server) transact(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	if err := s.serving(ctx); err != nil {
		return nil, err
	}
	s.count.requests.WithLabelValues("out", methodLabel(req.Method)).Inc()
	flow, err := s.flowTo(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("sip: sending %s to %s: %w: %w", req.Method, req.Destination(), ErrTransport, err)
	}
	final, ended := make(chan *sip.Response, 1), make(chan error, 1)
	tx, err := s.transactions.Request(req, flow, 0, transaction.Listener{
		Response: func(res *sip.Response) {
			if !res.IsProvisional() {
				final <- res // the only one
			}
		},
		Ended: func(err error) { ended <- err },
	})
	if err != nil {
		return nil, fmt.Errorf("sip: sending %s to %s: %w: %w", req.Method, req.Destination(), ErrTransport, err)
	}
	select {
	case res := <-final:
		s.count.responses.WithLabelValues("in", methodLabel(req.Method), classLabel(res.StatusCode)).Inc()
		return res, nil
	case err := <-ended:
		if errors.Is(err, transaction.ErrTimeout) {
			return nil, fmt.Errorf("sip: %s to %s: %w", req.Method, req.Destination(), ErrTimeout)
		}
		return nil, fmt.Errorf("sip: %s to %s: %w: %w", req.Method, req.Destination(), ErrTransport, err)
	case <-ctx.Done():
		tx.Terminate()
		return nil, context.Cause(ctx)
	}
}

// respond sends a response made of a request, with our usual headers.
func (s *Server) respond(req *sip.Request, tx *transaction.Server, code int, reason string, body []byte, hs ...Header) error {
	return s.sent(req, code, tx.Respond(s.response(req, code, reason, body, hs...)))
}

func (s *Server) response(req *sip.Request, code int, reason string, body []byte, hs ...Header) *sip.Response {
	res := s.emptyResponse(req, code, cleanReason(code, reason))
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

// emptyResponse has the headers that a response takes from its request (RFC 3261 section 8.2.6). It shares them with
// it, but for To, which gets a tag.
func (s *Server) emptyResponse(req *sip.Request, code int, reason string) *sip.Response {
	res := sip.NewResponse(code, reason)
	for _, h := range req.Headers() {
		switch h := h.(type) {
		case *sip.ViaHeader, *sip.FromHeader, *sip.CallIDHeader, *sip.CSeqHeader:
			res.AppendHeader(h)
		case *sip.RecordRouteHeader:
			// Of what may make a dialog (RFC 3261 section 12.1.1).
			if req.Method != sip.REGISTER && code < 300 {
				res.AppendHeader(h)
			}
		case *sip.ToHeader:
			to := *h
			if tagOf(to.Params) == "" {
				to.Params = append(slices.Clip(to.Params), sip.HeaderKV{K: "tag", V: s.tagFor(req)})
			}
			res.AppendHeader(&to)
		}
	}
	return res
}

// sent counts a response that was sent, and explains why it was not.
func (s *Server) sent(req *sip.Request, code int, err error) error {
	if code >= 200 {
		s.count.responses.WithLabelValues("out", methodLabel(req.Method), classLabel(code)).Inc()
	}
	if err != nil {
		return fmt.Errorf("sip: responding %d to %s: %w", code, req.Method, err)
	}
	return nil
}

// refuse answers a stranger and forgets the transaction: each retransmission is refused afresh, so that strangers
// hold no memory (RFC 3261 section 8.2.7).
func (s *Server) refuse(req *sip.Request, tx *transaction.Server, code int, hs ...Header) {
	if err := s.sent(req, code, tx.Refuse(s.response(req, code, "", nil, hs...))); err != nil {
		s.log.Debug("refusing", "method", req.Method, "err", err)
	}
}
