package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/digest"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// access is who may send a method.
type access struct {
	dialog bool // inside a dialog of ours
	line   bool // outside a dialog: an authenticated line
	trunk  bool // outside a dialog: a trunk's address
	guest  bool // outside a dialog: anybody, if Options.Guest agrees
	device bool // outside a dialog: the address of a registered device, unauthenticated (keep-alives)
}

// gate is the one place that says who may send what; what it does not name is refused with 405.
func gate(m sip.RequestMethod) (a access, known bool) {
	switch m {
	case sip.INVITE:
		return access{dialog: true, line: true, trunk: true, guest: true}, true
	case sip.REGISTER:
		return access{line: true}, true
	case sip.SUBSCRIBE:
		return access{dialog: true, line: true}, true
	case sip.OPTIONS:
		return access{dialog: true, line: true, trunk: true, device: true}, true
	case sip.ACK, sip.BYE, sip.PRACK, sip.UPDATE, sip.INFO, sip.NOTIFY, sip.REFER:
		return access{dialog: true}, true
	}
	return access{}, false
}

// authenticator is the digest server.
type authenticator interface {
	Challenge(source string, stale bool) []string
	Check(header, method, uri string, body []byte, source string,
		lookup func(user string) (ha1MD5, ha1SHA256 string, ok bool)) (user string, r digest.Result)
}

func (s *Server) newAuthenticator() error {
	s.auth = digest.NewServer(digest.Options{Realm: s.o.Realm, Clock: s.clock})
	s.suspects = newSuspects(s.clock)
	return nil
}

// handle gets every request but ACK that is no retransmission, in a goroutine of its own.
func (s *Server) handle(req *sip.Request, tx *transaction.Server) {
	defer func() {
		if r := recover(); r != nil {
			s.refuse(req, tx, 500)
			tx.Terminate()
			defer s.recover("a request")
			panic(r)
		}
	}()
	s.count.requests.WithLabelValues("in", methodLabel(req.Method)).Inc()
	if !wellFormed(req) {
		s.count.dropped.WithLabelValues("malformed").Inc()
		s.refuse(req, tx, 400)
		return
	}
	if req.IsCancel() {
		s.gotCancel(req, tx)
		return
	}
	a, known := gate(req.Method)
	if !known {
		s.refuse(req, tx, 405)
		return
	}
	switch req.Recipient.Scheme {
	case "sip", "sips", "tel":
	default:
		s.refuse(req, tx, 416)
		return
	}
	if tagOf(req.To().Params) != "" && req.Method != sip.REGISTER {
		s.insideDialog(req, tx, a)
		return
	}
	if !a.line && !a.trunk && !a.guest {
		code := 481
		if req.Method == sip.REFER {
			code = 403 // only inside a dialog: nobody has us call strangers
		}
		s.refuse(req, tx, code)
		return
	}
	switch req.Method {
	case sip.INVITE:
		s.gotInvite(req, tx)
	case sip.REGISTER:
		s.gotRegister(req, tx)
	case sip.SUBSCRIBE:
		s.gotSubscribe(req, tx)
	case sip.OPTIONS:
		if _, ok := s.admit(req, tx); ok {
			s.answer(req, tx, 200, nil, Header{"Accept", sdpType})
		}
	}
}

// wellFormed refuses what the parser lets through.
func wellFormed(req *sip.Request) bool {
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil || req.Via() == nil {
		return false
	}
	return tagOf(req.From().Params) != "" && req.CallID().Value() != "" && len(req.CallID().Value()) <= 256 &&
		len(tagOf(req.From().Params)) <= 256 && req.CSeq().MethodName == req.Method && len(req.Body()) <= maxBody &&
		source(req).IsValid()
}

func (s *Server) insideDialog(req *sip.Request, tx *transaction.Server, a access) {
	id, ok := serverDialogID(req)
	if ok && a.dialog {
		if l := s.leg(id); l != nil && req.Method != sip.SUBSCRIBE {
			l.receive(req, tx)
			return
		}
		if req.Method == sip.SUBSCRIBE && s.subs.refresh(s, id, req, tx) {
			return
		}
	}
	s.refuse(req, tx, 481)
}

