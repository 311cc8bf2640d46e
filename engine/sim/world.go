// Package sim is an exchange that needs no network and no patience: the same call control as in a real one, among phones
// and sound that exist in memory only, in a time of their own.
package sim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/workers"
)

// Errors of a World.
var (
	ErrEndless = errors.New("something goes on for ever")
	ErrPanic   = errors.New("a function panicked")
)

// noEnd is later than all else.
func noEnd() time.Time { return time.Unix(1<<40, 0) }

// maxSteps is how many steps a World takes if it is not told otherwise.
const maxSteps = 200_000

// World runs functions in turn, in an order that is always the same, in a time that stands still while anything can be
// done and then jumps to what is due next. It is the workers.Runner and the clock.Clock of a simulated exchange.
//
// A function runs until it waits, at a Waiter, or returns; it must not wait for another in any other way. Run is for
// whoever made the World; Go, Wake, Now and timers are for anybody.
type World struct {
	// MaxSteps is how many steps there may be, from the beginning of the World: ErrEndless.
	MaxSteps int

	pool   *Pool // nil: it has coroutines of its own only
	settle []func() bool

	mu      sync.Mutex // never held while a function runs
	now     time.Time
	timers  timers
	set     uint64     // timers set so far: those of one moment fire in that order
	ready   list       // what can go on
	waiting list       // what waits at a Waiter, in the order in which it came there
	joining int        // of these, what waits for all others
	idle    *coroutine // what has no function: a chain by next
	all     []*coroutine
	live    int        // functions that have not returned
	current *coroutine // what runs
	steps   int
	where   string // the stack of what took the last step there may be
	err     error
	closed  bool
}

// NewWorld makes a World whose clock shows start.
func NewWorld(start time.Time) *World { return (*Pool)(nil).NewWorld(start) }

// Go has f run when its turn comes, which is after all that can go on already.
func (w *World) Go(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.launch(f)
}

// Do runs f in place.
func (w *World) Do(f func()) { f() }

// NewWaiter makes a place to wait.
func (w *World) NewWaiter() workers.Waiter { return &waiter{world: w} }

// BeforeJump has f asked each time before the clock moves, after those that came before it. It brings in what real
// goroutines still owe, and tells whether there was anything.
func (w *World) BeforeJump(f func() bool) { w.settle = append(w.settle, f) }

// Run lets things happen until `until` says that it is enough, which is true. It is false when that has not come within
// limit, when nothing is left that could happen, or when there is an error: see Err. With a limit of 0 the clock does
// not move. A nil until lets all of limit pass. Run must not be called by a function that it runs.
func (w *World) Run(until func() bool, limit time.Duration) bool {
	end := w.Now().Add(limit)
	for {
		if until != nil && until() {
			return true
		}
		switch w.step(end) {
		case stepped:
		case late:
			w.pass(end)
			return false
		case nothing:
			if until == nil {
				w.pass(end)
			}
			return false
		default:
			return false
		}
	}
}

// Wait returns when nothing that Go was given is under way, but for who waits here.
func (w *World) Wait() {
	if co := w.running(); co != nil {
		w.join(co)
		return
	}
	for w.busy() && w.step(noEnd()) == stepped {
	}
}

func (w *World) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live > w.joining
}

// Steps is how many there have been: a function ran until it waited or returned, or had no need to wait, or a timer
// fired.
func (w *World) Steps() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps
}

// Err is the first error there was: a function panicked, or something goes on for ever. Nothing happens after it.
func (w *World) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close ends all functions where they wait; what they have deferred is done. Nothing happens after it.
func (w *World) Close() {
	w.mu.Lock()
	w.closed = true
	all := w.all
	w.all = nil
	w.mu.Unlock()
	for _, co := range all {
		if co.rests {
			w.pool.give(co)
		} else {
			w.end(co)
		}
	}
}

// progress says what came of an attempt to take a step.
type progress uint8

const (
	stepped progress = iota
	late             // the next thing would be too late
	nothing          // there is no next thing
	failed           // see Err
)

// step has the next thing happen, unless that is after end.
func (w *World) step(end time.Time) progress {
	co, how := w.next(end, true)
	if how == late {
		came := false
		for _, f := range w.settle {
			came = f() || came
		}
		if came {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.count()
			return stepped
		}
		co, how = w.next(end, false)
	}
	if co != nil {
		w.resume(co)
	}
	return how
}

// next finds what is to run next, nil if a channel was served instead. It moves the clock, to end at most, unless that is
// not wanted yet: then the answer is late.
func (w *World) next(end time.Time, still bool) (*coroutine, progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.closed {
		return nil, failed
	}
	if w.ready.first == nil {
		w.pollContexts()
	}
	if co := w.ready.first; co != nil {
		w.ready.remove(co)
		w.current = co
		return co, stepped
	}
	if len(w.timers) > 0 && !w.timers[0].at.After(w.now) {
		return w.fire(), stepped
	}
	switch {
	case still:
		return nil, late
	case len(w.timers) == 0:
		return nil, nothing
	case w.timers[0].at.After(end):
		return nil, late
	}
	w.now = w.timers[0].at
	return w.fire(), stepped
}

// pollContexts wakes whoever waits with a context that has ended. w.mu is held.
func (w *World) pollContexts() {
	for co := w.waiting.first; co != nil; {
		after := co.after
		if co.ended() {
			w.waiting.remove(co)
			w.ready.append(co)
		}
		co = after
	}
}

// pass moves the clock to at.
func (w *World) pass(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.After(w.now) {
		w.now = at
	}
}

// count counts a step. w.mu is held.
func (w *World) count() {
	if w.err != nil {
		return
	}
	w.steps++
	if w.steps >= w.MaxSteps {
		w.fail(fmt.Errorf("%w: %d steps, at last in\n%s", ErrEndless, w.steps, w.where))
	}
}

// fail keeps the first error. w.mu is held.
func (w *World) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// forget leaves out a coroutine that has ended.
func (w *World) forget(co *coroutine) {
	w.all = slices.DeleteFunc(w.all, func(other *coroutine) bool { return other == co })
}
