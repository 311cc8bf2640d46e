package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Options say how an Engine is made. The zero value is fit for use.
type Options struct {
	Shards           int           // threads that move packets; 0: runtime.GOMAXPROCS(0)
	Driver           string        // one of Drivers, or "auto" or "": the first of them
	MinPort, MaxPort uint16        // even port for RTP, the next for RTCP; 0, 0: 16384 to 32767
	RTPTimeout       time.Duration // a session that should be receiving and gets nothing this long reports Timeout; 0: 60 s
	Clock            clock.Clock   // stamps and time-outs; packets are paced by the system's; nil: the system's
	Log              *slog.Logger  // nil: slog.Default()
}

// Engine owns the shards and the ports. It is safe for concurrent use.
type Engine struct {
	opts   Options
	net    network
	ports  *ports
	shards []*shard
	epoch  time.Time // tick 0, on the packets' clock

	mu     sync.RWMutex // held for reading while a command is posted
	closed bool
	ended  chan struct{} // all shards have ended
}

// New opens the drivers and starts the shards. Errors: ErrNoDriver, a port range
// without a pair, and the system's.
func New(o Options) (*Engine, error) {
	e, err := newEngine(o)
	if err != nil {
		return nil, err
	}
	for _, sh := range e.shards {
		go sh.dispatch()
		go sh.run()
	}
	var errs []error
	for _, sh := range e.shards {
		if err := <-sh.started; err != nil {
			errs = append(errs, fmt.Errorf("media: start shard %d: %w", sh.index, err))
		}
	}
	if errs != nil {
		return nil, errors.Join(append(errs, e.Close())...)
	}
	return e, nil
}

// newEngine makes an engine whose shards do not run yet.
func newEngine(o Options) (*Engine, error) {
	if o.Shards <= 0 {
		o.Shards = runtime.GOMAXPROCS(0)
	}
	if o.RTPTimeout <= 0 {
		o.RTPTimeout = time.Minute
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e := &Engine{opts: o, epoch: time.Now(), ended: make(chan struct{})}
	var err error
	var refused []DriverStatus
	if e.net, refused, err = pickNetwork(o.Driver); err != nil {
		return nil, err
	}
	for _, status := range refused {
		o.Log.Warn("media driver does not work here", "driver", status.Name, "reason", status.Reason, "instead", e.net.name())
	}
	if e.ports, err = newPorts(o.MinPort, o.MaxPort); err != nil {
		return nil, err
	}
	for i := range o.Shards {
		e.shards = append(e.shards, newShard(e, i))
	}
	return e, nil
}

// Driver names the driver that runs.
func (e *Engine) Driver() string { return e.net.name() }

// Close says goodbye to all peers, ends every session, player and recorder, and
// returns when the shards have ended. It must not be called from an event.
func (e *Engine) Close() error {
	e.mu.Lock() // waits for commands being posted: the shards still take them
	if e.closed {
		e.mu.Unlock()
		<-e.ended
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	for _, sh := range e.shards {
		close(sh.quit)
	}
	var errs []error
	for _, sh := range e.shards {
		<-sh.done
	}
	for _, sh := range e.shards { // only now: a session's events go to the shard it began on
		close(sh.events)
		<-sh.dispatched
		errs = append(errs, sh.closed)
	}
	close(e.ended)
	return errors.Join(errs...)
}

// Stats are the totals of all sessions there have been. They are at most 5 ms old.
func (e *Engine) Stats() Stats {
	var total Stats
	for _, sh := range e.shards {
		sh.addStats(&total)
	}
	return total
}

// SessionOptions say how a Session is made.
type SessionOptions struct {
	Bind   netip.Addr // local address to bind; zero: 0.0.0.0
	Near   *Session   // share that session's shard: a hint that saves a later move
	Events Events
}

// NewSession binds a pair of ports. It sends and accepts nothing before its first
// SetFormat. Errors: ErrNoPorts, ErrClosed, and the system's.
func (e *Engine) NewSession(o SessionOptions) (*Session, error) {
	if !o.Bind.IsValid() {
		o.Bind = netip.IPv4Unspecified()
	}
	rtp, rtcp, err := e.ports.openPair(e.net, o.Bind.Unmap().WithZone(""))
	if err != nil {
		return nil, err
	}
	s := &Session{
		engine: e, events: o.Events, rtp: rtp, rtcp: rtcp,
		sender: newSender(sampleRate),
		cname:  newCNAME(),
	}
	rtp.session, rtcp.session, rtcp.rtcp = s, s, true
	home := e.pickShard(o.Near)
	s.home, s.on = home, home
	home.load.Add(1)
	if !home.post(func() { home.attach(s) }) {
		home.load.Add(-1)
		return nil, errors.Join(ErrClosed, s.release())
	}
	return s, nil
}

func (e *Engine) pickShard(near *Session) *shard {
	if near != nil && near.engine == e {
		near.mu.Lock()
		defer near.mu.Unlock()
		return near.on
	}
	best := e.shards[0]
	for _, sh := range e.shards[1:] {
		if sh.load.Load() < best.load.Load() {
			best = sh
		}
	}
	return best
}

// newCNAME makes a short-term persistent RTCP name (RFC 7022 section 4.2): 96
// random bits.
func newCNAME() string { return fmt.Sprintf("%016x%08x", rand.Uint64(), rand.Uint32()) }

// wait returns when done is closed, ctx ends or the engine does.
func (e *Engine) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.ended:
		return ErrClosed
	}
}
