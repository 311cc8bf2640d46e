package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

func TestReferWithNotify(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	refers := make(chan *Refer, 1)
	leg.Handle(LegHandler{Refer: func(r *Refer) { refers <- r }})
	c.do("REFER", "", "Refer-To: <sip:77514@"+realm+">", "Referred-By: <sip:1001@"+realm+">")
	p.response("REFER", 202)
	r := <-refers
	if r.To.User != "77514" || r.URI != "sip:77514@"+realm || r.ReferredBy == "" || r.ReplacesLeg != nil {
		t.Errorf("refer %+v", r)
	}
	n := p.request("NOTIFY")
	p.respond(n, 200, "", "")
	if n.get("Event") != fmt.Sprintf("refer;id=%d", c.seq) || !strings.HasPrefix(n.body, "SIP/2.0 100") || !strings.HasPrefix(n.get("Subscription-State"), "active") {
		t.Errorf("NOTIFY %+v", n)
	}
	r.Notify(180, "Ringing")
	r.Notify(200, "OK")
	r.Notify(603, "too late")
	for _, want := range []string{"SIP/2.0 180 Ringing", "SIP/2.0 200 OK"} {
		n = p.request("NOTIFY")
		p.respond(n, 200, "", "")
		if !strings.HasPrefix(n.body, want) {
			t.Errorf("NOTIFY %q, not %q", n.body, want)
		}
	}
	if !strings.HasPrefix(n.get("Subscription-State"), "terminated") {
		t.Errorf("Subscription-State %q", n.get("Subscription-State"))
	}
	// Without subscription (RFC 4488).
	c.do("REFER", "", "Refer-To: <sip:77515@"+realm+">", "Refer-Sub: false")
	if res := p.response("REFER", 202); res.get("Refer-Sub") != "false" {
		t.Errorf("Refer-Sub %q", res.get("Refer-Sub"))
	}
	(<-refers).Notify(200, "")
	c.do("OPTIONS", "")
	p.response("OPTIONS", 200)
	if n := p.count(func(m *msg) bool { return m.method() == "NOTIFY" }); n != 3 {
		t.Errorf("%d NOTIFYs", n)
	}
	leg.Handle(LegHandler{})
	c.do("REFER", "", "Refer-To: <sip:77515@"+realm+">")
	p.response("REFER", 603)
	c.do("REFER", "")
	p.response("REFER", 400)
}

func TestReferWithReplacesNamesTheOtherLeg(t *testing.T) {
	in := make(chan *Leg, 2)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	consult := p.inviteAuth("77514", offerSDP)
	other := <-in
	if err := other.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	consult.ack(p.response("INVITE", 200), "")
	refers := make(chan *Refer, 1)
	leg.Handle(LegHandler{Refer: func(r *Refer) { refers <- r }})
	c.do("REFER", "", fmt.Sprintf("Refer-To: <sip:77514@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", realm, consult.id, consult.remote, consult.local))
	p.response("REFER", 202)
	if r := <-refers; r.ReplacesLeg != other || !strings.HasPrefix(r.Replaces, consult.id+";to-tag=") {
		t.Errorf("refer %+v", r)
	}
}

func TestReferToThePeer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	done := make(chan error, 1)
	refer := func() { go func() { done <- leg.Refer(t.Context(), "sip:77514@"+realm) }() }
	notify := func(body, state string) {
		c.do("NOTIFY", body, "Event: refer", "Subscription-State: "+state, "Content-Type: message/sipfrag")
		p.response("NOTIFY", 200)
	}
	refer()
	rq := p.request("REFER")
	if rq.get("Refer-To") != "<sip:77514@"+realm+">" || rq.get("Referred-By") == "" {
		t.Errorf("REFER %+v", rq)
	}
	p.respond(rq, 202, "", "")
	notify("SIP/2.0 100 Trying\r\n", "active;expires=60")
	notify("SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
	if err := <-done; err != nil {
		t.Errorf("err %v", err)
	}
	refer()
	p.respond(p.request("REFER"), 202, "", "")
	notify("SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource")
	var status *StatusError
	if err := <-done; !errors.As(err, &status) || status.Code != 486 {
		t.Errorf("err %v", err)
	}
	refer()
	p.respond(p.request("REFER"), 405, "", "")
	if err := <-done; !errors.As(err, &status) || status.Code != 405 {
		t.Errorf("err %v", err)
	}
	refer()
	p.respond(p.request("REFER"), 202, "", "")
	c.do("BYE", "")
	p.response("BYE", 200)
	if err := <-done; !errors.Is(err, ErrBye) {
		t.Errorf("err %v", err)
	}
}

