package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// answered makes an answered call from 1001 and gives both ends.
func answered(t *testing.T, s *Server, in chan *Leg, extra ...string) (*phone, *call, *Leg) {
	t.Helper()
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP, extra...)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
	eventually(t, "the ACK arrived", func() bool { return closed(leg.acked) })
	return p, c, leg
}

func TestCancelBeforeTheAnswer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Progress(t.Context(), 180, nil); err != nil {
		t.Fatal(err)
	}
	ringing := p.response("INVITE", 180)
	p.send(c.build("CANCEL", c.inviteSeq, c.branch, "", `Reason: SIP;cause=200;text="elsewhere"`))
	p.response("CANCEL", 200)
	gone := p.response("INVITE", 487)
	c.ackFailure(gone)
	if gone.tag("To") != ringing.tag("To") {
		t.Errorf("487 with To tag %q after 180 with %q", gone.tag("To"), ringing.tag("To"))
	}
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrCancelled) || !strings.Contains(leg.EndReason(), "cause=200") {
		t.Errorf("cause %v, reason %q", cause, leg.EndReason())
	}
	if err := leg.Answer(t.Context(), []byte(answerSDP)); !errors.Is(err, ErrCancelled) {
		t.Errorf("answering after the CANCEL: %v", err)
	}
}

// The CANCEL right behind its INVITE, before anything was done with that.
func TestCancelRightBehindTheInvite(t *testing.T) {
	in := make(chan *Leg, 20)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	for range 20 {
		p := newPhone(t, s, "1001")
		c := p.newCall("77513")
		c.invite = c.do("INVITE", offerSDP)
		ch := p.response("INVITE", 401)
		c.ackFailure(ch)
		auth := p.authorize(ch, "INVITE", c.target, "1001", "secret1001")
		c.seq++
		c.branch = branchCookie + token(8)
		c.invite = c.build("INVITE", c.seq, c.branch, offerSDP, auth)
		p.send(c.invite)
		p.send(c.build("CANCEL", c.seq, c.branch, ""))
		p.response("CANCEL", 200)
		c.ackFailure(p.response("INVITE", 487))
	}
	eventually(t, "no leg is left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.legs == 0 && len(s.dialogs) == 0 && len(s.open) == 0
	})
}

// CANCEL against 200: whichever was first counts for both sides.
func TestCancelAgainstAnswer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	for range 40 {
		p := newPhone(t, s, "1001")
		c := p.inviteAuth("77513", offerSDP)
		leg := <-in
		var wg sync.WaitGroup
		wg.Go(func() { p.send(c.build("CANCEL", c.inviteSeq, c.branch, "")) })
		err := leg.Answer(t.Context(), []byte(answerSDP))
		wg.Wait()
		res := p.final("INVITE")
		switch {
		case err == nil && res.code() == 200:
			c.ack(res, "")
			c.do("BYE", "")
			p.response("BYE", 200)
		case errors.Is(err, ErrCancelled) && res.code() == 487:
			c.ackFailure(res)
		default:
			t.Fatalf("Answer says %v, the caller got %d", err, res.code())
		}
		<-leg.Context().Done()
	}
	eventually(t, "no leg is left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.legs == 0 && len(s.dialogs) == 0 && len(s.open) == 0
	})
}

// A CANCEL that has the branch right and the rest wrong cancels nothing.
func TestForeignCancelDoesNotCancel(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	other := *c
	other.local = "guessed"
	p.send(other.build("CANCEL", c.inviteSeq, c.branch, ""))
	p.response("CANCEL", 481)
	other = *c
	other.id = "guessed"
	p.send(other.build("CANCEL", c.inviteSeq, c.branch, ""))
	p.response("CANCEL", 481)
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
}

