package clock

import (
	"slices"
	"sync"
	"time"
)

// Fake is a clock that stands still until it is advanced.
type Fake struct {
	mu      sync.Mutex
	now     time.Time
	waiting []*fakeTimer
	changed chan struct{} // closed and replaced whenever a timer is set
}

// NewFake makes a clock that shows start.
func NewFake(start time.Time) *Fake {
	return &Fake{now: start, changed: make(chan struct{})}
}

// Now is the time the clock shows.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// NewTimer implements Clock.
func (f *Fake) NewTimer(d time.Duration) Timer {
	return f.add(&fakeTimer{clock: f, c: make(chan time.Time, 1)}, d)
}

// AfterFunc implements Clock.
func (f *Fake) AfterFunc(d time.Duration, fn func()) Timer {
	return f.add(&fakeTimer{clock: f, fn: fn}, d)
}

func (f *Fake) add(t *fakeTimer, d time.Duration) Timer {
	t.Reset(d)
	return t
}

// Advance moves the time forward by d and fires, in their order, the timers that
// come due on the way, each at its own time.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	end := f.now.Add(d)
	for len(f.waiting) > 0 && !f.waiting[0].at.After(end) {
		t := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.now = t.at
		t.fire()
	}
	f.now = end
	f.mu.Unlock()
}

// BlockUntil returns when at least n timers are waiting: the moment at which
// whoever is under test has come to rest.
func (f *Fake) BlockUntil(n int) {
	for {
		f.mu.Lock()
		enough, changed := len(f.waiting) >= n, f.changed
		f.mu.Unlock()
		if enough {
			return
		}
		<-changed
	}
}

type fakeTimer struct {
	clock *Fake
	at    time.Time
	c     chan time.Time
	fn    func()
}

func (t *fakeTimer) C() <-chan time.Time { return t.c }

// fire runs under the clock's lock.
func (t *fakeTimer) fire() {
	if t.fn != nil {
		go t.fn()
		return
	}
	select {
	case t.c <- t.at:
	default:
	}
}

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

func (t *fakeTimer) stop() bool {
	i := slices.Index(t.clock.waiting, t)
	if i >= 0 {
		t.clock.waiting = slices.Delete(t.clock.waiting, i, i+1)
	}
	if t.c != nil {
		select { // no stale tick after Stop or Reset, as in Go 1.23
		case <-t.c:
		default:
		}
	}
	return i >= 0
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	f := t.clock
	f.mu.Lock()
	defer f.mu.Unlock()
	was := t.stop()
	t.at = f.now.Add(d)
	if d <= 0 {
		t.fire()
		return was
	}
	i, _ := slices.BinarySearchFunc(f.waiting, t, func(a, b *fakeTimer) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1 // equal times keep the order in which they were set
	})
	f.waiting = slices.Insert(f.waiting, i, t)
	close(f.changed)
	f.changed = make(chan struct{})
	return was
}
