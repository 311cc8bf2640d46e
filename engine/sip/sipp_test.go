package sip

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// SIPp, which nobody here wrote, makes calls and takes them.
func TestSIPp(t *testing.T) {
	sipp, err := exec.LookPath("sipp")
	if err != nil {
		t.Fatalf("SIPp is not installed (make test installs it): %v", err)
	}
	ended := make(chan error, 64)
	s := startServer(t, func(o *Options) {
		o.MaxGuestLegs = 100
		o.Guest = func(Address, string) bool { return true }
		o.Invite = func(ctx context.Context, l *Leg) {
			if err := l.Progress(ctx, 180, nil); err != nil {
				t.Errorf("Progress: %v", err)
			}
			if err := l.Answer(ctx, []byte(answerSDP)); err != nil {
				t.Errorf("Answer: %v", err)
			}
			<-ctx.Done()
			ended <- context.Cause(ctx)
		}
	})
	const calls = 30
	for _, transport := range []string{"u1", "t1"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		addr := s.Addrs("udp")[0].String()
		if transport == "t1" {
			addr = s.Addrs("tcp")[0].String()
		}
		cmd := exec.CommandContext(ctx, sipp, "-sn", "uac", "-i", "127.0.0.2", "-t", transport, "-m", "30", "-r", "100", "-d", "10", "-nostdin", "-timeout", "15s", addr)
		cmd.Dir = t.TempDir()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("SIPp over %s: %v\n%s", transport, err, out)
		}
		cancel()
		for range calls {
			if err := <-ended; err != ErrBye {
				t.Errorf("a call ended with %v", err)
			}
		}
	}
	// And SIPp as the one that is called.
	p := newPhone(t, nil, "port")
	port := p.addr()[len("127.0.0.1:"):]
	p.pc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, sipp, "-sn", "uas", "-i", "127.0.0.1", "-p", port, "-m", "5", "-nostdin", "-timeout", "20s")
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		leg, err := s.Dial(ctx, DialRequest{URI: "sip:service@127.0.0.1:" + port, Offer: []byte(offerSDP)})
		if err != nil {
			t.Fatal(err)
		}
		leg.Hangup()
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIPp as callee: %v", err)
	}
}
