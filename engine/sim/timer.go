package sim

import (
	"container/heap"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Now is the time in the World.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// AfterFunc has f run, as by Go, when d has passed.
func (w *World) AfterFunc(d time.Duration, f func()) clock.Timer { return w.afterFunc(d, f) }

func (w *World) afterFunc(d time.Duration, f func()) *timer {
	t := &timer{world: w, f: f, index: unset}
	t.Reset(d)
	return t
}

// NewTimer is a timer with a channel, for real goroutines: no function that the World runs may wait for it.
func (w *World) NewTimer(d time.Duration) clock.Timer {
	t := &timer{world: w, c: make(chan time.Time, 1), index: unset}
	t.Reset(d)
	return t
}

const unset = -1

// timer is one wait. The World's lock guards it.
type timer struct {
	world *World
	f     func()
	c     chan time.Time
	at    time.Time
	turn  uint64
	index int // in the heap
}

func (t *timer) C() <-chan time.Time { return t.c }

func (t *timer) Stop() bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	return t.stop()
}

func (t *timer) Reset(d time.Duration) bool {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	was := t.stop()
	if w.closed {
		return was
	}
	t.at, t.turn = w.now.Add(max(0, d)), w.set
	w.set++
	heap.Push(&w.timers, t)
	return was
}

func (t *timer) stop() bool {
	if t.c != nil {
		select { // no stale tick, as in Go 1.23
		case <-t.c:
		default:
		}
	}
	if t.index == unset {
		return false
	}
	heap.Remove(&t.world.timers, t.index)
	return true
}

// fire serves the first timer; its function, if it has one, runs next. w.mu is held.
func (w *World) fire() *coroutine {
	t := heap.Pop(&w.timers).(*timer)
	if t.f != nil {
		w.live++
		w.current = w.take(t.f)
		return w.current
	}
	t.c <- t.at // it is empty: Reset has seen to that
	w.count()
	return nil
}

// timers is a heap, the next one first.
type timers []*timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].turn < h[j].turn
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	t.index = unset
	return t
}
