package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

type dialled struct {
	leg *Leg
	err error
}

// dial calls in the background.
func dial(ctx context.Context, s *Server, r DialRequest) chan dialled {
	done := make(chan dialled, 1)
	if r.Offer == nil {
		r.Offer = []byte(offerSDP)
	}
	go func() {
		leg, err := s.Dial(ctx, r)
		done <- dialled{leg, err}
	}()
	return done
}

func (p *phone) url() string { return "sip:" + p.user + "@" + p.addr() }

// hangUp ends a leg whose phone answers the BYE.
func hangUp(p *phone, l *Leg) {
	l.Hangup()
	p.respond(p.request("BYE"), 200, "", "")
}

func TestDialManyProvisionals(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	var got []int
	done := dial(t.Context(), s, DialRequest{URI: p.url(), OnProgress: func(code int, _ string, _ []byte) { got = append(got, code) }})
	inv := p.request("INVITE")
	var want []int
	for i := range 60 {
		code := 180 + i%4
		want = append(want, code)
		p.respond(inv, code, "a", "")
	}
	p.respond(inv, 200, "a", answerSDP)
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("progress %v", got)
	}
	p.request("ACK")
	hangUp(p, r.leg)
}

func TestDialForkedAnswers(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	done := dial(t.Context(), s, DialRequest{URI: p.url()})
	inv := p.request("INVITE")
	for _, tag := range []string{"a", "b", "c"} {
		p.respond(inv, 180, tag, "")
	}
	for _, tag := range []string{"b", "a", "c", "d"} {
		p.respond(inv, 200, tag, answerSDP+"a=x-"+tag+"\r\n")
	}
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if !strings.Contains(string(r.leg.RemoteSDP()), "x-b") {
		t.Errorf("the leg is not the first that answered: %q", r.leg.RemoteSDP())
	}
	// Each 2xx is acknowledged in its own dialog, and all but the first are hung up.
	acked, hung := map[string]bool{}, map[string]bool{}
	for len(acked) < 4 || len(hung) < 3 {
		m := p.wait("ACK or BYE", func(m *msg) bool { return m.method() == "ACK" || m.method() == "BYE" })
		if m.method() == "ACK" {
			acked[m.tag("To")] = true
			continue
		}
		hung[m.tag("To")] = true
		p.respond(m, 200, "", "")
	}
	if hung["b"] {
		t.Error("the winner was hung up")
	}
	// A repeated 2xx is acknowledged again.
	n := p.count(func(m *msg) bool { return m.method() == "ACK" })
	p.respond(inv, 200, "b", answerSDP)
	p.respond(inv, 200, "c", answerSDP)
	eventually(t, "both were acknowledged again", func() bool {
		return p.count(func(m *msg) bool { return m.method() == "ACK" }) >= n+2
	})
	hangUp(p, r.leg)
}

func TestDialCancelled(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the caller gave up")
	done := dial(ctx, s, DialRequest{URI: p.url()})
	inv := p.request("INVITE")
	cancel(reason)
	if r := <-done; r.err != reason {
		t.Fatalf("err %v", r.err)
	}
	p.request("INVITE") // repeated, but no CANCEL before a provisional response (RFC 3261 section 9.1)
	if p.count(func(m *msg) bool { return m.method() == "CANCEL" }) > 0 {
		t.Fatal("CANCEL before a provisional response")
	}
	p.respond(inv, 180, "a", "", "Record-Route: <sip:"+p.addr()+";lr>")
	cn := p.request("CANCEL")
	if cn.get("Via") != inv.get("Via") || cn.uri() != inv.uri() || cn.tag("To") != "" || cn.get("Route") != "" {
		t.Errorf("the CANCEL is not the INVITE's: %+v", cn)
	}
	p.respond(cn, 200, "a", "")
	p.respond(inv, 487, "a", "")
	p.request("ACK")
}

