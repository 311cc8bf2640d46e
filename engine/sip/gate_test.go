package sip

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

// All methods outside a dialog, with no, wrong and another line's credentials: nothing gets through.
func TestGateMatrix(t *testing.T) {
	calls := make(chan *Leg, 10)
	s := startServer(t, func(o *Options) {
		o.Invite = legs(calls)
		o.MessageWaiting = func(string) (Waiting, bool) { return Waiting{}, true }
	})
	p := newPhone(t, s, "1001")
	want := map[string][3]int{ // no credentials, wrong secret, right secret of another line
		"INVITE":    {401, 403, 403},
		"REGISTER":  {401, 403, 403},
		"SUBSCRIBE": {401, 403, 403},
		"OPTIONS":   {401, 403, 403},
		"MESSAGE":   {405, 405, 405},
		"PUBLISH":   {405, 405, 405},
		"FOO":       {405, 405, 405},
		"BYE":       {481, 481, 481},
		"CANCEL":    {481, 481, 481},
		"UPDATE":    {481, 481, 481},
		"PRACK":     {481, 481, 481},
		"INFO":      {481, 481, 481},
		"NOTIFY":    {481, 481, 481},
		"REFER":     {403, 403, 403},
	}
	for method, codes := range want {
		t.Run(method, func(t *testing.T) {
			challenge := parseMsg("SIP/2.0 401 x\r\nWWW-Authenticate: " + strings.Join(s.auth.Challenge("127.0.0.1", false), "\r\nWWW-Authenticate: ") + "\r\n\r\n")
			uri := "sip:77513@" + p.server.String()
			for i, extra := range [][]string{
				nil,
				{p.authorize(challenge, method, uri, "1001", "wrong")},
				{p.authorize(challenge, method, uri, "1002", "secret1002")},
			} {
				c := p.newCall("77513")
				c.target = uri
				c.invite = c.do(method, "", append(extra, "Event: message-summary")...)
				res := p.final(method)
				if res.code() != codes[i] {
					t.Errorf("case %d: %d, not %d", i, res.code(), codes[i])
				}
				if method == "INVITE" {
					c.ackFailure(res)
				}
				if res.code() == 405 && res.get("Allow") == "" {
					t.Error("405 without Allow")
				}
			}
		})
	}
	if len(calls) > 0 {
		t.Error("a call got through")
	}
	if n := len(s.Bindings("1001")); n != 0 {
		t.Error("a registration got through")
	}
}

// Unknown users get what known ones get, but for nonce and branch.
func TestUnknownUsersLookLikeKnownOnes(t *testing.T) {
	s := startServer(t, nil)
	nonce := regexp.MustCompile(`nonce="[^"]*"`)
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"} {
		for _, secret := range []string{"", "wrong"} {
			var seen []string
			for _, user := range []string{"1001", "9999"} {
				p := newPhone(t, s, user)
				c := p.newCall("77513")
				c.id, c.local = "same", "same"
				var extra []string
				if secret != "" {
					challenge := parseMsg("SIP/2.0 401 x\r\nWWW-Authenticate: " + s.auth.Challenge("127.0.0.1", false)[0] + "\r\n\r\n")
					extra = []string{p.authorize(challenge, method, c.target, user, secret)}
				}
				c.invite = c.do(method, "", extra...)
				res := p.final(method)
				var b strings.Builder
				fmt.Fprintln(&b, res.first)
				for _, h := range res.headers {
					switch h[0] {
					case "Via", "From", "To":
					default:
						fmt.Fprintln(&b, h[0], nonce.ReplaceAllString(h[1], ""))
					}
				}
				seen = append(seen, b.String())
			}
			if seen[0] != seen[1] {
				t.Errorf("%s, secret %q:\n%s\nagainst\n%s", method, secret, seen[0], seen[1])
			}
		}
	}
}

func TestGuests(t *testing.T) {
	in := make(chan *Leg, 20)
	s := startServer(t, func(o *Options) {
		o.Invite = legs(in)
		o.MaxGuestLegs = 2
		o.Guest = func(from Address, dialled string) bool { return dialled == "77513" && from.User == "bob" }
	})
	p := newPhone(t, s, "bob")
	call := func(number, host string) (*call, *msg) {
		c := p.newCall(number)
		c.fromURI = "sip:bob@" + host
		c.sendInvite(offerSDP)
		return c, p.response("INVITE", 100, 401, 503)
	}
	for _, c := range []struct {
		number, host string
		code         int
	}{
		{"77513", "elsewhere.example", 100},
		{"77513", "elsewhere.example", 100},
		{"77513", "elsewhere.example", 503},
		{"77514", "elsewhere.example", 401},
		{"77513", realm, 401},
		{"77513", strings.ToUpper(realm), 401},
		{"77513", "127.0.0.1", 401},
	} {
		cl, res := call(c.number, c.host)
		if res.code() != c.code {
			t.Errorf("%s from %s: %d", c.number, c.host, res.code())
		}
		if res.code() >= 300 {
			cl.ackFailure(res)
		}
	}
	if l := <-in; l.Peer().Line != "" || l.Peer().Trunk != "" || l.From().User != "bob" {
		t.Errorf("peer %+v from %+v", l.Peer(), l.From())
	}
}