func TestInviteWithReplaces(t *testing.T) {
	in := make(chan *Leg, 2)
	s := startServer(t, func(o *Options) { o.Invite = legs(in); o.Guest = func(Address, string) bool { return true } })
	p, c, leg := answered(t, s, in)
	replaces := fmt.Sprintf("Replaces: %s;to-tag=%s;from-tag=%s", c.id, c.remote, c.local)
	q := newPhone(t, s, "1002")
	wrong := q.inviteAuth("77513", offerSDP, "Replaces: "+c.id+";to-tag=x;from-tag="+c.local)
	wrong.ackFailure(q.response("INVITE", 481))
	early := q.inviteAuth("77513", offerSDP, replaces+";early-only")
	early.ackFailure(q.response("INVITE", 486))
	guest := newPhone(t, s, "eve")
	g := guest.newCall("77513")
	g.fromURI = "sip:eve@evil.example"
	g.sendInvite(offerSDP, replaces)
	g.ackFailure(guest.response("INVITE", 403))
	if leg.Context().Err() != nil {
		t.Fatal("the call ended")
	}
	taker := q.inviteAuth("77513", offerSDP, replaces)
	second := <-in
	if second.ReplacesLeg() != leg {
		t.Fatalf("it replaces %v", second.ReplacesLeg())
	}
	if err := second.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	taker.ack(q.response("INVITE", 200), "")
	p.respond(p.request("BYE"), 200, "", "")
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrReplaced) {
		t.Errorf("cause %v", cause)
	}
}

// Directed pickup: an early dialog that we made is replaced, and the phone that rang is cancelled.
func TestInviteReplacesAnEarlyDialog(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	ringing := newPhone(t, s, "1003")
	ringing.registerAuth(600)
	b := s.Bindings("1003")
	done := dial(t.Context(), s, DialRequest{Binding: &b[0], CallID: "known-to-the-engine"})
	inv := ringing.request("INVITE")
	ringing.respond(inv, 180, "r", "")
	c := ringing.callee(inv, "r")
	eventually(t, "the early dialog is there", func() bool { return s.leg(dialogID{c.id, c.remote, "r"}) != nil })
	q := newPhone(t, s, "1002")
	taker := q.inviteAuth("1003", offerSDP, fmt.Sprintf("Replaces: %s;to-tag=%s;from-tag=r", c.id, c.remote))
	leg := <-in
	if leg.ReplacesLeg() == nil || leg.ReplacesLeg().CallID() != "known-to-the-engine" {
		t.Fatalf("it replaces %v", leg.ReplacesLeg())
	}
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	taker.ack(q.response("INVITE", 200), "")
	cn := ringing.request("CANCEL")
	ringing.respond(cn, 200, "r", "")
	ringing.respond(inv, 487, "r", "")
	if r := <-done; r.err == nil {
		t.Error("the replaced call was answered")
	}
}