func TestAnswerIsRepeatedUntilTheAck(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	start := time.Now()
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	var res *msg
	for range 5 {
		res = p.response("INVITE", 200)
	}
	// T1, then doubling: 25+50+100+200 ms before the fifth at the earliest.
	if d := time.Since(start); d < 370*time.Millisecond {
		t.Errorf("five 200s within %v", d)
	}
	c.ack(res, "")
	eventually(t, "the ACK arrived", func() bool { return closed(leg.acked) })
	if leg.Context().Err() != nil {
		t.Error("the call ended")
	}
	leg.Hangup()
	p.respond(p.request("BYE"), 200, "", "")
}

func TestLostAckEndsWithBye(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	p.respond(p.request("BYE"), 200, "", "")
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrNoAck) {
		t.Errorf("cause %v", cause)
	}
}

// A caller who hangs up has had the 200, even where the ACK was lost or comes behind the BYE.
func TestByeEndsRepeatingTheAnswer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.established(p.response("INVITE", 200))
	c.do("BYE", "")
	p.response("BYE", 200)
	eventually(t, "it stopped", func() bool { return closed(leg.acked) })
	is200 := func(m *msg) bool { _, method := m.cseq(); return method == "INVITE" && m.code() == 200 }
	if n := p.count(is200); n > 4 { // without the BYE it would have been nine or more by now
		t.Errorf("%d 200s", n)
	}
}

// Hanging up before the ACK must wait for it (RFC 3261 section 15).
func TestHangupWaitsForTheAck(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	leg.Hangup()
	p.response("INVITE", 200)
	res := p.response("INVITE", 200)
	if n := p.count(func(m *msg) bool { return m.method() == "BYE" }); n != 0 {
		t.Fatal("BYE before the ACK")
	}
	c.ack(res, "")
	p.respond(p.request("BYE"), 200, "", "")
}

func TestRejectAndReturningFromTheHandler(t *testing.T) {
	s := startServer(t, func(o *Options) {
		o.Invite = func(ctx context.Context, l *Leg) {
			if l.Dialled() == "busy" {
				if err := l.Reject(486, "", Header{"X-Why", "busy"}); err != nil {
					t.Errorf("Reject: %v", err)
				}
			}
		}
	})
	p := newPhone(t, s, "1001")
	for number, code := range map[string]int{"busy": 486, "nothing": 480} {
		c := p.inviteAuth(number, offerSDP)
		res := p.final("INVITE")
		c.ackFailure(res)
		if res.code() != code {
			t.Errorf("%s: %d", number, res.code())
		}
	}
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	s := startServer(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))
		o.Invite = func(ctx context.Context, l *Leg) {
			if l.Dialled() == "boom" {
				panic("the dialplan is broken")
			}
			l.Reject(486, "")
		}
	})
	p := newPhone(t, s, "1001")
	for _, c := range []struct {
		number string
		code   int
	}{{"boom", 500}, {"next", 486}} {
		cl := p.inviteAuth(c.number, offerSDP)
		res := p.final("INVITE")
		cl.ackFailure(res)
		if res.code() != c.code {
			t.Errorf("%s: %d", c.number, res.code())
		}
	}
	eventually(t, "the panic is in the log", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), "the dialplan is broken")
	})
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func TestReliableProvisional(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP, "Supported: 100rel")
	leg := <-in
	if err := leg.Progress(t.Context(), 180, nil); err != nil {
		t.Fatal(err)
	}
	if r := p.response("INVITE", 180); r.get("RSeq") != "" {
		t.Error("a 180 without SDP is reliable though only supported")
	}
	if err := leg.Progress(t.Context(), 183, []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	early := p.response("INVITE", 183)
	again := p.response("INVITE", 183) // without PRACK it is repeated
	if early.get("RSeq") == "" || early.get("Require") != "100rel" || again.get("RSeq") != early.get("RSeq") || early.body != answerSDP {
		t.Fatalf("183 %+v", early)
	}
	done := make(chan error, 1)
	go func() { done <- leg.Answer(t.Context(), nil) }()
	c.established(early)
	c.do("PRACK", "", "RAck: 999 1 INVITE")
	p.response("PRACK", 481)
	select {
	case err := <-done:
		t.Fatalf("Answer did not wait for the PRACK: %v", err)
	default:
	}
	c.do("PRACK", "", fmt.Sprintf("RAck: %s %d INVITE", early.get("RSeq"), c.inviteSeq))
	p.response("PRACK", 200)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
}

