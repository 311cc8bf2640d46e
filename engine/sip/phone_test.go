package sip

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

// Small timers for all tests.
var testTimers = Timers{T1: 25 * time.Millisecond, T2: 200 * time.Millisecond, T4: 200 * time.Millisecond}

// patience is how long a test waits for something that must happen.
const patience = 10 * time.Second

const realm = "test.example"

// lines are the accounts of the tests: the secret of 1001 is "secret1001".
func testLines(_ context.Context, user string) (Credentials, bool) {
	if len(user) != 4 || user[0] != '1' {
		return Credentials{}, false
	}
	return Credentials{
		Line: user, HA1MD5: digest.HA1("MD5", user, realm, "secret"+user), HA1SHA256: digest.HA1("SHA-256", user, realm, "secret"+user),
	}, true
}

// startServer runs a server on loopback for the length of a test.
func startServer(t *testing.T, edit func(*Options)) *Server {
	t.Helper()
	o := Options{
		UDP: []string{"127.0.0.1:0"}, TCP: []string{"127.0.0.1:0"}, Realm: realm, UserAgent: "Belfry/test",
		Timers: testTimers, Lines: testLines,
	}
	if edit != nil {
		edit(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// msg is a message as a raw-text phone sees it.
type msg struct {
	first   string
	headers [][2]string
	body    string
	from    net.Addr
}

func parseMsg(raw string) *msg {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m := &msg{first: lines[0], body: body}
	for _, l := range lines[1:] {
		k, v, _ := strings.Cut(l, ":")
		m.headers = append(m.headers, [2]string{strings.TrimSpace(k), strings.TrimSpace(v)})
	}
	return m
}

func (m *msg) get(name string) string {
	if v := m.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (m *msg) all(name string) []string {
	var out []string
	for _, h := range m.headers {
		if strings.EqualFold(h[0], name) {
			out = append(out, h[1])
		}
	}
	return out
}

func (m *msg) method() string {
	f := strings.Fields(m.first)
	if len(f) == 0 || f[0] == "SIP/2.0" {
		return ""
	}
	return f[0]
}

func (m *msg) uri() string { return strings.Fields(m.first)[1] }

func (m *msg) code() int {
	f := strings.Fields(m.first)
	if len(f) < 2 || f[0] != "SIP/2.0" {
		return 0
	}
	n, _ := strconv.Atoi(f[1])
	return n
}

func (m *msg) tag(header string) string { v, _ := headerParam(m.get(header), "tag"); return v }

func (m *msg) cseq() (n int, method string) {
	fmt.Sscanf(m.get("CSeq"), "%d %s", &n, &method)
	return n, method
}

// phone is a SIP phone that does what a test tells it, in raw text.
type phone struct {
	t      *testing.T
	user   string
	tcp    bool
	pc     net.PacketConn
	conn   net.Conn
	server net.Addr
	in     chan *msg

	mu   sync.Mutex
	seen []*msg
	nc   int
}

func newPhone(t *testing.T, s *Server, user string) *phone {
	t.Helper()
	return phoneAt(t, s, user, "127.0.0.1:0")
}

func phoneAt(t *testing.T, s *Server, user, addr string) *phone {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, user: user, pc: pc, in: make(chan *msg, 1000)}
	local := netip.MustParseAddrPort(pc.LocalAddr().String())
	if s != nil {
		for _, a := range s.Addrs("udp") {
			if a.Addr().Is4() == local.Addr().Is4() {
				p.server = net.UDPAddrFromAddrPort(a)
			}
		}
	}
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				close(p.in)
				return
			}
			m := parseMsg(string(buf[:n]))
			m.from = from
			p.got(m)
		}
	}()
	t.Cleanup(func() { pc.Close() })
	return p
}

func tcpPhone(t *testing.T, s *Server, user string) *phone {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addrs("tcp")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, user: user, tcp: true, conn: conn, server: conn.RemoteAddr(), in: make(chan *msg, 1000)}
	go p.readStream(conn)
	t.Cleanup(func() { conn.Close() })
	return p
}

func (p *phone) readStream(conn net.Conn) {
	defer close(p.in)
	r := bufio.NewReader(conn)
	for {
		var head strings.Builder
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				if head.Len() == 0 {
					continue
				}
				break
			}
			head.WriteString(line)
		}
		m := parseMsg(strings.TrimSuffix(head.String(), "\r\n") + "\r\n\r\n")
		n, _ := strconv.Atoi(m.get("Content-Length"))
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		m.body, m.from = string(body), conn.RemoteAddr()
		p.got(m)
	}
}

