// Package load tests the dialplan that is dialled when the exchange is measured.
package load

import (
	"context"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// start runs the site on free ports; its trunk is the phone at generator.
func start(t *testing.T, generator string) *engine.Engine {
	t.Helper()
	s, err := site.Open(context.Background(), site.Options{
		Dir: ".", Data: t.TempDir(), Mode: "test", Runtime: t.TempDir(),
		Override: func(c *site.Config) {
			c.SIP.UDP, c.SIP.TCP, c.Metrics = []string{"127.0.0.1:0"}, nil, ""
			c.Trunks[0].Host = generator
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Engine()
}

func newPhone(t *testing.T, server string, incoming phone.Handler) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Options{Server: server, Incoming: incoming})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestEveryKindOfLoad(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	generator := newPhone(t, "127.0.0.1:9", phone.AnswersAfter(0, phone.Echoes))
	exchange := start(t, generator.Addr().String())
	caller := newPhone(t, exchange.Addrs("udp")[0], nil)
	dial := func(number string) *phone.Call {
		t.Helper()
		call, err := caller.Dial(ctx, number)
		if err != nil {
			t.Fatalf("dial %s: %v", number, err)
		}
		return call
	}
	hears := func(call *phone.Call, kind phone.SoundKind) {
		t.Helper()
		if _, err := call.WaitHeard(ctx, kind, 0); err != nil {
			t.Fatalf("%s: no %s: %v; heard %v", call.Number(), kind, err, call.Heard())
		}
	}
	hears(dial("2003"), phone.Voice)
	for _, number := range []string{"2000", "2004"} { // the generator's phone echoes, as 2004 does
		call := dial(number)
		if err := call.Play(ctx, tone()); err != nil {
			t.Fatal(err)
		}
		hears(call, phone.Tone)
	}
	speaker, listener := dial("2001"), dial("2001")
	if err := speaker.Play(ctx, tone()); err != nil {
		t.Fatal(err)
	}
	hears(listener, phone.Tone)
	for range 6 {
		dial("2002")
	}
	for room, members := range map[string]int{"everybody": 2, "five-0": 5, "five-1": 1} {
		for n := 0; n != members; { // who has been answered is in the room a moment later
			if ctx.Err() != nil {
				t.Fatalf("room %s has %d members, want %d", room, n, members)
			}
			if r, ok := exchange.Room(room); ok {
				n = len(r.Members())
			}
			runtime.Gosched()
		}
	}
}

// tone is two seconds of 1 kHz.
func tone() *media.Clip {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(i)/8000))
	}
	return media.NewClip(8000, pcm)
}
