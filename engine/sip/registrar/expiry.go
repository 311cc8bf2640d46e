package registrar

import (
	"container/heap"
	"slices"
	"time"
)

// replace sets a line's bindings, notes what changed and keeps the expiry queue
// in order. The caller holds mu.
func (r *Registrar) replace(name string, after []entry, now time.Time) {
	l := r.lines[name]
	var before []entry
	if l != nil {
		before = l.bindings
	}
	r.changes.note(before, after, now)
	r.count += len(after) - len(before)
	switch {
	case len(after) == 0 && l == nil:
		return
	case len(after) == 0:
		heap.Remove(&r.expiry, l.index)
		delete(r.lines, name)
	default:
		earliest := slices.MinFunc(after, func(a, b entry) int { return a.Expires.Compare(b.Expires) }).Expires
		if l == nil {
			l = &line{name: after[0].Line, bindings: after, next: earliest}
			r.lines[l.name] = l
			heap.Push(&r.expiry, l)
		} else {
			l.bindings, l.next = after, earliest
			heap.Fix(&r.expiry, l.index)
		}
	}
	r.arm(now)
}

// arm sets the one timer to the earliest expiry of all. The caller holds mu.
func (r *Registrar) arm(now time.Time) {
	if r.closed || len(r.expiry) == 0 {
		return
	}
	next := r.expiry[0].next
	// A timer that fires too early only looks again: it is moved forwards, not
	// back, so that a refresh costs nothing.
	if r.timer != nil && !next.Before(r.wakes) {
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.wakes = next
	r.timer = r.opts.Clock.AfterFunc(next.Sub(now), r.expire)
}

// expire takes away what has ended. It runs in the timer's goroutine.
func (r *Registrar) expire() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.timer = nil
	now := r.opts.Clock.Now()
	var ended []string
	for len(r.expiry) > 0 && !r.expiry[0].next.After(now) {
		name := r.expiry[0].name
		ended = append(ended, name)
		r.replace(name, r.live(name, now), now)
	}
	r.arm(now)
	r.mu.Unlock()
	for _, name := range ended {
		r.notify(name)
	}
}

// expiryQueue is a heap of lines by their earliest expiry.
type expiryQueue []*line

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is heap.Interface's.
func (q *expiryQueue) Push(x any) {
	l := x.(*line)
	l.index = len(*q)
	*q = append(*q, l)
}

// Pop is heap.Interface's.
func (q *expiryQueue) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return l
}