// gotAck gets each ACK but those of refusals, in the goroutine that read it.
func (s *Server) gotAck(ack *sip.Request) {
	s.count.requests.WithLabelValues("in", "ACK").Inc()
	if !wellFormed(ack) {
		s.count.dropped.WithLabelValues("malformed").Inc()
		return
	}
	id, ok := serverDialogID(ack)
	if !ok {
		return
	}
	if l := s.leg(id); l != nil && l.admits(ack) {
		l.gotAck(ack)
	}
}

// admit finds out who sends a request outside any dialog, by the rules of its method. false: it has been refused.
//
// Who gives credentials is judged by them. Else a trunk is known by its address. Else an INVITE from a foreign domain
// is a guest's, if Options.Guest takes it. All others are challenged, and told nothing that depends on who they say
// they are.
func (s *Server) admit(req *sip.Request, tx *transaction.Server) (Peer, bool) {
	a, _ := gate(req.Method)
	src := source(req)
	peer := Peer{Source: src, Transport: strings.ToLower(req.Transport())}
	from := addressOf("", &req.From().Address)
	if line, offered, ok := s.authenticate(req, tx); offered {
		if !ok {
			return Peer{}, false
		}
		// A line may call without giving its name (RFC 3323 section 4.1.1.3).
		withheld := req.IsInvite() && strings.EqualFold(from.User, "anonymous")
		if !a.line || from.User != line && !withheld {
			s.count.dropped.WithLabelValues("not its own name").Inc()
			s.refuse(req, tx, 403)
			return Peer{}, false
		}
		peer.Line = line
		return peer, true
	}
	if a.trunk {
		if t := s.trunks.at(src.Addr()); t != "" {
			peer.Trunk = t
			return peer, true
		}
	}
	if a.device && s.reg.isDevice(src) {
		return peer, true
	}
	if a.guest && s.o.Guest != nil && !s.isOwn(from.Host) {
		claimed := addressOf(req.From().DisplayName, &req.From().Address)
		if s.o.Guest(claimed, addressOf("", &req.Recipient).User) {
			return peer, true
		}
	}
	s.challenge(req, tx, false)
	return Peer{}, false
}

// authenticate checks the credentials of a request. offered: it had some for our realm. ok: they hold; if not, it has
// been refused.
func (s *Server) authenticate(req *sip.Request, tx *transaction.Server) (line string, offered, ok bool) {
	given := req.GetHeaders("Authorization")
	if len(given) == 0 {
		return "", false, false
	}
	ctx, cancel := s.withClock(s.ctx, 64*s.timers.T1)
	defer cancel()
	src := source(req).Addr().String()
	for _, h := range given {
		user, result := s.auth.Check(h.Value(), string(req.Method), req.Recipient.String(), req.Body(), src,
			func(user string) (string, string, bool) {
				if s.o.Lines == nil {
					return "", "", false
				}
				c, ok := s.o.Lines(ctx, user)
				line = c.Line
				return c.HA1MD5, c.HA1SHA256, ok
			})
		if result == digest.Missing {
			continue
		}
		s.count.auth.WithLabelValues(result.String()).Inc()
		switch result {
		case digest.OK:
			if strings.Contains(strings.ToUpper(h.Value()), "SHA-") {
				s.suspects.answered(req)
			}
			return line, true, true
		case digest.Stale, digest.Replay:
			s.challenge(req, tx, true)
		case digest.Malformed:
			s.refuse(req, tx, 400)
		default:
			s.log.Info("wrong credentials", "user", user, "source", src, "method", req.Method)
			s.refuse(req, tx, 403)
		}
		return "", true, false
	}
	return "", false, false
}

func (s *Server) challenge(req *sip.Request, tx *transaction.Server, stale bool) {
	var hs []Header
	challenges := s.auth.Challenge(source(req).Addr().String(), stale)
	if s.asksMD5(req) {
		challenges = challenges[len(challenges)-1:]
	}
	for _, c := range challenges {
		hs = append(hs, Header{"WWW-Authenticate", c})
	}
	s.refuse(req, tx, 401, hs...)
}

// isOwn tells whether a host means this exchange.
func (s *Server) isOwn(host string) bool { return s.own[normalHost(host)] }

// sameHost is the key under which the unauthenticated are counted: one IPv4 address, or one /64 of IPv6.
func sameHost(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
