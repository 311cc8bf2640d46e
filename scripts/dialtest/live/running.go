package live

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// Remote is an exchange that runs by itself, as its administrator reaches it.
type Remote interface {
	Lines(ctx context.Context) ([]string, error)
	// Lend tells where it is, and how a telephone registers that is one more of a line, until TakeBack.
	Lend(ctx context.Context, line string) (server, user, secret string, err error)
	TakeBack(ctx context.Context, user string) error
	// Stories are those of the calls since then from one of the numbers, oldest first.
	Stories(ctx context.Context, since time.Time, numbers []string) ([]trace.Trace, error)
}

// Running is an exchange that runs by itself, with telephones of the lines that a test names. It is not opened or closed: they are.
type Running struct {
	*Exchange
	began time.Time
}

var _ dialtest.Running = (*Running)(nil)

// Join has telephones for an exchange that runs.
func Join(r Remote, sounds *Sounds) (*Running, error) {
	x := &Exchange{sounds: sounds, clock: clock.NewJumping(), remote: r, phones: map[string]*Phone{}, world: map[string]*Phone{}}
	var err error
	if x.media, err = media.New(media.Options{Shards: 1}); err != nil {
		return nil, err
	}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.tasks.Go(x.probe)
	return &Running{Exchange: x, began: x.Now()}, nil
}

// patience is how long a question to the exchange may take.
const patience = 10 * time.Second

func (x *Exchange) takeBack(user string) error {
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	if err := x.remote.TakeBack(ctx, user); err != nil {
		return fmt.Errorf("give back what was lent: %w", err)
	}
	return nil
}

// at is where the telephones of lines call from; the zero address: from where the exchange is reached.
func (x *Exchange) at() netip.Addr {
	if x.remote != nil {
		return netip.Addr{}
	}
	return loopback()
}

// named has the telephones registered that the test has named so far.
func (x *Exchange) named(ctx context.Context) error {
	x.mu.Lock()
	numbers := slices.Collect(maps.Keys(x.phones))
	x.mu.Unlock()
	return x.register(ctx, numbers)
}

// mayRing has those telephones registered that a call to a number may ring, as far as anybody has told of them.
func (x *Exchange) mayRing(to string) error {
	if x.remote != nil {
		ctx, cancel := context.WithTimeout(x.ctx, patience)
		defer cancel()
		lines, err := x.remote.Lines(ctx)
		if err != nil {
			return err
		}
		if slices.Contains(lines, to) {
			x.line(to)
		}
	}
	return x.ready()
}

// Lines are the numbers of the exchange's lines.
func (r *Running) Lines() ([]string, error) {
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	return r.remote.Lines(ctx)
}

// Phone is one more telephone of a line. It can be rung from now on.
func (r *Running) Phone(number string) dialtest.Phone {
	p := r.line(number)
	if err := r.ready(); err != nil {
		r.fail(err)
	}
	return p
}

// Call has a line call. Nobody can call from outside.
func (r *Running) Call(from, to string, o dialtest.CallOptions) (dialtest.Call, error) {
	lines, err := r.Lines()
	if err != nil {
		return nil, err
	}
	if o.Trunk != "" || o.Diversion != nil || !slices.Contains(lines, from) {
		return nil, &dialtest.LeftOut{Why: "it needs an exchange of its own: " + from + " calls from outside"}
	}
	return r.line(from).Call(to), nil
}

// Stories are those of the calls of the telephones, as the exchange tells them; none if it does not.
func (r *Running) Stories() []trace.Trace {
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	r.mu.Lock()
	numbers := slices.Collect(maps.Keys(r.phones))
	r.mu.Unlock()
	all, err := r.remote.Stories(ctx, r.began, numbers)
	if err != nil {
		return nil
	}
	return all
}
