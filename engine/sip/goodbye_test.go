package sip

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

// stoppable is startServer for tests in which the end of Run is what matters.
func stoppable(t *testing.T, edit func(*Options)) (s *Server, stop func(), done chan error) {
	t.Helper()
	o := Options{UDP: []string{"127.0.0.1:0"}, Realm: realm, Timers: testTimers, Lines: testLines}
	if edit != nil {
		edit(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done = make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return s, cancel, done
}

func ended(t *testing.T, done chan error) {
	t.Helper()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Whatever is sent before Run has begun comes from the server's own socket, a little later.
func TestSendingWaitsForRun(t *testing.T) {
	s, err := New(Options{UDP: []string{"127.0.0.1:0"}, Realm: realm, Timers: testTimers})
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, nil, "1001")
	call := dial(t.Context(), s, DialRequest{URI: p.url()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	inv := p.request("INVITE")
	if from := netip.MustParseAddrPort(inv.from.String()); from != s.Addrs("udp")[0] {
		t.Errorf("the INVITE came from %s, not %s", from, s.Addrs("udp")[0])
	}
	p.respond(inv, 486, "a", "")
	var status *StatusError
	if r := <-call; !errors.As(r.err, &status) || status.Code != 486 {
		t.Errorf("the call ended with %v", r.err)
	}
	cancel()
	ended(t, done)
}

func TestAHangUpJustBeforeTheEndReachesThePeer(t *testing.T) {
	s, stop, done := stoppable(t, nil)
	p := newPhone(t, nil, "1001")
	call := dial(t.Context(), s, DialRequest{URI: p.url()})
	p.respond(p.request("INVITE"), 200, "a", answerSDP)
	r := <-call
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.leg.Hangup()
	stop()
	bye := p.request("BYE")
	select {
	case err := <-done:
		t.Errorf("Run ended before its BYE was answered: %v", err)
	default:
	}
	p.respond(bye, 200, "", "")
	ended(t, done)
}

func TestACallGivenUpJustBeforeTheEndIsCancelled(t *testing.T) {
	s, stop, done := stoppable(t, nil)
	p := newPhone(t, nil, "1001")
	ctx, giveUp := context.WithCancel(t.Context())
	call := dial(ctx, s, DialRequest{URI: p.url()})
	inv := p.request("INVITE")
	giveUp() // before any response, so that the CANCEL must wait for one
	<-call
	stop()
	p.respond(inv, 180, "a", "")
	p.respond(p.request("CANCEL"), 200, "a", "")
	p.respond(inv, 487, "a", "")
	p.request("ACK")
	ended(t, done)
}

func TestTheEndTakesRegistrationsBack(t *testing.T) {
	carrier := newPhone(t, nil, "carrier")
	s, stop, done := stoppable(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "pstn", Host: carrier.addr(), User: "acct", Secret: "pw", Transport: "udp", Register: true}}
	})
	reg := carrier.request("REGISTER")
	carrier.respond(reg, 200, "r", "", "Contact: "+reg.get("Contact")+";expires=600")
	eventually(t, "it is registered", func() bool { return s.Trunks()[0].Registered })
	stop()
	last := carrier.request("REGISTER")
	if last.get("Expires") != "0" || last.get("Contact") != reg.get("Contact") || last.get("Call-ID") != reg.get("Call-ID") {
		t.Errorf("the registration is not taken back: Expires %q, Contact %q", last.get("Expires"), last.get("Contact"))
	}
	carrier.respond(last, 200, "r", "")
	ended(t, done)
}

// A trunk that comes later is as free of limits as one of the start.
func TestNewTrunksAreExemptFromLimits(t *testing.T) {
	s := startServer(t, nil)
	a := netip.MustParseAddr("198.51.100.7")
	exempt := s.wireOptions().Exempt
	if exempt(a) {
		t.Fatal("a stranger is exempt")
	}
	s.SetTrunks([]Trunk{{Name: "pstn", Host: "198.51.100.7", From: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")}}})
	if !exempt(a) {
		t.Error("the new trunk is limited like a stranger")
	}
	s.SetTrunks(nil)
	if exempt(a) {
		t.Error("a trunk that is gone has no limits")
	}
}