func TestDialAnswerCrossesCancel(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	ctx, cancel := context.WithCancel(t.Context())
	done := dial(ctx, s, DialRequest{URI: p.url()})
	inv := p.request("INVITE")
	p.respond(inv, 180, "a", "")
	cancel()
	if r := <-done; !errors.Is(r.err, context.Canceled) {
		t.Fatalf("err %v", r.err)
	}
	cn := p.request("CANCEL")
	p.respond(inv, 200, "a", answerSDP)
	p.respond(cn, 200, "a", "")
	if ack := p.request("ACK"); ack.tag("To") != "a" {
		t.Errorf("ACK to %q", ack.get("To"))
	}
	p.respond(p.request("BYE"), 200, "", "")
	eventually(t, "no leg is left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.legs == 0 && len(s.dialogs) == 0
	})
}

func TestDialFailures(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	done := dial(t.Context(), s, DialRequest{URI: p.url()})
	p.respond(p.request("INVITE"), 302, "a", "", "Contact: <sip:low@192.0.2.1>;q=0.1, <sip:high@192.0.2.2>", "X-Note: moved")
	p.request("ACK")
	var status *StatusError
	if r := <-done; !errors.As(r.err, &status) || status.Code != 302 || status.Header("X-Note") != "moved" ||
		!slices.Equal(status.Contacts, []string{"sip:high@192.0.2.2", "sip:low@192.0.2.1"}) {
		t.Errorf("err %#v", r.err)
	}
	// Nobody answers: Timer B.
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if r := <-dial(t.Context(), s, DialRequest{URI: "sip:x@" + silent.LocalAddr().String()}); !errors.Is(r.err, ErrTimeout) || !errors.As(r.err, &status) || status.Code != 408 {
		t.Errorf("err %v", r.err)
	}
	for _, bad := range []DialRequest{{}, {Trunk: "none", Number: "1"}, {URI: "nonsense"}, {URI: "sip:a@127.0.0.1", Headers: []Header{{"X", "a\r\nb"}}}} {
		if r := <-dial(t.Context(), s, bad); r.err == nil {
			t.Errorf("%+v was dialled", bad)
		}
	}
}

func TestDialPracksReliableProvisionals(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, nil, "1001")
	var early []string
	done := dial(t.Context(), s, DialRequest{URI: p.url(), OnProgress: func(_ int, _ string, sdp []byte) { early = append(early, string(sdp)) }})
	inv := p.request("INVITE")
	if !strings.Contains(inv.get("Supported"), "100rel") {
		t.Errorf("Supported %q", inv.get("Supported"))
	}
	p.respond(inv, 183, "a", answerSDP, "Require: 100rel", "RSeq: 7")
	pr := p.request("PRACK")
	if pr.get("RAck") != "7 1 INVITE" || pr.tag("To") != "a" {
		t.Errorf("PRACK %q", pr.get("RAck"))
	}
	p.respond(inv, 183, "a", answerSDP, "Require: 100rel", "RSeq: 7") // a repetition: not told again
	p.respond(pr, 200, "", "")
	p.respond(inv, 180, "a", "", "Require: 100rel", "RSeq: 8")
	p.respond(p.request("PRACK"), 200, "", "")
	p.respond(inv, 200, "a", "")
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if !slices.Equal(early, []string{answerSDP, ""}) || string(r.leg.RemoteSDP()) != answerSDP {
		t.Errorf("early %q, answer %q", early, r.leg.RemoteSDP())
	}
	p.request("ACK")
	hangUp(p, r.leg)
}

func TestDialSessionIntervalTooSmall(t *testing.T) {
	s := startServer(t, func(o *Options) { o.SessionExpires = 100 * time.Second })
	p := newPhone(t, nil, "1001")
	done := dial(t.Context(), s, DialRequest{URI: p.url()})
	inv := p.request("INVITE")
	if inv.get("Session-Expires") != "100" {
		t.Errorf("Session-Expires %q", inv.get("Session-Expires"))
	}
	p.respond(inv, 422, "a", "", "Min-SE: 300")
	inv = p.wait("another INVITE", func(m *msg) bool { n, me := m.cseq(); return m.method() == "INVITE" && me == "INVITE" && n == 2 })
	if inv.get("Session-Expires") != "300" || inv.get("Min-SE") != "300" {
		t.Errorf("Session-Expires %q Min-SE %q", inv.get("Session-Expires"), inv.get("Min-SE"))
	}
	p.respond(inv, 200, "b", answerSDP)
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	p.wait("ACK", func(m *msg) bool { return m.method() == "ACK" && m.tag("To") == "b" })
	hangUp(p, r.leg)
}

