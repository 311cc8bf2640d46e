package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// A phone may take a call over from another by INVITE with Replaces (RFC 3891); if that fails the call goes on.
func TestTakingACallOver(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	x.phone("15903", nil)
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, calls, "the answer")

	desk, err := sip.New(sip.Options{UDP: []string{"127.0.0.1:0"}, Trunks: []sip.Trunk{
		{Name: "exchange", Host: x.Addrs("udp")[0], User: "15903", Secret: "secret-of-15903"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d := b.Leg().Dialog()
	take := func(codec string) (*sip.Leg, error) {
		return desk.Dial(within(t), sip.DialRequest{
			Trunk: "exchange", Number: "15902", From: sip.Address{User: "15903"},
			Offer:   fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP %s\r\n", codec),
			Headers: []sip.Header{{Name: "Replaces", Value: d.CallID + ";to-tag=" + d.RemoteTag + ";from-tag=" + d.LocalTag}},
		})
	}
	if _, err := take("96"); status(err) != 488 {
		t.Errorf("a description of no use: %v, want 488", err)
	}
	talk(t, a, b)
	l, err := take("8")
	if err != nil {
		t.Fatal(err)
	}
	ended(t, b)
	if calls := x.Calls(); len(calls) != 1 || calls[0].With != "15903" || calls[0].State != engine.StateAnswered {
		t.Errorf("calls: %+v", calls)
	}
	if !x.Busy("15903") || x.Busy("15902") {
		t.Error("the wrong line is busy")
	}
	l.Hangup()
	ended(t, a)
}
