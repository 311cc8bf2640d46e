// Package live plays tests of dialplans over SIP and RTP, in real time: with an exchange of their own on the loopback
// interface, and telephones of engine/phone.
package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store/memory"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

const (
	settleTime = 400 * time.Millisecond // in which what is due now happens, and is heard
	look       = 10 * time.Millisecond  // how often it is looked whether something is so
	comeUp     = 20 * time.Second       // in which telephones register
	maxLines   = 200                    // that have a telephone each
)

// Options say which exchange. Sounds and Lines are required.
type Options struct {
	Engine engine.Options // as the site has it; where it listens and what it keeps is changed
	Clock  *clock.Jumping // the exchange's; nil: one that shows the real time
	Sounds *Sounds
	Lines  func(ctx context.Context, e *engine.Engine) error // makes the lines
}

// Exchange is an exchange on free ports of the loopback interface. It keeps nothing.
type Exchange struct {
	engine *engine.Engine
	sounds *Sounds
	clock  *clock.Jumping
	data   string
	store  *memory.Store
	media  *media.Engine // of the telephones

	ctx     context.Context // ends with the exchange
	cancel  context.CancelFunc
	running bool          // the engine
	remote  Remote        // nil: the exchange is the engine
	done    chan struct{} // it has ended
	tasks   sync.WaitGroup

	mu     sync.Mutex
	err    error
	phones map[string]*Phone // of lines
	world  map[string]*Phone // outside
	trunks []*trunk
	voices []*Phone  // whose they are
	asked  time.Time // who talks to whom, last
}

// Open starts an exchange.
func Open(ctx context.Context, o Options) (*Exchange, error) {
	if o.Clock == nil {
		o.Clock = clock.NewJumping()
	}
	x := &Exchange{sounds: o.Sounds, clock: o.Clock, store: memory.New(o.Clock), phones: map[string]*Phone{}, world: map[string]*Phone{}, done: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	if err := x.open(ctx, o); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (x *Exchange) open(ctx context.Context, o Options) (err error) {
	if x.data, err = os.MkdirTemp("", "belfry-test-"); err != nil {
		return err
	}
	if x.media, err = media.New(media.Options{Shards: 1}); err != nil {
		return err
	}
	e := o.Engine
	e.Store, e.Data, e.Clock = x.store, x.data, x.clock
	e.UDP, e.TCP, e.Advertise, e.RTPPorts, e.NAT, e.Shards = []string{"127.0.0.1:0"}, nil, "", [2]uint16{}, false, 1
	if e.Trunks, err = x.lay(e.Trunks); err != nil {
		return err
	}
	if x.engine, err = engine.New(ctx, e); err != nil {
		return err
	}
	if err := o.Lines(ctx, x.engine); err != nil {
		return err
	}
	x.running = true
	go func() {
		defer close(x.done)
		if err := x.engine.Run(x.ctx); err != nil {
			x.fail(err)
		}
	}()
	x.tasks.Go(x.probe)
	return nil
}

// fail is why the exchange is of no use any more.
func (x *Exchange) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
	}
}

// Close hangs up, switches the telephones off and throws everything away.
func (x *Exchange) Close() error {
	errs := []error{x.switchOff(), x.cut()}
	x.cancel()
	x.tasks.Wait()
	if x.engine != nil {
		if x.running {
			<-x.done
		}
		errs = append(errs, x.engine.Close())
	}
	if x.media != nil {
		errs = append(errs, x.media.Close())
	}
	if x.store != nil {
		errs = append(errs, x.store.Close())
	}
	if x.data != "" {
		errs = append(errs, os.RemoveAll(x.data))
	}
	return errors.Join(errs...)
}

// switchOff switches all telephones off.
func (x *Exchange) switchOff() error {
	x.mu.Lock()
	phones := slices.Clone(x.voices)
	x.mu.Unlock()
	errs := make([]error, len(phones))
	var wg sync.WaitGroup
	for i, p := range phones {
		wg.Go(func() { errs[i] = p.off() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Engine is the exchange itself.
func (x *Exchange) Engine() *engine.Engine { return x.engine }

// Now is what the exchange's clock shows.
func (x *Exchange) Now() time.Time { return x.clock.Now() }

// Err says why the exchange is of no use any more.
func (x *Exchange) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// Jump moves the exchange's clock on. Telephones register anew when they are needed: what they had may have run out.
func (x *Exchange) Jump(d time.Duration) bool {
	if len(x.engine.Calls()) > 0 {
		return false
	}
	if err := x.switchOff(); err != nil {
		x.fail(err)
	}
	x.clock.Jump(d)
	return true
}

// Left is nothing: what a real exchange still holds, nobody can see.
func (x *Exchange) Left() []string { return nil }

// Run lets time pass.
func (x *Exchange) Run(until func() bool, limit time.Duration) bool {
	end := time.Now().Add(max(limit, settleTime))
	for {
		if until != nil && until() {
			return true
		}
		if x.Err() != nil || !time.Now().Before(end) {
			return false
		}
		time.Sleep(look)
	}
}

// address is where telephones reach the exchange.
func (x *Exchange) address() string { return x.engine.Addrs("udp")[0] }

// ready has a telephone registered for each line.
func (x *Exchange) ready() error {
	ctx, cancel := context.WithTimeout(x.ctx, comeUp)
	defer cancel()
	if x.remote != nil {
		return x.named(ctx)
	}
	lines, err := x.engine.Directory().Lines(ctx)
	if err != nil {
		return err
	}
	if len(lines) > maxLines {
		return &dialtest.LeftOut{Why: fmt.Sprintf("needs the simulator: the site has %d lines; there are real telephones for %d at most", len(lines), maxLines)}
	}
	numbers := make([]string, len(lines))
	for i, l := range lines {
		numbers[i] = l.Number
	}
	return x.register(ctx, numbers)
}

func (x *Exchange) register(ctx context.Context, numbers []string) error {
	var wg sync.WaitGroup
	errs := make([]error, len(numbers))
	for i, number := range numbers {
		p := x.line(number)
		wg.Go(func() { _, errs[i] = p.on(ctx, x.at()) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// line is the telephone of a line, registered or not.
func (x *Exchange) line(number string) *Phone {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.phones[number]
	if p == nil {
		p = &Phone{x: x, number: number, secret: directory.GenerateSecret()}
		x.phones[number] = p
		x.giveVoice(p)
	}
	return p
}

// giveVoice gives a telephone a voice that nobody else has. x.mu is held.
func (x *Exchange) giveVoice(p *Phone) {
	p.voice = len(x.voices) % voices
	x.voices = append(x.voices, p)
}

// Phone is the telephone of a line.
func (x *Exchange) Phone(number string) dialtest.Phone { return x.line(number) }

// voicePrefix begins the names by which voices are recognised.
const voicePrefix = "voice:"

func voiceName(i int) string { return voicePrefix + strconv.Itoa(i) }
