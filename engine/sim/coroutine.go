package sim

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// coroutine runs functions, one after the other, each until it waits. Its World says when it goes on.
type coroutine struct {
	world  *World
	f      func()
	rests  bool // it has no function
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	a, b   context.Context // that end its wait; nil: none do
	in     *list           // nil: it runs, or has nothing to do
	before *coroutine      // in the list
	after  *coroutine      // likewise, or in the chain of those that have nothing to do
}

// launch makes f the last of what can go on. w.mu is held.
func (w *World) launch(f func()) {
	if w.closed {
		return
	}
	w.live++
	w.ready.append(w.take(f))
}

// take finds a coroutine for f. w.mu is held.
func (w *World) take(f func()) *coroutine {
	co := w.idle
	if co != nil {
		w.idle, co.after = co.after, nil
	} else {
		co = w.pool.take()
		co.world = w
		w.all = append(w.all, co)
	}
	co.f, co.rests = f, false
	return co
}

// serve runs what the coroutine is given, until it is stopped.
func (co *coroutine) serve(yield func(struct{}) bool) {
	co.yield = yield
	for {
		co.run()
		if !yield(struct{}{}) {
			return
		}
	}
}

func (co *coroutine) run() {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			co.world.done(co, true, fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack()))
			return
		}
		co.world.done(co, returned, nil)
	}()
	f := co.f
	co.f = nil
	f()
	returned = true
}

// done is told that a function has returned. Where it has not, its coroutine has ended with it.
func (w *World) done(co *coroutine, returned bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.fail(err)
	}
	w.live--
	if returned {
		co.rests, co.after, w.idle = true, w.idle, co
	} else {
		w.forget(co)
	}
	if w.live > w.joining {
		return
	}
	for co := w.waiting.first; co != nil; { // nobody else is under way: all who wait are those in Wait
		after := co.after
		w.waiting.remove(co)
		w.ready.append(co)
		co = after
	}
	w.joining = 0
}

// resume has a coroutine go on until it waits or its function returns.
func (w *World) resume(co *coroutine) {
	defer func() { // also when a function ends the goroutine, as a failed test does
		w.mu.Lock()
		defer w.mu.Unlock()
		w.current = nil
		w.count()
	}()
	co.resume()
}

// park has what runs wait. w.mu is held, though not meanwhile. Once the World is closed it does not return: the function
// ends there, and what it has that recovers from panics is not told.
func (w *World) park(co *coroutine) {
	if w.steps+lastSteps >= w.MaxSteps {
		w.where = string(debug.Stack())
	}
	w.waiting.append(co)
	w.mu.Unlock()
	goOn := co.yield(struct{}{})
	w.mu.Lock()
	if !goOn {
		runtime.Goexit()
	}
}

// join has a coroutine wait for all others.
func (w *World) join(co *coroutine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live > w.joining+1 {
		w.joining++
		w.park(co)
	}
}

// end stops a coroutine, on a goroutine that may end with it.
func (w *World) end(co *coroutine) {
	w.setCurrent(co)
	defer w.setCurrent(nil)
	var ending sync.WaitGroup
	ending.Go(co.stop)
	ending.Wait()
}

// running is the coroutine that asks; nil: it is whoever made the World.
func (w *World) running() *coroutine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

func (w *World) setCurrent(co *coroutine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = co
}

// ended tells whether a context has ended the coroutine's wait.
func (co *coroutine) ended() bool {
	return co.a != nil && (co.a.Err() != nil || co.b.Err() != nil)
}

// lastSteps is how many steps before there may be no more it begins to be noted where they are.
const lastSteps = 10

// waiter is a place to wait.
type waiter struct {
	world *World
	woken bool
	who   *coroutine
}

// Wait implements workers.Waiter. Whoever made the World may call it too: things happen meanwhile.
func (t *waiter) Wait(a, b context.Context) {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	co := w.current
	switch {
	case co != nil && (t.woken || a.Err() != nil || b.Err() != nil):
		w.count() // there may be no end to this
		if w.err != nil {
			w.park(co)
		}
	case co == nil:
		w.mu.Unlock()
		t.drive(a, b)
		w.mu.Lock()
	default:
		t.who, co.a, co.b = co, a, b
		w.park(co)
		t.who, co.a, co.b = nil, nil, nil
	}
	t.woken = false
}

// drive lets things happen until the wait is over.
func (t *waiter) drive(a, b context.Context) {
	for !t.isWoken() && a.Err() == nil && b.Err() == nil {
		if t.world.step(noEnd()) != stepped {
			panic(fmt.Sprintf("sim: nothing is left that could end a wait: %v", t.world.Err()))
		}
	}
}

func (t *waiter) isWoken() bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	return t.woken
}

// Wake implements workers.Waiter.
func (t *waiter) Wake() {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.woken {
		return
	}
	t.woken = true
	if co := t.who; co != nil && co.in == &w.waiting {
		w.waiting.remove(co)
		w.ready.append(co)
	}
}
