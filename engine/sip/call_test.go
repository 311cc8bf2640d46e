package sip

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// legs is an Options.Invite that hands the legs to the test and keeps each until its context ends.
func legs(ch chan *Leg) func(context.Context, *Leg) {
	return func(ctx context.Context, l *Leg) {
		ch <- l
		<-ctx.Done()
	}
}

func TestCallIsAnsweredAndHungUpByTheCaller(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if leg.Peer().Line != "1001" || leg.Dialled() != "77513" || string(leg.RemoteSDP()) != offerSDP {
		t.Errorf("peer %+v dialled %q sdp %q", leg.Peer(), leg.Dialled(), leg.RemoteSDP())
	}
	if err := leg.Progress(t.Context(), 180, nil); err != nil {
		t.Fatal(err)
	}
	ringing := p.response("INVITE", 180)
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	ok := p.response("INVITE", 200)
	if ok.body != answerSDP || ok.tag("To") == "" || ok.tag("To") != ringing.tag("To") {
		t.Errorf("200 with tag %q after 180 with %q, body %q", ok.tag("To"), ringing.tag("To"), ok.body)
	}
	c.ack(ok, "")
	c.do("BYE", "", `Reason: Q.850;cause=16`)
	p.response("BYE", 200)
	<-leg.Context().Done()
	if cause := context.Cause(leg.Context()); !errors.Is(cause, ErrBye) || !strings.Contains(leg.EndReason(), "Q.850") {
		t.Errorf("cause %v, reason %q", cause, leg.EndReason())
	}
}

func TestHangupSendsBye(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
	leg.Hangup(Header{"Reason", "SIP;cause=200"})
	leg.Hangup()
	bye := p.request("BYE")
	p.respond(bye, 200, "", "")
	if bye.get("Reason") != "SIP;cause=200" || bye.tag("To") != c.local || bye.tag("From") != c.remote {
		t.Errorf("BYE %+v", bye)
	}
}

func TestDialToABinding(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	p.registerAuth(600)
	b := s.Bindings("1001")
	if len(b) != 1 {
		t.Fatalf("bindings %+v", b)
	}
	type result struct {
		leg *Leg
		err error
	}
	done := make(chan result, 1)
	var progress []int
	go func() {
		leg, err := s.Dial(t.Context(), DialRequest{Binding: &b[0], From: Address{Display: `A "B"`, User: "77513"}, Offer: []byte(offerSDP),
			OnProgress: func(code int, _ string, _ []byte) { progress = append(progress, code) }})
		done <- result{leg, err}
	}()
	inv := p.request("INVITE")
	if inv.body != offerSDP || !strings.Contains(inv.get("From"), `"A \"B\"" <sip:77513@`+realm+">") {
		t.Errorf("INVITE from %s body %q", inv.get("From"), inv.body)
	}
	p.respond(inv, 180, "x1", "")
	p.respond(inv, 200, "x1", answerSDP)
	ack := p.request("ACK")
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if ack.tag("To") != "x1" || string(r.leg.RemoteSDP()) != answerSDP || len(progress) != 1 {
		t.Errorf("ACK to %q, answer %q, progress %v", ack.tag("To"), r.leg.RemoteSDP(), progress)
	}
	r.leg.Hangup()
	p.respond(p.request("BYE"), 200, "", "")
}
