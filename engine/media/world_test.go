package media

import (
	"log/slog"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// start is what the fake clocks of tests show.
var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world is an engine of one shard that the test itself makes tick, and a clock that
// it moves: what happens when is then no matter of luck. The sockets are real.
type world struct {
	t     testing.TB
	clock *clock.Fake
	sh    *shard
	e     *Engine
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(start)}
	o.Shards, o.Clock = 1, w.clock
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e, err := newEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	w.e, w.sh = e, e.shards[0]
	runtime.LockOSThread() // a shard's thread, for good
	if w.sh.drv, err = e.net.newDriver(); err != nil {
		t.Fatal(err)
	}
	go w.sh.dispatch()
	t.Cleanup(func() {
		w.sh.end()
		w.sh.closed = w.sh.drv.close()
		close(w.sh.done)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// ticks lets n ticks pass, on the fake clock too.
func (w *world) ticks(n int) {
	for range n {
		w.clock.Advance(tickLength)
		w.sh.step()
	}
}

// frames lets n frames pass.
func (w *world) frames(n int) { w.ticks(n * frameTicks) }

// commands runs what was posted without letting time pass.
func (w *world) commands() { w.sh.runCommands() }

// arrived waits until n datagrams more have been taken in, without letting time
// pass: the system may need a moment to deliver them.
func (w *world) arrived(n int) {
	w.t.Helper()
	r := &countingReceiver{shard: w.sh}
	deadline := time.Now().Add(patience)
	for r.n < n {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d of %d datagrams arrived", r.n, n)
		}
		w.sh.drv.sweep(r)
	}
	w.sh.drv.submit()
	if r.n > n {
		w.t.Fatalf("%d datagrams arrived where %d were sent", r.n, n)
	}
}

type countingReceiver struct {
	shard *shard
	n     int
}

func (r *countingReceiver) packet(s *socket, b []byte, from netip.AddrPort) {
	r.n++
	r.shard.packet(s, b, from)
}

func (r *countingReceiver) unsent(s *socket, n int) { r.shard.unsent(s, n) }

// ticksUntil lets time pass until something is true.
func (w *world) ticksUntil(what string, is func() bool) {
	w.t.Helper()
	for range 1000 {
		w.ticks(1)
		if is() {
			return
		}
	}
	w.t.Fatalf("never came true: %s", what)
}