func TestNoPrackFailsTheCall(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP, "Require: 100rel")
	leg := <-in
	if err := leg.Progress(t.Context(), 180, nil); err != nil {
		t.Fatal(err)
	}
	if p.response("INVITE", 180).get("RSeq") == "" {
		t.Error("a 180 is not reliable though required")
	}
	c.ackFailure(p.response("INVITE", 504))
	<-leg.Context().Done()
}

func TestLateOffer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", "")
	leg := <-in
	if leg.RemoteSDP() != nil {
		t.Errorf("an offer from nowhere: %q", leg.RemoteSDP())
	}
	done := make(chan error, 1)
	go func() { done <- leg.Answer(t.Context(), []byte(offerSDP)) }()
	res := p.response("INVITE", 200)
	if res.body != offerSDP {
		t.Errorf("200 with %q", res.body)
	}
	c.ack(res, answerSDP)
	if err := <-done; err != nil || string(leg.RemoteSDP()) != answerSDP {
		t.Errorf("err %v, answer %q", err, leg.RemoteSDP())
	}
}

func TestInviteRetransmissionsMakeOneCall(t *testing.T) {
	in := make(chan *Leg, 10)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	for range 5 {
		p.send(c.invite)
	}
	// The same INVITE by another way is a merged request.
	merged := strings.Replace(c.invite, c.branch, branchCookie+"other", 1)
	p.send(merged)
	p.response("INVITE", 401, 482) // its credentials were used up, or it is recognised
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
	if len(in) != 0 {
		t.Errorf("%d more calls", len(in))
	}
}

func TestReinviteFromThePeer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	held := strings.Replace(offerSDP, "m=audio", "a=sendonly\r\nm=audio", 1)
	offers := make(chan string, 4)
	leg.Handle(LegHandler{Offer: func(_ context.Context, sdp []byte) ([]byte, error) {
		offers <- string(sdp)
		if strings.Contains(string(sdp), "video") {
			return nil, errors.New("not that")
		}
		return []byte(answerSDP + "a=recvonly\r\n"), nil
	}})
	// The peer moves: later requests must go to the new Contact.
	c.sendInvite(held, "Contact: <sip:1001@"+p.addr()+";moved=1>")
	res := p.response("INVITE", 200)
	if o := <-offers; o != held || !strings.Contains(res.body, "recvonly") {
		t.Errorf("offer %q answered with %q", o, res.body)
	}
	res = p.response("INVITE", 200) // repeated until the ACK
	c.ack(res, "")
	c.sendInvite("v=0\r\nm=video 1 RTP/AVP 99\r\n")
	c.ackFailure(p.response("INVITE", 488))
	if leg.Context().Err() != nil {
		t.Fatal("a refused re-INVITE ended the call")
	}
	<-offers
	// Late offer inside the call.
	answers := make(chan string, 1)
	leg.Handle(LegHandler{
		Offer:    func(_ context.Context, sdp []byte) ([]byte, error) { return []byte(offerSDP), nil },
		Answered: func(sdp []byte) { answers <- string(sdp) },
	})
	c.sendInvite("")
	res = p.response("INVITE", 200)
	c.ack(res, answerSDP)
	if a := <-answers; a != answerSDP || res.body != offerSDP {
		t.Errorf("offer %q, answer %q", res.body, a)
	}
	leg.Hangup()
	bye := p.request("BYE")
	p.respond(bye, 200, "", "")
	if !strings.Contains(bye.uri(), p.addr()) {
		t.Errorf("BYE to %s", bye.uri())
	}
}

