package clock

import (
	"sync"
	"time"
)

// Jumping runs in real time and can also be moved forward: for tests in which real
// phones talk and half an hour must pass meanwhile.
type Jumping struct {
	mu      sync.Mutex
	offset  time.Duration
	waiting map[*jumpTimer]struct{}
}

// NewJumping makes a clock that shows the real time until it is moved.
func NewJumping() *Jumping { return &Jumping{waiting: map[*jumpTimer]struct{}{}} }

// Now implements Clock.
func (j *Jumping) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.now()
}

func (j *Jumping) now() time.Time { return time.Now().Add(j.offset) }

// Jump moves the clock forward by d. Timers that come due fire at once, in no order.
func (j *Jumping) Jump(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.offset += d
	now := j.now()
	for t := range j.waiting {
		t.real.Reset(max(0, t.at.Sub(now)))
	}
}

// NewTimer implements Clock.
func (j *Jumping) NewTimer(d time.Duration) Timer {
	return j.add(&jumpTimer{clock: j, c: make(chan time.Time, 1)}, d)
}

// AfterFunc implements Clock.
func (j *Jumping) AfterFunc(d time.Duration, fn func()) Timer {
	return j.add(&jumpTimer{clock: j, fn: fn}, d)
}

func (j *Jumping) add(t *jumpTimer, d time.Duration) Timer {
	t.Reset(d)
	return t
}

type jumpTimer struct {
	clock *Jumping
	at    time.Time
	real  *time.Timer
	c     chan time.Time
	fn    func()
}

func (t *jumpTimer) C() <-chan time.Time { return t.c }

func (t *jumpTimer) fire() {
	j := t.clock
	j.mu.Lock()
	if _, ok := j.waiting[t]; !ok || t.at.After(j.now()) { // stopped or set anew while it fired
		j.mu.Unlock()
		return
	}
	delete(j.waiting, t)
	if t.fn == nil {
		select {
		case t.c <- t.at:
		default:
		}
	}
	j.mu.Unlock()
	if t.fn != nil {
		t.fn()
	}
}

func (t *jumpTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

func (t *jumpTimer) stop() bool {
	_, was := t.clock.waiting[t]
	delete(t.clock.waiting, t)
	if t.real != nil {
		t.real.Stop()
	}
	if t.c != nil {
		select {
		case <-t.c:
		default:
		}
	}
	return was
}

func (t *jumpTimer) Reset(d time.Duration) bool {
	j := t.clock
	j.mu.Lock()
	defer j.mu.Unlock()
	was := t.stop()
	t.at = j.now().Add(d)
	j.waiting[t] = struct{}{}
	if t.real == nil {
		t.real = time.AfterFunc(max(0, d), t.fire)
	} else {
		t.real.Reset(max(0, d))
	}
	return was
}