func TestDialByTCPConnectionOfTheBinding(t *testing.T) {
	s := startServer(t, nil)
	p := tcpPhone(t, s, "1001")
	p.registerAuth(600)
	b := s.Bindings("1001")
	done := dial(t.Context(), s, DialRequest{Binding: &b[0]})
	inv := p.request("INVITE")
	if !strings.Contains(inv.get("Via"), "SIP/2.0/TCP") || !strings.Contains(inv.get("Contact"), fmt.Sprint(s.Addrs("tcp")[0].Port())) {
		t.Errorf("Via %s, Contact %s", inv.get("Via"), inv.get("Contact"))
	}
	p.respond(inv, 200, "a", answerSDP)
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	p.request("ACK")
	hangUp(p, r.leg)
	// The connection is gone: that is not a silent phone.
	p.conn.Close()
	eventually(t, "the connection is gone", func() bool { return !s.transports.Connected(b[0].Source) })
	if r := <-dial(t.Context(), s, DialRequest{Binding: &b[0]}); !errors.Is(r.err, ErrTransport) {
		t.Errorf("err %v", r.err)
	}
}

func TestDialGoesBackTheWayOfTheRegistration(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	// Behind a NAT the Contact names an address that is not to be reached; Path names the proxies on the way.
	p.registerAuth(600, "Contact: <sip:1001@192.0.2.77:5099;x=1>", "Path: <sip:edge@127.0.0.1:1;lr>", "Supported: path")
	b := s.Bindings("1001")
	done := dial(t.Context(), s, DialRequest{Binding: &b[0]})
	inv := p.request("INVITE")
	if inv.uri() != "sip:1001@192.0.2.77:5099;x=1" || inv.get("Route") != "<sip:edge@127.0.0.1:1;lr>" {
		t.Errorf("INVITE %s, Route %q", inv.uri(), inv.get("Route"))
	}
	p.respond(inv, 200, "a", answerSDP, "Contact: <sip:1001@192.0.2.77:5099;x=1>")
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	p.request("ACK")
	hangUp(p, r.leg)
}

func TestBigInviteGoesByTCP(t *testing.T) {
	s := startServer(t, nil)
	// A peer that listens on both at one port.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	udp := phoneAt(t, nil, "1001", l.Addr().String())
	tcp := &phone{t: t, user: "1001", tcp: true, in: make(chan *msg, 100)}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		tcp.conn, tcp.server = c, c.RemoteAddr()
		accepted <- c
		tcp.readStream(c)
	}()
	big := Header{"X-Big", strings.Repeat("x", 1400)}
	done := dial(t.Context(), s, DialRequest{URI: udp.url(), Headers: []Header{big}})
	defer (<-accepted).Close()
	inv := tcp.request("INVITE")
	tcp.respond(inv, 486, "a", "")
	var status *StatusError
	if r := <-done; !errors.As(r.err, &status) || status.Code != 486 {
		t.Errorf("err %v", r.err)
	}
	if n := udp.count(func(m *msg) bool { return m.method() == "INVITE" }); n != 0 {
		t.Errorf("%d INVITEs over UDP", n)
	}
	// Who has no TCP gets it by UDP.
	only := newPhone(t, nil, "1002")
	done = dial(t.Context(), s, DialRequest{URI: only.url(), Headers: []Header{big}})
	only.respond(only.request("INVITE"), 486, "a", "")
	if r := <-done; !errors.As(r.err, &status) || status.Code != 486 {
		t.Errorf("err %v", r.err)
	}
}