func TestTrunkByAddress(t *testing.T) {
	in := make(chan *Leg, 2)
	s := startServer(t, func(o *Options) {
		o.Invite = legs(in)
		o.Trunks = []Trunk{
			{Name: "wide", Host: "127.0.0.3", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/30")}},
			{Name: "pstn", Host: "127.0.0.2:5060", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}},
			{Name: "byHost", Host: "127.0.0.9:5060"},
		}
	})
	for addr, name := range map[string]string{"127.0.0.2": "pstn", "127.0.0.3": "wide", "127.0.0.9": "byHost"} {
		p := phoneAt(t, s, "+441865277513", addr+":0")
		c := p.newCall("77513")
		c.sendInvite(offerSDP, `P-Asserted-Identity: "Bo" <sip:+441865000001@carrier>`, "Privacy: id", `Diversion: "A" <sip:77001@x>;reason=no-answer, <sip:77002@x>;reason=unconditional`)
		l := <-in
		if l.Peer().Trunk != name || l.AssertedIdentity() != (Address{"Bo", "+441865000001", "carrier"}) || !l.Privacy() {
			t.Errorf("%s: peer %+v, asserted %+v, privacy %v", addr, l.Peer(), l.AssertedIdentity(), l.Privacy())
		}
		if d := l.Diversion(); len(d) != 2 || d[0] != (Diversion{"77001", "A", "no-answer"}) || d[1].Reason != "unconditional" {
			t.Errorf("diversion %+v", d)
		}
		l.Reject(404, "")
		c.ackFailure(p.response("INVITE", 404))
		c.do("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	p := phoneAt(t, s, "x", "127.0.0.8:0")
	c := p.newCall("77513")
	c.sendInvite(offerSDP)
	p.response("INVITE", 401)
}

func TestAssertedIdentityOfLinesIsNotBelieved(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	p.inviteAuth("77513", offerSDP, "P-Asserted-Identity: <sip:999@x>")
	if l := <-in; l.AssertedIdentity() != (Address{}) {
		t.Errorf("asserted %+v", l.AssertedIdentity())
	}
}

func TestStaleAndReplayedNonces(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	c := p.newCall("1001")
	c.target = "sip:" + realm
	c.do("REGISTER", "")
	ch := p.response("REGISTER", 401)
	if all := ch.all("WWW-Authenticate"); len(all) != 2 || !strings.Contains(all[0], "SHA-256") || !strings.Contains(all[1], "MD5") {
		t.Errorf("challenges %q", all)
	}
	auth := p.authorize(ch, "REGISTER", c.target, "1001", "secret1001")
	c.do("REGISTER", "", auth)
	p.response("REGISTER", 200)
	c.do("REGISTER", "", auth) // the same nonce count again
	if res := p.response("REGISTER", 401); !strings.Contains(res.get("WWW-Authenticate"), "stale=true") {
		t.Errorf("replay: %q", res.get("WWW-Authenticate"))
	}
	c.do("REGISTER", "", p.authorize(ch, "REGISTER", c.target, "1001", "secret1001")) // the next count
	p.response("REGISTER", 200)
	// MD5 only: the phone answers the second challenge.
	md5 := parseMsg("SIP/2.0 401 x\r\nWWW-Authenticate: " + ch.all("WWW-Authenticate")[1] + "\r\n\r\n")
	c.do("REGISTER", "", p.authorize(md5, "REGISTER", c.target, "1001", "secret1001"))
	p.response("REGISTER", 200)
	// A nonce that this server never gave.
	foreign := digest.NewServer(digest.Options{Realm: realm})
	other := parseMsg("SIP/2.0 401 x\r\nWWW-Authenticate: " + foreign.Challenge("127.0.0.1", false)[0] + "\r\n\r\n")
	c.do("REGISTER", "", p.authorize(other, "REGISTER", c.target, "1001", "secret1001"))
	if res := p.response("REGISTER", 401); !strings.Contains(res.get("WWW-Authenticate"), "stale=true") {
		t.Errorf("foreign nonce: %q", res.get("WWW-Authenticate"))
	}
}

// Refusals to strangers hold no memory.
func TestStrangersHoldNoState(t *testing.T) {
	s := startServer(t, func(o *Options) { o.Invite = func(context.Context, *Leg) {} })
	p := newPhone(t, s, "9999")
	for range 50 {
		c := p.newCall("77513")
		c.invite = c.do("INVITE", offerSDP)
		res := p.response("INVITE", 401)
		p.send(c.invite) // not absorbed by a transaction, but refused again
		again := p.response("INVITE", 401)
		if res.tag("To") != again.tag("To") {
			t.Fatal("a stateless refusal must have the same To tag each time")
		}
		c.ackFailure(res)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open)+len(s.dialogs)+s.legs+s.transactions.Len() != 0 {
		t.Error("strangers left something behind")
	}
}

// A flood of sources leaves nothing behind, not even the refusals that they get.
func TestSourcesAreForgotten(t *testing.T) {
	s := startServer(t, func(o *Options) { o.UDP = []string{"127.0.0.1:0", "127.0.0.1:0"} })
	p := newPhone(t, s, "1001")
	p.registerAuth(600)
	const sources = 20000
	flood := phoneAt(t, nil, "x", "127.0.0.1:0")
	for i := range sources {
		// The sender's port in Via is another for each, as if it were another sender.
		flood.sendTo(p.server, fmt.Sprintf("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:x@x>;tag=%d\r\nTo: <sip:x@x>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			20000+i, i, i, i))
		if i%50 == 0 {
			// Still serving, and not losing the flood in the socket's buffer.
			p.newCall("77513").do("OPTIONS", "")
			p.response("OPTIONS", 200)
		}
	}
	p.registerAuth(600)
	eventually(t, "no transaction of theirs is left", func() bool { return s.transactions.Len() < 10+sources/50 })
	// The phone is still reached from the same socket.
	b := s.Bindings("1001")
	done := dial(t.Context(), s, DialRequest{Binding: &b[0]})
	inv := p.request("INVITE")
	if inv.from.String() != p.server.String() {
		t.Errorf("INVITE from %v", inv.from)
	}
	p.respond(inv, 486, "a", "")
	<-done
}