func TestTargetRefresh(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	moved := "sip:1001@" + p.addr() + ";moved=1"
	c.do("UPDATE", "", "Contact: <"+moved+">")
	p.response("UPDATE", 200)
	leg.Hangup()
	bye := p.request("BYE")
	p.respond(bye, 200, "", "")
	if bye.uri() != moved {
		t.Errorf("BYE to %s, not %s", bye.uri(), moved)
	}
}

func TestOfferToThePeer(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, _, leg := answered(t, s, in)
	type result struct {
		sdp []byte
		err error
	}
	done := make(chan result, 1)
	offer := func() {
		go func() {
			sdp, err := leg.Offer(t.Context(), []byte(offerSDP))
			done <- result{sdp, err}
		}()
	}
	offer()
	inv := p.request("INVITE")
	p.respond(inv, 100, "", "")
	// Glare: the same offer comes again after a while, with a new CSeq.
	p.respond(inv, 491, "", "")
	p.request("ACK")
	again := p.request("INVITE")
	p.respond(again, 200, "", answerSDP)
	p.respond(again, 200, "", answerSDP)
	p.request("ACK")
	p.request("ACK") // each 2xx is acknowledged
	if r := <-done; r.err != nil || string(r.sdp) != answerSDP || string(leg.RemoteSDP()) != answerSDP {
		t.Errorf("answer %q, err %v", r.sdp, r.err)
	}
	if a, b := inv.get("CSeq"), again.get("CSeq"); a == b {
		t.Errorf("CSeq %s twice", a)
	}
	offer()
	p.respond(p.request("INVITE"), 488, "", "")
	p.request("ACK")
	var status *StatusError
	if r := <-done; !errors.As(r.err, &status) || status.Code != 488 || leg.Context().Err() != nil {
		t.Errorf("err %v", r.err)
	}
	offer()
	p.respond(p.request("INVITE"), 481, "", "")
	p.respond(p.request("BYE"), 200, "", "")
	<-leg.Context().Done()
}

func TestGlare(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	leg.Handle(LegHandler{Offer: func(context.Context, []byte) ([]byte, error) { return []byte(answerSDP), nil }})
	done := make(chan error, 1)
	go func() {
		_, err := leg.Offer(t.Context(), []byte(offerSDP))
		done <- err
	}()
	inv := p.request("INVITE")
	c.sendInvite(offerSDP) // while ours is open
	c.ackFailure(p.response("INVITE", 491))
	p.respond(inv, 200, "", answerSDP)
	p.request("ACK")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.sendInvite(offerSDP)
	c.ack(p.response("INVITE", 200), "")
}

func TestWrongTagsFindNothing(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	for _, method := range []string{"BYE", "INVITE", "UPDATE", "INFO", "REFER", "PRACK", "NOTIFY", "OPTIONS"} {
		for name, edit := range map[string]func(*call){
			"remote tag": func(x *call) { x.remote = "wrong" },
			"local tag":  func(x *call) { x.local = "wrong" },
			"Call-ID":    func(x *call) { x.id = "wrong" },
		} {
			x := *c
			x.seq = 500
			edit(&x)
			x.invite = x.do(method, "")
			res := p.final(method)
			if res.code() != 481 {
				t.Errorf("%s with a wrong %s: %d", method, name, res.code())
			}
			if method == "INVITE" {
				x.ackFailure(res)
			}
		}
	}
	// From elsewhere, all tags right.
	thief := phoneAt(t, s, "1001", "127.0.0.7:0")
	x := *c
	x.p, x.seq = thief, 600
	x.do("BYE", "")
	thief.response("BYE", 481)
	if leg.Context().Err() != nil {
		t.Fatal("the call ended")
	}
	c.do("BYE", "")
	p.response("BYE", 200)
}

func TestOldCSeqIsRefused(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	c.seq = 50
	c.do("OPTIONS", "")
	p.response("OPTIONS", 200)
	c.seq = 20
	c.do("BYE", "")
	p.response("BYE", 500)
	if leg.Context().Err() != nil {
		t.Fatal("an old BYE ended the call")
	}
}