func TestSessionExpiresWithoutRefresh(t *testing.T) {
	in := make(chan *Leg, 1)
	c := clock.NewFake(time.Unix(1790000000, 0))
	s := startServer(t, func(o *Options) { o.Invite = legs(in); o.Clock = c })
	p := newPhone(t, s, "1001")
	p.inviteAuth("77513", offerSDP, "Supported: timer", "Session-Expires: 10")
	if res := p.response("INVITE", 422); res.get("Min-SE") != "90" {
		t.Errorf("Min-SE %q", res.get("Min-SE"))
	}
	call := p.inviteAuth("77513", offerSDP, "Supported: timer", "Session-Expires: 120;refresher=uac")
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	res := p.response("INVITE", 200)
	if res.get("Session-Expires") != "120;refresher=uac" || res.get("Require") != "timer" {
		t.Errorf("Session-Expires %q, Require %q", res.get("Session-Expires"), res.get("Require"))
	}
	call.ack(res, "")
	eventually(t, "the ACK arrived", func() bool { return closed(leg.acked) })
	c.Advance(80 * time.Second)
	call.do("UPDATE", "", "Supported: timer", "Session-Expires: 120;refresher=uac")
	if res := p.response("UPDATE", 200); res.get("Session-Expires") != "120;refresher=uac" {
		t.Errorf("Session-Expires %q", res.get("Session-Expires"))
	}
	c.Advance(80 * time.Second)
	if leg.Context().Err() != nil {
		t.Fatal("the refresh was of no use")
	}
	c.Advance(9 * time.Second) // 120 - 32 = 88 s after the refresh
	p.respond(p.request("BYE"), 200, "", "")
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrSessionExpired) {
		t.Errorf("cause %v", cause)
	}
}

func TestWeRefreshTheSession(t *testing.T) {
	for _, update := range []bool{true, false} {
		in := make(chan *Leg, 1)
		c := clock.NewFake(time.Unix(1790000000, 0))
		s := startServer(t, func(o *Options) { o.Invite = legs(in); o.Clock = c })
		allow := "Allow: INVITE, ACK, BYE"
		if update {
			allow += ", UPDATE"
		}
		p, _, leg := answered(t, s, in, allow, "Session-Expires: 100")
		for range 2 {
			c.Advance(51 * time.Second)
			if update {
				rq := p.request("UPDATE")
				if rq.get("Session-Expires") != "100;refresher=uac" || rq.body != "" {
					t.Errorf("UPDATE %+v", rq)
				}
				p.respond(rq, 200, "", "", "Session-Expires: 100;refresher=uac")
			} else {
				rq := p.request("INVITE")
				if rq.body != answerSDP {
					t.Errorf("re-INVITE with %q", rq.body)
				}
				p.respond(rq, 200, "", offerSDP, "Session-Expires: 100;refresher=uac")
				p.request("ACK")
			}
			eventually(t, "the timer is set anew", func() bool {
				leg.mu.Lock()
				defer leg.mu.Unlock()
				return !leg.refreshing
			})
		}
		// A refresh that finds the call gone ends it.
		c.Advance(51 * time.Second)
		if update {
			p.respond(p.request("UPDATE"), 481, "", "")
		} else {
			p.respond(p.request("INVITE"), 481, "", "")
			p.respond(p.request("BYE"), 200, "", "")
		}
		<-leg.Context().Done()
	}
}

