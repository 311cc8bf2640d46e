package sip

import (
	"context"
	"testing"
)

// BenchmarkCall is one whole call between two servers over UDP on loopback: INVITE, 180, 200, ACK, BYE, 200.
func BenchmarkCall(b *testing.B) {
	run := func(o Options) *Server {
		o.UDP, o.Realm, o.Timers = []string{"127.0.0.1:0"}, realm, testTimers
		s, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		b.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
		return s
	}
	callee := run(Options{
		MaxGuestLegs: 1 << 20,
		Guest:        func(Address, string) bool { return true },
		Invite: func(ctx context.Context, l *Leg) {
			if l.Progress(ctx, 180, nil) == nil && l.Answer(ctx, []byte(answerSDP)) == nil {
				<-ctx.Done()
			}
		},
	})
	caller := run(Options{Domains: []string{"caller.example"}})
	to := "sip:77513@" + callee.Addrs("udp")[0].String()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			leg, err := caller.Dial(context.Background(), DialRequest{URI: to, From: Address{User: "1001"}, Offer: []byte(offerSDP)})
			if err != nil {
				b.Error(err)
				return
			}
			leg.Hangup()
		}
	})
}