func (p *phone) got(m *msg) {
	if os.Getenv("SIPTRACE") != "" {
		fmt.Printf("%s %s <- %s  [%s] %s\n", time.Now().Format("05.000"), p.user, m.first, m.get("CSeq"), m.get("To"))
	}
	p.mu.Lock()
	p.seen = append(p.seen, m)
	p.mu.Unlock()
	p.in <- m
}

func (p *phone) addr() string {
	if p.tcp {
		return p.conn.LocalAddr().String()
	}
	return p.pc.LocalAddr().String()
}

func (p *phone) transport() string {
	if p.tcp {
		return "TCP"
	}
	return "UDP"
}

func (p *phone) contact() string {
	if p.tcp {
		return "<sip:" + p.user + "@" + p.addr() + ";transport=tcp>"
	}
	return "<sip:" + p.user + "@" + p.addr() + ">"
}

func (p *phone) send(raw string) { p.sendTo(p.server, raw) }

func (p *phone) sendTo(to net.Addr, raw string) {
	p.t.Helper()
	if os.Getenv("SIPTRACE") != "" {
		first, _, _ := strings.Cut(raw, "\r\n")
		fmt.Printf("%s %s -> %s\n", time.Now().Format("05.000"), p.user, first)
	}
	var err error
	if p.tcp {
		_, err = p.conn.Write([]byte(raw))
	} else {
		_, err = p.pc.WriteTo([]byte(raw), to)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Errorf("sending: %v", err)
	}
}

// wait returns the next message that fits; others are dropped.
func (p *phone) wait(what string, fits func(*msg) bool) *msg {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m, ok := <-p.in:
			if !ok {
				p.t.Fatalf("%s: the socket closed while waiting for %s", p.user, what)
			}
			if fits(m) {
				return m
			}
		case <-deadline:
			p.mu.Lock()
			var seen []string
			for _, m := range p.seen {
				seen = append(seen, m.first+" ["+m.get("CSeq")+"]")
			}
			p.mu.Unlock()
			p.t.Fatalf("%s: no %s came; seen:\n%s", p.user, what, strings.Join(seen, "\n"))
		}
	}
}

func (p *phone) request(method string) *msg {
	p.t.Helper()
	return p.wait(method, func(m *msg) bool { return m.method() == method })
}

func (p *phone) response(method string, codes ...int) *msg {
	p.t.Helper()
	return p.wait(fmt.Sprintf("%v to %s", codes, method), func(m *msg) bool {
		_, me := m.cseq()
		return me == method && slices.Contains(codes, m.code())
	})
}

// final waits for a final response, whatever it is.
func (p *phone) final(method string) *msg {
	p.t.Helper()
	return p.wait("final response to "+method, func(m *msg) bool {
		_, me := m.cseq()
		return me == method && m.code() >= 200
	})
}