func TestMessageWaiting(t *testing.T) {
	var mu sync.Mutex
	w := Waiting{New: 2, Old: 1, UrgentNew: 1}
	c := clock.NewFake(time.Unix(1790000000, 0))
	s := startServer(t, func(o *Options) {
		o.Clock = c
		o.MessageWaiting = func(line string) (Waiting, bool) {
			mu.Lock()
			defer mu.Unlock()
			return w, line == "1001"
		}
	})
	p := newPhone(t, s, "1001")
	greeted := func() *msg { // a NOTIFY that was not asked for, when the phone has had its time to subscribe
		t.Helper()
		notifies := func() int { return p.count(func(m *msg) bool { return m.method() == "NOTIFY" }) }
		before := notifies()
		eventually(t, "the lamp is told", func() bool {
			c.Advance(greetAfter)
			return notifies() > before
		})
		return p.request("NOTIFY")
	}
	p.registerAuth(3600)
	n := greeted()
	p.respond(n, 200, "", "")
	if !strings.Contains(n.body, "Messages-Waiting: yes\r\n") || !strings.Contains(n.body, "Voice-Message: 2/1 (1/0)\r\n") || n.get("Event") != "message-summary" {
		t.Errorf("NOTIFY %+v", n)
	}
	p.registerAuth(3600) // a new Call-ID: the phone has restarted
	p.respond(greeted(), 200, "", "")

	sub := p.newCall("1001")
	subscribe := func(expires string, more ...string) *msg {
		if sub.remote == "" {
			sub.do("SUBSCRIBE", "", "Event: message-summary", "Expires: "+expires)
			more = append(more, p.authorize(p.response("SUBSCRIBE", 401), "SUBSCRIBE", sub.target, "1001", "secret1001"))
		}
		sub.do("SUBSCRIBE", "", append(more, "Event: message-summary", "Expires: "+expires)...)
		return p.final("SUBSCRIBE")
	}
	if res := subscribe("10"); res.code() != 423 {
		t.Errorf("10 s: %d", res.code())
	}
	res := subscribe("600")
	if res.code() != 200 || res.get("Expires") != "600" {
		t.Fatalf("SUBSCRIBE %+v", res)
	}
	sub.established(res)
	n = p.request("NOTIFY")
	p.respond(n, 200, "", "")
	if n.tag("To") != sub.local || n.tag("From") != sub.remote || !strings.HasPrefix(n.get("Subscription-State"), "active") {
		t.Errorf("NOTIFY %+v", n)
	}
	// One message, in the dialog and not twice.
	before := p.count(func(m *msg) bool { return m.method() == "NOTIFY" })
	mu.Lock()
	w = Waiting{}
	mu.Unlock()
	s.NotifyWaiting("1001", Waiting{})
	n = p.request("NOTIFY")
	p.respond(n, 200, "", "")
	if !strings.Contains(n.body, "Messages-Waiting: no") || n.get("Call-ID") != sub.id {
		t.Errorf("NOTIFY %+v", n)
	}
	if res := subscribe("600"); res.code() != 200 { // refresh
		t.Errorf("refresh: %d", res.code())
	}
	p.respond(p.request("NOTIFY"), 200, "", "")
	if n := p.count(func(m *msg) bool { return m.method() == "NOTIFY" }); n != before+2 {
		t.Errorf("%d NOTIFYs instead of 2", n-before)
	}
	if res := subscribe("0"); res.code() != 200 {
		t.Errorf("unsubscribe: %d", res.code())
	}
	n = p.request("NOTIFY")
	p.respond(n, 200, "", "")
	if !strings.HasPrefix(n.get("Subscription-State"), "terminated") {
		t.Errorf("Subscription-State %q", n.get("Subscription-State"))
	}
	if res := subscribe("600"); res.code() != 481 {
		t.Errorf("a subscription that has ended: %d", res.code())
	}
	// One that runs out.
	sub = p.newCall("1001")
	sub.established(subscribe("600"))
	p.respond(p.request("NOTIFY"), 200, "", "")
	c.Advance(601 * time.Second)
	p.respond(p.wait("the last NOTIFY", func(m *msg) bool { return m.get("Subscription-State") == "terminated;reason=timeout" }), 200, "", "")
	// What does not exist, and what is another's.
	sub = p.newCall("1002")
	if res := subscribe("600"); res.code() != 403 {
		t.Errorf("another's mailbox: %d", res.code())
	}
	q := newPhone(t, s, "1002")
	x := q.newCall("1002")
	x.do("SUBSCRIBE", "", "Event: conference")
	ch := q.response("SUBSCRIBE", 401)
	x.do("SUBSCRIBE", "", "Event: conference", q.authorize(ch, "SUBSCRIBE", x.target, "1002", "secret1002"))
	if res := q.response("SUBSCRIBE", 489); !strings.Contains(res.get("Allow-Events"), "message-summary") {
		t.Errorf("Allow-Events %q", res.get("Allow-Events"))
	}
	x.do("SUBSCRIBE", "", "Event: message-summary", q.authorize(ch, "SUBSCRIBE", x.target, "1002", "secret1002"))
	q.response("SUBSCRIBE", 404)
	eventually(t, "no subscription is left", func() bool { return s.subs.len() == 0 })
}
