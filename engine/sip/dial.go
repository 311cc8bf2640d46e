package sip

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// DialRequest is a call to make. Exactly one of Binding, Trunk and URI says where to.
type DialRequest struct {
	Binding *Binding // a registered device, reached the way it registered
	Trunk   string   // the name of a trunk, with Number
	Number  string
	URI     string // any SIP URI

	From     Address // Host empty: this exchange
	Asserted Address // P-Asserted-Identity, for trunks and own devices; zero: none
	Private  bool    // withhold From (RFC 3323, 3325)
	To       Address // zero: the Request-URI
	Offer    []byte  // SDP; required
	Headers  []Header
	CallID   string // empty: a new one

	// OnProgress gets every provisional response above 100, in order, in the goroutine of Dial.
	OnProgress func(code int, reason string, sdp []byte)
	// Handler serves what the peer does inside the dialog from the first moment; Leg.Handle may change it later.
	Handler LegHandler

	User, Secret string // digest credentials, for URI
}

// route is a DialRequest made concrete.
type route struct {
	uri     string
	routes  []string
	hops    []hop
	peer    Peer
	auth    *trunkAuth
	host    string // for From
	trusted bool   // may see P-Asserted-Identity
	tcp     bool   // big requests may go by TCP instead of UDP
}

func (s *Server) route(ctx context.Context, r *DialRequest) (route, error) {
	switch {
	case r.Binding != nil:
		b := r.Binding
		rt := route{uri: b.Contact, routes: b.Path, hops: []hop{{b.Transport, b.Source}}, trusted: true,
			peer: Peer{Line: b.Line, Source: b.Source, Transport: b.Transport}, host: s.host()}
		return rt, nil
	case r.Trunk != "":
		return s.trunks.route(ctx, r.Trunk, r.Number)
	case r.URI != "":
		n, ok := parseNameAddr(r.URI)
		if !ok || n.URI.Scheme != "sip" || n.URI.Host == "" {
			return route{}, fmt.Errorf("sip: %w: URI %q", ErrInvalid, r.URI)
		}
		headers := n.URI.Headers
		n.URI.Headers = nil
		for _, h := range headers {
			if strings.EqualFold(h.K, "Replaces") {
				r.Headers = append(slices.Clone(r.Headers), Header{"Replaces", unescape(h.V)})
			}
		}
		hops, err := s.resolve(ctx, n.URI.Host, n.URI.Port, uriTransport(&n.URI), false)
		if err != nil {
			return route{}, fmt.Errorf("sip: finding %s: %w", n.URI.Host, err)
		}
		rt := route{uri: n.URI.String(), hops: hops, host: s.host(), tcp: uriTransport(&n.URI) == ""}
		if r.User != "" {
			rt.auth = &trunkAuth{user: r.User, secret: r.Secret}
		}
		return rt, nil
	}
	return route{}, fmt.Errorf("sip: %w: a call to nowhere", ErrInvalid)
}

// host is the name of this exchange in From; empty: the address in Via.
func (s *Server) host() string {
	if len(s.o.Domains) > 0 {
		return s.o.Domains[0]
	}
	return s.o.Realm
}

