package phone

import (
	"bytes"
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newPhone(t *testing.T, o Options) *Phone {
	t.Helper()
	p, err := New(o)
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

// pair is two phones, of which the first knows the second as its exchange.
func pair(t *testing.T, caller, called Options) (*Phone, *Phone) {
	t.Helper()
	called.Server, called.Number = "127.0.0.1:9", "202"
	b := newPhone(t, called)
	caller.Server, caller.Number = b.Addr().String(), "201"
	return newPhone(t, caller), b
}

// events collects what a phone tells.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) add(one Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, one)
}

func (e *events) kinds() (all []Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.list {
		all = append(all, one.Kind)
	}
	return all
}

func TestACallIsAnsweredHeardAndHungUp(t *testing.T) {
	ctx := within(t)
	greeting := media.NewClip(sampleRate, sound(speech(1500)))
	var seen events
	a, b := pair(t, Options{Events: seen.add}, Options{Incoming: AnswersAfter(0, func(ctx context.Context, c *Call) {
		if err := c.Play(ctx, greeting); err != nil {
			t.Error(err)
		}
	})})
	c, err := a.Dial(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(c.Err(), sip.ErrBye) {
		t.Errorf("the call ended with %v, want that the other side hung up", c.Err())
	}
	if got := c.Heard().Total(Voice); got < 1200*time.Millisecond || got > 1800*time.Millisecond {
		t.Errorf("heard %v, want a voice of 1.5 s", c.Heard())
	}
	var ringing, answered, ended int
	for i, k := range seen.kinds() {
		switch k {
		case Ringing:
			ringing = i + 1
		case Answered:
			answered = i + 1
		case Ended:
			ended = i + 1
		}
	}
	if ringing == 0 || answered < ringing || ended < answered {
		t.Errorf("told %v, want ringing, answered, ended in this order", seen.kinds())
	}
}

// What is above 4 kHz is heard by phones that speak a wideband codec and keep it.
func TestWidebandPhones(t *testing.T) {
	ctx := within(t)
	wide := Options{Codecs: []codec.Codec{codec.G722}, Rate: 16000}
	answering := wide
	answering.Incoming = AnswersAfter(0, Echoes)
	a, b := pair(t, wide, answering)
	c, err := a.Dial(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = int16(6000*math.Sin(2*math.Pi*6000*float64(i)/16000) + 6000*math.Sin(2*math.Pi*1000*float64(i)/16000))
	}
	if err := c.Play(ctx, media.NewClip(16000, pcm)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitHeard(ctx, Beep, 0); err != nil { // sounds are recognised below 4 kHz
		t.Fatal(err)
	}
	c.Hangup()
	if err := c.WaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
	heard := c.Heard().Clip()
	if r := measure.Tone(heard.PCM(), heard.Rate(), 6000); heard.Rate() != 16000 || r.Level < -18 || r.Level > -13 {
		t.Errorf("6 kHz came back at %d Hz: %+v", heard.Rate(), r)
	}
}

func TestBothSidesHearEachOther(t *testing.T) {
	ctx := within(t)
	a, b := pair(t, Options{Codecs: []codec.Codec{codec.PCMU}}, Options{Incoming: AnswersAfter(0, Echoes)})
	c, err := a.Dial(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	tone := media.NewClip(sampleRate, sound(ms(400, 1000)))
	if err := c.Play(ctx, tone); err != nil {
		t.Fatal(err)
	}
	s, err := c.WaitHeard(ctx, Beep, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Frequency < 990 || s.Frequency > 1010 {
		t.Errorf("the echo of 1000 Hz has %d Hz", s.Frequency)
	}
	middle := (s.Start + s.End) / 2
	if got := c.Heard().Level(middle-50*time.Millisecond, middle+50*time.Millisecond); math.Abs(got+21.3) > 1 {
		t.Errorf("the echo of -21.3 dBFS has %.1f", got)
	}
	c.Hangup()
	if err := c.WaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(c.Err(), sip.ErrHungUp) {
		t.Errorf("the call ended with %v, want that we hung up", c.Err())
	}
	var wav bytes.Buffer
	if err := c.Heard().SaveWAV(&wav); err != nil {
		t.Fatal(err)
	}
	clip, err := media.ReadWAV(&wav)
	if err != nil {
		t.Fatal(err)
	}
	if clip.Duration() != c.Heard().Length() {
		t.Errorf("heard %v and saved %v", c.Heard().Length(), clip.Duration())
	}
}

func TestKeysArrive(t *testing.T) {
	ctx := within(t)
	got := make(chan string, 1)
	a, b := pair(t, Options{}, Options{Incoming: AnswersAfter(0, func(ctx context.Context, c *Call) {
		keys, err := c.WaitDigits(ctx, 4)
		if err != nil {
			t.Error(err)
		}
		got <- keys
		<-ctx.Done()
	})})
	c, err := a.Dial(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SendDigits(ctx, "19*#"); err != nil {
		t.Fatal(err)
	}
	if keys := <-got; keys != "19*#" {
		t.Errorf("pressed 19*#, arrived %s", keys)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	for _, test := range []struct {
		name string
		does Handler
		code int
	}{{"busy", IsBusy(), 486}, {"declined", Rejects(), 603}} {
		t.Run(test.name, func(t *testing.T) {
			a, b := pair(t, Options{}, Options{Incoming: test.does})
			_, err := a.Dial(within(t), b.Number())
			var status *sip.StatusError
			if !errors.As(err, &status) || status.Code != test.code {
				t.Errorf("got %v, want status %d", err, test.code)
			}
		})
	}
}

func TestGivingUpStopsTheRinging(t *testing.T) {
	ctx := within(t)
	rang, over := make(chan struct{}), make(chan struct{})
	a, b := pair(t, Options{Events: func(e Event) {
		if e.Kind == Ringing {
			close(rang)
		}
	}}, Options{Incoming: func(ctx context.Context, c *Call) {
		RingsForEver()(ctx, c)
		close(over)
	}})
	c, err := a.Start(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	<-rang
	c.Hangup()
	<-over
	if err := c.WaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswered(ctx); err == nil {
		t.Error("a call that was given up counts as answered")
	}
}

func TestHoldAndRetrieve(t *testing.T) {
	ctx := within(t)
	calls := make(chan *Call, 1)
	a, b := pair(t, Options{}, Options{Incoming: AnswersAfter(0, func(ctx context.Context, c *Call) {
		calls <- c
		<-ctx.Done()
	})})
	c, err := a.Dial(ctx, b.Number())
	if err != nil {
		t.Fatal(err)
	}
	other := <-calls
	if err := c.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	if !other.OnHold() {
		t.Error("after hold the other side is not held")
	}
	if err := c.Retrieve(ctx); err != nil {
		t.Fatal(err)
	}
	if other.OnHold() {
		t.Error("after retrieve the other side is still held")
	}
}

// registrar is an exchange that registers one line and takes no calls.
func registrar(t *testing.T, secret string) string {
	t.Helper()
	s, err := sip.New(sip.Options{
		UDP: []string{"127.0.0.1:0"}, TCP: []string{"127.0.0.1:0"}, Realm: "test",
		Lines: func(_ context.Context, user string) (sip.Credentials, bool) {
			return sip.Credentials{Line: user, HA1MD5: digest.HA1("", user, "test", secret), HA1SHA256: digest.HA1(digest.SHA256, user, "test", secret)}, user == "201"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addrs("udp")[0].String()
}

func TestRegister(t *testing.T) {
	server := registrar(t, "plum-otter-41")
	p := newPhone(t, Options{Server: server, Number: "201", Secret: "plum-otter-41"})
	if err := p.Register(within(t)); err != nil {
		t.Error(err)
	}
	wrong := newPhone(t, Options{Server: server, Number: "201", Secret: "guess"})
	if err := wrong.Register(within(t)); !errors.Is(err, ErrRegister) {
		t.Errorf("with a wrong secret: %v, want ErrRegister", err)
	}
}

func TestNobodyThere(t *testing.T) {
	p := newPhone(t, Options{Server: "127.0.0.1:1", Number: "201", Transport: "tcp"})
	if _, err := p.Dial(within(t), "600"); !errors.Is(err, ErrNoExchange) {
		t.Errorf("got %v, want ErrNoExchange", err)
	}
}