func TestInfoDigits(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	type digit struct {
		key byte
		d   time.Duration
	}
	got := make(chan digit, 8)
	leg.Handle(LegHandler{Digit: func(k byte, d time.Duration) { got <- digit{k, d} }})
	c.do("INFO", "Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
	p.response("INFO", 200)
	c.do("INFO", "#", "Content-Type: application/dtmf")
	p.response("INFO", 200)
	c.do("INFO", "Signal=oops\r\n", "Content-Type: application/dtmf-relay")
	p.response("INFO", 400)
	c.do("INFO", "x", "Content-Type: text/plain")
	p.response("INFO", 415)
	if d := <-got; d != (digit{'5', 160 * time.Millisecond}) {
		t.Errorf("digit %+v", d)
	}
	if d := <-got; d.key != '#' {
		t.Errorf("digit %+v", d)
	}
}

func TestRecordRouteIsFollowed(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	proxy := newPhone(t, s, "proxy")
	route := "<sip:" + proxy.addr() + ";lr>"
	_, _, leg := answered(t, s, in, "Record-Route: "+route)
	leg.Hangup()
	bye := proxy.request("BYE") // not at the phone
	proxy.respond(bye, 200, "", "")
	if bye.get("Route") != route {
		t.Errorf("Route %q", bye.get("Route"))
	}
}

func TestUnsupportedExtension(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	p.inviteAuth("77513", offerSDP, "Require: 100rel, teleportation")
	res := p.response("INVITE", 420)
	if res.get("Unsupported") != "teleportation" {
		t.Errorf("Unsupported %q", res.get("Unsupported"))
	}
}

func TestDrainRefusesNewCalls(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p, c, leg := answered(t, s, in)
	s.Drain()
	p.inviteAuth("77514", offerSDP)
	if res := p.response("INVITE", 503); res.get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if leg.Context().Err() != nil {
		t.Error("draining ended a call under way")
	}
	p.registerAuth(600)
	c.do("BYE", "")
	p.response("BYE", 200)
}

func TestCallOverTCP(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := tcpPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	res := p.response("INVITE", 200)
	if !strings.Contains(res.get("Contact"), "transport=tcp") {
		t.Errorf("Contact %s", res.get("Contact"))
	}
	c.ack(res, "")
	eventually(t, "the ACK arrived", func() bool { return closed(leg.acked) })
	leg.Hangup()
	p.respond(p.request("BYE"), 200, "", "") // on the same connection
}

func TestCallerGoneWithItsConnection(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := tcpPhone(t, s, "1001")
	p.inviteAuth("77513", offerSDP)
	leg := <-in
	p.conn.Close()
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrTransport) {
		t.Errorf("cause %v", cause)
	}
}

func TestIPv6(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) {
		o.UDP = append(o.UDP, "[::1]:0")
		o.Invite = legs(in)
	})
	p := phoneAt(t, s, "1001", "[::1]:0")
	p.registerAuth(600)
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
	c.do("BYE", "")
	p.response("BYE", 200)
	<-leg.Context().Done()
	b := s.Bindings("1001")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Dial(ctx, DialRequest{Binding: &b[0], Offer: []byte(offerSDP)})
		done <- err
	}()
	inv := p.request("INVITE")
	if !strings.Contains(inv.get("Via"), "[::1]:") || !strings.Contains(inv.get("Contact"), "[::1]:") {
		t.Errorf("Via %s, Contact %s", inv.get("Via"), inv.get("Contact"))
	}
	p.respond(inv, 180, "a", "")
	cancel(ErrAnsweredElsewhere)
	cn := p.request("CANCEL")
	p.respond(cn, 200, "a", "")
	p.respond(inv, 487, "a", "")
	if err := <-done; !errors.Is(err, ErrAnsweredElsewhere) || !strings.Contains(cn.get("Reason"), "cause=200") {
		t.Errorf("err %v, Reason %q", err, cn.get("Reason"))
	}
}
