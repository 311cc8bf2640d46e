package main

import (
	"context"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

func TestACallerHearsTheGreeting(t *testing.T) {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	ready := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, "127.0.0.1:0", func(eng *engine.Engine) { ready <- eng.Addrs("udp")[0] })
	}()
	p, err := phone.New(phone.Options{Server: <-ready})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	call, err := p.Dial(ctx, "anything")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitHeard(ctx, phone.Voice, 0); err != nil {
		t.Errorf("no greeting: %v; heard %v", err, call.Heard())
	}
	if err := call.WaitEnded(ctx); err != nil {
		t.Errorf("the call does not end after the greeting: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}