// count counts the messages seen that fit.
func (p *phone) count(fits func(*msg) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, m := range p.seen {
		if fits(m) {
			n++
		}
	}
	return n
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// call is one dialog at a phone.
type call struct {
	p              *phone
	id, local      string // Call-ID, our tag
	remote         string // the other's tag
	fromURI, toURI string
	target         string // Request-URI
	invite         string // the INVITE as sent, or nil
	inviteMsg      *msg   // the INVITE as received
	seq, inviteSeq int
	branch         string
	routes         []string
}

func (p *phone) newCall(to string) *call {
	host := realm
	return &call{p: p, id: token(8), local: token(4), fromURI: "sip:" + p.user + "@" + host, toURI: "sip:" + to + "@" + host,
		target: "sip:" + to + "@" + p.server.String(), seq: 0}
}

// build writes a request of the call.
func (c *call) build(method string, seq int, branch, body string, extra ...string) string {
	var b strings.Builder
	to := "<" + c.toURI + ">"
	if c.remote != "" {
		to += ";tag=" + c.remote
	}
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\n", method, c.target, c.p.transport(), c.p.addr(), branch)
	for _, r := range c.routes {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	fmt.Fprintf(&b, "From: <%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: %s\r\n",
		c.fromURI, c.local, to, c.id, seq, method, c.p.contact())
	for _, e := range extra {
		if strings.HasPrefix(e, "Contact:") {
			s := strings.Replace(b.String(), "Contact: "+c.p.contact()+"\r\n", "", 1)
			b.Reset()
			b.WriteString(s)
		}
		b.WriteString(e + "\r\n")
	}
	if body != "" && !strings.Contains(strings.Join(extra, "\n"), "Content-Type:") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// do sends a request with the next CSeq and gives what was sent.
func (c *call) do(method, body string, extra ...string) string {
	c.seq++
	raw := c.build(method, c.seq, branchCookie+token(8), body, extra...)
	c.p.send(raw)
	return raw
}

const offerSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
const answerSDP = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 50000 RTP/AVP 8\r\n"

// authorize makes the Authorization header for a challenge.
func (p *phone) authorize(challenge *msg, method, uri, user, secret string) string {
	p.t.Helper()
	p.mu.Lock()
	p.nc++
	nc := p.nc
	p.mu.Unlock()
	name, from := "Authorization", "WWW-Authenticate"
	if challenge.code() == 407 {
		name, from = "Proxy-Authorization", "Proxy-Authenticate"
	}
	v, err := digest.Answer(challenge.all(from), method, uri, user, secret, nil, nc)
	if err != nil {
		p.t.Fatal(err)
	}
	return name + ": " + v
}

// inviteAuth sends INVITE, answers the challenge, and leaves the call with the authorised INVITE under way.
func (p *phone) inviteAuth(to, body string, extra ...string) *call {
	p.t.Helper()
	c := p.newCall(to)
	c.invite = c.do("INVITE", body, extra...)
	ch := p.response("INVITE", 401)
	c.ackFailure(ch)
	c.sendInvite(body, append(extra, p.authorize(ch, "INVITE", c.target, p.user, "secret"+p.user))...)
	return c
}

func (c *call) sendInvite(body string, extra ...string) {
	c.seq++
	c.inviteSeq = c.seq
	c.branch = branchCookie + token(8)
	c.invite = c.build("INVITE", c.seq, c.branch, body, extra...)
	c.p.send(c.invite)
}

// ackFailure acknowledges a final response other than 2xx, inside the transaction.
func (c *call) ackFailure(res *msg) {
	sent := parseMsg(c.invite)
	raw := fmt.Sprintf("ACK %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		c.target, sent.get("Via"), sent.get("From"), res.get("To"), c.id, strings.Fields(sent.get("CSeq"))[0])
	c.p.send(raw)
}

// established takes the dialog from a response.
func (c *call) established(res *msg) {
	c.remote = res.tag("To")
	if n, ok := parseNameAddr(res.get("Contact")); ok {
		c.target = n.URI.String()
	}
	c.routes = res.all("Record-Route")
	slices.Reverse(c.routes)
}

// ack acknowledges a 2xx.
func (c *call) ack(res *msg, body string) {
	c.established(res)
	seq, _ := res.cseq()
	c.p.send(c.build("ACK", seq, branchCookie+token(8), body))
}

// respond answers a request that the phone got.
func (p *phone) respond(req *msg, code int, tag, body string, extra ...string) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", code, ReasonPhrase(code))
	for _, h := range req.headers {
		switch strings.ToLower(h[0]) {
		case "via", "from", "call-id", "cseq":
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		case "to":
			to := h[1]
			if tag != "" && !strings.Contains(to, ";tag=") {
				to += ";tag=" + tag
			}
			fmt.Fprintf(&b, "To: %s\r\n", to)
		case "record-route":
			if code > 100 && code < 300 {
				fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
			}
		}
	}
	if !strings.Contains(strings.Join(extra, "\n"), "Contact:") && code > 100 && code < 300 {
		fmt.Fprintf(&b, "Contact: %s\r\n", p.contact())
	}
	for _, e := range extra {
		b.WriteString(e + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.sendTo(req.from, b.String())
}

// callee makes the phone's side of a dialog from an INVITE that it got.
func (p *phone) callee(invite *msg, tag string) *call {
	from, _ := parseNameAddr(invite.get("From"))
	to, _ := parseNameAddr(invite.get("To"))
	contact, _ := parseNameAddr(invite.get("Contact"))
	return &call{p: p, id: invite.get("Call-ID"), local: tag, remote: invite.tag("From"), fromURI: to.URI.String(),
		toURI: from.URI.String(), target: contact.URI.String(), seq: 100, inviteMsg: invite}
}

// registerAuth registers the phone and gives the 200.
func (p *phone) registerAuth(expires int, extra ...string) *msg {
	p.t.Helper()
	c := p.newCall(p.user)
	c.target = "sip:" + realm
	extra = append(extra, fmt.Sprintf("Expires: %d", expires))
	c.do("REGISTER", "", extra...)
	ch := p.response("REGISTER", 401)
	c.do("REGISTER", "", append(extra, p.authorize(ch, "REGISTER", c.target, p.user, "secret"+p.user))...)
	return p.response("REGISTER", 200)
}

func parseUDP(a netip.AddrPort) net.Addr { return net.UDPAddrFromAddrPort(a) }