// Dial makes a call and returns when it is answered and acknowledged, or has failed: with a *StatusError, which for no
// response is 408 together with ErrTimeout, and for no connection 503 with ErrTransport; or with the cause of ctx, in which case the call is cancelled behind the scenes, and a
// 2xx that crosses the CANCEL is acknowledged and hung up. Of several forks that answer, the first is the leg, the
// others are hung up.
//
// To let the phone show that the call was taken elsewhere, end ctx with the cause ErrAnsweredElsewhere.
func (s *Server) Dial(ctx context.Context, r DialRequest) (*Leg, error) {
	if len(r.Offer) == 0 {
		return nil, fmt.Errorf("sip: %w: dialling without an offer", ErrInvalid)
	}
	for _, h := range r.Headers {
		if err := validHeader(h); err != nil {
			return nil, fmt.Errorf("sip: dialling: %w", err)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	rt, err := s.route(ctx, &r)
	if err != nil {
		return nil, err
	}
	if len(rt.hops) == 0 {
		return nil, fmt.Errorf("sip: %w: %s has no address", ErrTransport, rt.uri)
	}
	if err := s.admitLeg(""); err != nil {
		return nil, err
	}
	c := newInviteClient(s, r, rt)
	leg, err := c.dial(ctx)
	if err != nil {
		c.release()
		return nil, err
	}
	return leg, nil
}

func newInviteClient(s *Server, r DialRequest, rt route) *inviteClient {
	c := &inviteClient{s: s, r: r, rt: rt, forks: make(map[string]*Leg), wake: make(chan struct{}, 1)}
	c.release = sync.OnceFunc(func() { s.releaseLeg("") })
	from := r.From
	if from.Host == "" {
		from.Host = rt.host
	}
	if r.Private {
		from = Address{Display: "Anonymous", User: "anonymous", Host: "anonymous.invalid"}
	}
	callID := r.CallID
	if callID == "" || strings.ContainsAny(callID, " \t\r\n\x00") {
		callID = token(16)
	}
	c.base = Dialog{
		CallID: callID, LocalTag: token(8), Remote: "<" + rt.uri + ">", RemoteTarget: rt.uri,
		RouteSet: rt.routes, Client: true, Peer: rt.peer, LocalSDP: r.Offer,
	}
	c.from, c.to = from, r.To
	if r.To != (Address{}) {
		if r.To.Host == "" {
			c.to.Host = rt.host
		}
		c.base.Remote = c.to.String()
	} else if n, ok := parseNameAddr(rt.uri); ok {
		n.URI.UriParams, n.URI.Headers = nil, nil
		c.to = n.Address
		c.base.Remote = "<" + n.URI.String() + ">"
	}
	c.interval = uint32(max(s.o.SessionExpires.Seconds(), minSessionExpires))
	return c
}

// build makes the INVITE for a hop. seq is its CSeq; authorization is "" or a header value.
func (c *inviteClient) build(h hop, auth *Header) (*sip.Request, error) {
	l, err := c.s.localFor(h.transport, h.addr)
	if err != nil {
		return nil, err
	}
	from := c.from
	if from.Host == "" {
		from.Host = l.host
	}
	user := c.r.From.User
	if c.r.Private {
		user = ""
	}
	c.mu.Lock()
	c.base.Local = from.String()
	c.base.LocalSeq++
	c.base.InviteSeq = c.base.LocalSeq
	c.base.Transport, c.base.Flow = h.transport, h.addr
	c.base.Peer.Source, c.base.Peer.Transport = h.addr, h.transport
	c.base.Contact = contact(l, h.transport, user)
	d := c.base
	c.mu.Unlock()
	req := d.request(sip.INVITE, d.InviteSeq)
	req.AppendHeader(sip.NewHeader("Contact", d.Contact))
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	req.AppendHeader(sip.NewHeader("Supported", supported))
	req.AppendHeader(sip.NewHeader("Session-Expires", strconv.Itoa(int(c.interval))))
	if c.minSE > 0 {
		req.AppendHeader(sip.NewHeader("Min-SE", strconv.Itoa(int(c.minSE))))
	}
	if a := c.r.Asserted; a.User != "" && c.rt.trusted && (!c.r.Private || c.rt.peer.Trunk != "") {
		if a.Host == "" {
			a.Host = from.Host
			if c.r.Private {
				a.Host = c.rt.host
			}
		}
		req.AppendHeader(sip.NewHeader("P-Asserted-Identity", a.String()))
	}
	if c.r.Private {
		req.AppendHeader(sip.NewHeader("Privacy", "id"))
	}
	appendHeaders(req, c.r.Headers)
	if auth != nil {
		req.AppendHeader(sip.NewHeader(auth.Name, auth.Value))
	}
	req.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	req.SetBody(c.r.Offer)
	return req, c.s.address(req, h, noContact)
}
