// Package memory keeps a store.Store in memory: for tests, simulations and dry runs.
//
// What it does it does before it returns, in the caller's own goroutine: it has none itself.
package memory

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
)

// overBase is the first revision of what is written over another store: above all that this may have.
const overBase = 1 << 40

// Store is a store.Store. Close loses what is in it, unless it was cloned before or is after.
type Store struct {
	clock clock.Clock
	under store.Store // what has not been written here is read there; nil: there is nothing

	mu       sync.RWMutex
	buckets  map[string]*contents
	watchers []*watcher
	expiry   clock.Timer // tells watchers what has expired; nil: nothing that is watched will
	closed   bool
}

var _ store.Store = (*Store)(nil)

// contents is a bucket. Clones share it until one of them writes to it.
type contents struct {
	shared   bool
	revision uint64 // the last one
	expires  bool   // a record that does was written
	records  map[string]record
}

type record struct {
	value    []byte
	revision uint64
	expires  time.Time
	deleted  bool // it hides what is under it
}

type watcher struct {
	bucket, prefix string
	fn             func(store.Entry)
}

// New makes an empty store. nil is the real clock.
func New(c clock.Clock) *Store {
	if c == nil {
		c = clock.Real()
	}
	return &Store{clock: c, buckets: map[string]*contents{}}
}

// Over makes a store with all that another one has, which is read when it is asked for and never written to. What is
// written there later may be seen or not.
func Over(under store.Store, c clock.Clock) *Store {
	s := New(c)
	s.under = under
	return s
}

// Clone makes a store with all that this one has, and another time; nil is the real clock. It copies nothing until either
// is written to.
func (s *Store) Clone(c clock.Clock) *Store {
	clone := Over(s.under, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.buckets {
		if !b.shared { // else other clones may be reading it
			b.shared = true
		}
	}
	clone.buckets = maps.Clone(s.buckets)
	return clone
}

// Close ends the watches. Closing twice does no harm.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.watchers = true, nil
	s.arm()
	return nil
}

// Bucket names a bucket; without a name its methods return an error.
func (s *Store) Bucket(name string) store.Bucket { return bucket{s, name} }

// Batch runs fn, which must not use the store but through its argument. If fn returns an error, or panics, nothing is written.
func (s *Store) Batch(ctx context.Context, fn func(store.Batch) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	w := &writing{s: s, ctx: ctx, now: s.clock.Now()}
	if err := guard(fn, w); err != nil {
		for _, undo := range slices.Backward(w.undo) {
			undo()
		}
		return err
	}
	s.publish(w.events)
	if w.expires {
		s.arm()
	}
	return nil
}

// publish tells watchers, before whoever wrote goes on. s.mu is held.
func (s *Store) publish(events []event) {
	for _, e := range events {
		for _, w := range s.watchers {
			if w.bucket == e.bucket && strings.HasPrefix(e.entry.Key, w.prefix) {
				w.fn(e.entry)
			}
		}
	}
}

func (s *Store) watch(ctx context.Context, w *watcher) (stop func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	s.watchers = append(s.watchers, w)
	s.arm()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.watchers, w); i >= 0 {
			s.watchers = slices.Delete(s.watchers, i, i+1)
		}
		s.arm()
	}, nil
}

// arm sets the timer for what of that which is watched expires next. s.mu is held.
func (s *Store) arm() {
	var next time.Time
	s.watched(func(_, _ string, r record) {
		if next.IsZero() || r.expires.Before(next) {
			next = r.expires
		}
	})
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	if !next.IsZero() {
		s.expiry = s.clock.AfterFunc(next.Sub(s.clock.Now()), s.sweep)
	}
}

// watched calls fn, in no order, with all that expires and is watched. s.mu is held.
func (s *Store) watched(fn func(bucket, key string, r record)) {
	seen := map[string]bool{}
	for _, w := range s.watchers {
		b := s.buckets[w.bucket]
		if b == nil || !b.expires || seen[w.bucket] {
			continue
		}
		seen[w.bucket] = true
		for key, r := range b.records {
			if !r.expires.IsZero() && !r.deleted {
				fn(w.bucket, key, r)
			}
		}
	}
}

// sweep removes what has expired and so tells the watchers. Who reads does not depend on it.
func (s *Store) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	type expired struct {
		bucket, key string
		at          time.Time
	}
	var due []expired
	now := s.clock.Now()
	s.watched(func(bucket, key string, r record) {
		if !r.expires.After(now) {
			due = append(due, expired{bucket, key, r.expires})
		}
	})
	slices.SortFunc(due, func(a, b expired) int {
		if d := a.at.Compare(b.at); d != 0 {
			return d
		}
		return strings.Compare(a.bucket+"\x00"+a.key, b.bucket+"\x00"+b.key)
	})
	w := &writing{s: s, now: now}
	for _, d := range due {
		w.change(d.bucket, d.key, record{deleted: true})
	}
	s.publish(w.events)
	s.arm()
}

// guard makes an error of a panic.
func guard(fn func(store.Batch) error, w *writing) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a batch function panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(w)
}
