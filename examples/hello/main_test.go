package main

import (
	"context"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

func TestWhoeverCallsHearsTheGreeting(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	serving, stop := context.WithCancel(ctx)
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- run(serving, "127.0.0.1:0", func(eng *engine.Engine) { ready <- eng.Addrs("udp")[0] })
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	var server string
	select {
	case server = <-ready:
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	p, err := phone.New(phone.Options{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	call, err := p.Dial(ctx, "anything")
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if h := call.Heard(); !h.Has(phone.Voice) {
		t.Errorf("heard %v", h)
	}
}