func TestForeignChallengeInsideTheCallIsNotAnswered(t *testing.T) {
	p := newPhone(t, nil, "1001")
	a := netip.MustParseAddrPort(p.addr())
	s := startServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "pstn", Host: a.String(), User: "u", Secret: "s", Transport: "udp"}}
	})
	done := dial(t.Context(), s, DialRequest{Trunk: "pstn", Number: "01865277513"})
	inv := p.request("INVITE")
	p.respond(inv, 407, "a", "", `Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"`)
	p.request("ACK")
	inv = p.wait("INVITE with credentials", func(m *msg) bool { return m.method() == "INVITE" && m.get("Proxy-Authorization") != "" })
	p.respond(inv, 200, "b", answerSDP)
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	p.request("ACK")
	r.leg.Hangup()
	bye := p.request("BYE")
	p.respond(bye, 407, "", "", `Proxy-Authenticate: Digest realm="thief", nonce="n2", algorithm=MD5, qop="auth"`)
	eventually(t, "the leg is gone", func() bool { return r.leg.Context().Err() != nil })
	if n := p.count(func(m *msg) bool {
		return m.method() == "BYE" && (m.get("Proxy-Authorization") != "" || m.get("Authorization") != "")
	}); n != 0 {
		t.Error("credentials went to a foreign realm")
	}

	// A peer that is dialled without credentials gets none, whatever it asks.
	q := newPhone(t, nil, "1002")
	done = dial(t.Context(), s, DialRequest{URI: q.url()})
	q.respond(q.request("INVITE"), 401, "a", "", `WWW-Authenticate: Digest realm="carrier", nonce="n3", algorithm=MD5, qop="auth"`)
	var status *StatusError
	if r := <-done; !errors.As(r.err, &status) || status.Code != 401 {
		t.Errorf("err %v", r.err)
	}
}

func TestTrunkFailover(t *testing.T) {
	first, second := newPhone(t, nil, "first"), newPhone(t, nil, "second")
	s := startServer(t, nil)
	rt := route{uri: "sip:1@carrier.example", host: "carrier.example", peer: Peer{Trunk: "pstn"}}
	for _, p := range []*phone{first, second} {
		rt.hops = append(rt.hops, hop{"udp", netip.MustParseAddrPort(p.addr())})
	}
	for _, refusal := range []string{"503", "silence", "refused"} {
		r := rt
		if refusal == "refused" {
			dead, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dead.Close()
			r.hops = []hop{{"tcp", netip.MustParseAddrPort(dead.Addr().String())}, rt.hops[1]}
		}
		if err := s.admitLeg(""); err != nil {
			t.Fatal(err)
		}
		c := newInviteClient(s, DialRequest{Offer: []byte(offerSDP)}, r)
		done := make(chan dialled, 1)
		go func() {
			leg, err := c.dial(t.Context())
			done <- dialled{leg, err}
		}()
		if refusal == "503" {
			first.respond(first.request("INVITE"), 503, "a", "")
			first.request("ACK")
		}
		second.respond(second.request("INVITE"), 200, "b", answerSDP)
		d := <-done
		if d.err != nil {
			t.Fatalf("%s: %v", refusal, d.err)
		}
		second.request("ACK")
		hangUp(second, d.leg)
	}
}

func TestUpdateBeforeTheAnswer(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	p.registerAuth(600)
	b := s.Bindings("1001")
	offers := make(chan string, 1)
	done := dial(t.Context(), s, DialRequest{Binding: &b[0], Handler: LegHandler{Offer: func(_ context.Context, sdp []byte) ([]byte, error) {
		offers <- string(sdp)
		return []byte(offerSDP), nil
	}}})
	inv := p.request("INVITE")
	p.respond(inv, 183, "a", answerSDP)
	c := p.callee(inv, "a")
	eventually(t, "the early dialog is there", func() bool {
		return s.leg(dialogID{c.id, c.remote, "a"}) != nil
	})
	c.do("UPDATE", answerSDP)
	if res := p.response("UPDATE", 200); res.body != offerSDP || <-offers != answerSDP {
		t.Errorf("UPDATE answered with %q", res.body)
	}
	p.respond(inv, 200, "a", "")
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	p.request("ACK")
	hangUp(p, r.leg)
}
