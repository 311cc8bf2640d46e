package engine_test

import (
	"context"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/stdlib"
)

// patience bounds every wait of these tests; it is not what they measure.
const patience = 20 * time.Second

// exchange is a running engine with a few lines, on loopback.
type exchange struct {
	*engine.Engine
	t    *testing.T
	stop context.CancelFunc // as a shutdown would
}

// jumping gives an exchange a clock that a test moves forward.
func jumping(c *clock.Jumping) func(*engine.Options) {
	return func(o *engine.Options) { o.Clock, o.RTPTimeout = c, 24*time.Hour }
}

func start(t *testing.T, h engine.HandlerFunc, change ...func(*engine.Options)) *exchange {
	t.Helper()
	data := t.TempDir()
	db, err := bolt.Open(filepath.Join(data, "belfry.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Options{
		Store: db, Data: data, Handler: h, Realm: "belfry.test", UDP: []string{"127.0.0.1:0"},
		RTPPorts: [2]uint16{30000, 39999},
		Prompts:  prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}}),
	}
	if os.Getenv("BELFRY_TEST_LOG") != "" {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, f := range change {
		f(&o)
	}
	eng, err := engine.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- eng.Run(ctx) }()
	x := &exchange{Engine: eng, t: t, stop: stop}
	t.Cleanup(func() {
		x.settled()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := eng.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return x
}

// settled waits until nothing is left of the calls there were.
func (x *exchange) settled() {
	x.t.Helper()
	x.until("nothing is left over", func() bool { return x.Standing() == "" }, x.Standing)
}

// until waits for something to be so.
func (x *exchange) until(what string, so func() bool, is func() string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !so() {
		if ctx.Err() != nil {
			x.t.Fatalf("it never was that %s: %s", what, is())
		}
		<-pause()
	}
}

// phone adds a line and registers a phone for it.
func (x *exchange) phone(number string, behaviour phone.Handler) *phone.Phone {
	x.t.Helper()
	return x.phoneWith(phone.Options{Number: number, User: number, Incoming: behaviour})
}

// phoneWith is phone for one that is somehow special; o.User is its line.
func (x *exchange) phoneWith(o phone.Options) *phone.Phone {
	x.t.Helper()
	number := o.User
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := x.Directory().Line(ctx, number); err != nil {
		if err := x.Directory().Add(ctx, directory.Line{Number: number, Name: "Line " + number, Kind: directory.Person, Person: "p" + number}, "secret-of-"+number); err != nil {
			x.t.Fatal(err)
		}
	}
	o.Server, o.Secret, o.Log = x.Addrs("udp")[0], "secret-of-"+number, x.Log()
	p, err := phone.New(o)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			x.t.Errorf("close phone %s: %v", number, err)
		}
	})
	if err := p.Register(ctx); err != nil {
		x.t.Fatal(err)
	}
	return p
}

func (x *exchange) dial(p *phone.Phone, number string) *phone.Call {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := p.Dial(ctx, number)
	if err != nil {
		x.t.Fatalf("%s calls %s: %v", p.Number(), number, err)
	}
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sine is a tone to speak with, one second of it: a phone that hears it takes it for a beep.
func sine(hz float64) *media.Clip {
	pcm := make([]int16, 8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return media.NewClip(8000, pcm)
}

// goertzel is the power of one frequency in 8 kHz sound.
func goertzel(pcm []int16, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/8000)
	var a, b float64
	for _, s := range pcm {
		a, b = float64(s)+k*a-b, a
	}
	return a*a + b*b - k*a*b
}

// pause is the rhythm in which a test looks again for what it waits for.
func pause() <-chan time.Time { return time.After(10 * time.Millisecond) }

// ringing rings until the caller gives up, and shows the call to the test.
func ringing(calls chan<- *phone.Call) phone.Handler {
	return func(ctx context.Context, c *phone.Call) {
		if c.Ring(ctx) == nil {
			calls <- c
			<-c.Done()
		}
	}
}

// receive is the next of c.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-within(t).Done():
		t.Fatalf("%s: never came", what)
	}
	panic("not reached")
}

// ended waits for a call's end.
func ended(t *testing.T, c *phone.Call) {
	t.Helper()
	if err := c.WaitEnded(within(t)); err != nil {
		t.Fatalf("the call of %s still stands", c.Phone().Number())
	}
}

// hears waits until a call hears a kind of sound that was still there after from.
func hears(t *testing.T, c *phone.Call, kind phone.SoundKind, from time.Duration) {
	t.Helper()
	if _, err := c.WaitHeard(within(t), kind, from); err != nil {
		t.Fatalf("%s does not hear %s after %v: %v; heard %v", c.Phone().Number(), kind, from, err, c.Heard())
	}
}

func press(t *testing.T, c *phone.Call, keys string) {
	t.Helper()
	if err := c.SendDigits(within(t), keys); err != nil {
		t.Fatal(err)
	}
}

func speak(t *testing.T, c *phone.Call, hz float64) {
	t.Helper()
	if err := c.Play(within(t), sine(hz)); err != nil {
		t.Fatal(err)
	}
}
