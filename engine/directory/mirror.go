package directory

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/store"
)

// mirror is a bucket in memory, kept true by the store's watch. Only its own goroutine
// changes it, so that its order is the store's; who has written waits for it to arrive.
type mirror[T any] struct {
	name   string
	decode func(store.Entry) (T, error)
	notify func(key string) // with each change but those of the first load, under the mirror's lock
	log    *slog.Logger

	mu    sync.RWMutex
	items map[string]item[T]
	// groups holds the same by the first and the second half of each key that has a "/".
	groups map[string]map[string]T
	seen   uint64        // the last revision that has arrived
	moved  chan struct{} // closed and replaced when something arrives
	ended  chan struct{} // closed when the watch has ended
}

type item[T any] struct {
	value T
	rev   uint64
}

// open loads the bucket and follows it in a goroutine of wg until ctx ends or the store closes.
func (m *mirror[T]) open(ctx context.Context, wg *sync.WaitGroup, s store.Store) error {
	m.items, m.groups = map[string]item[T]{}, map[string]map[string]T{}
	m.moved, m.ended = make(chan struct{}), make(chan struct{})
	b := s.Bucket(m.name)
	changes, err := b.Watch(ctx, "")
	if err != nil {
		return fmt.Errorf("directory: watching %s: %w", m.name, err)
	}
	entries, err := b.List(ctx, "")
	if err != nil {
		return fmt.Errorf("directory: loading %s: %w", m.name, err)
	}
	for _, e := range entries {
		m.apply(e, nil)
	}
	wg.Go(func() {
		defer close(m.ended)
		for e := range changes {
			m.apply(e, m.notify)
		}
	})
	return nil
}

// apply takes e in and, where it is news, notifies: before whoever wrote it goes on, so that who begins to watch after
// a change does not hear of it. notify, which must not wait, may be nil.
func (m *mirror[T]) apply(e store.Entry, notify func(key string)) {
	var value T
	var err error
	if !e.Deleted {
		value, err = m.decode(e)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = max(m.seen, e.Revision)
	close(m.moved)
	m.moved = make(chan struct{})
	switch {
	case err != nil:
		// One damaged entry must not cost the others their telephones.
		m.log.Error("directory: an entry cannot be read", "bucket", m.name, "key", e.Key, "error", err)
		return
	case e.Revision <= m.items[e.Key].rev: // the first load had it
		return
	case e.Deleted:
		delete(m.items, e.Key)
	default:
		m.items[e.Key] = item[T]{value, e.Revision}
	}
	m.regroup(e, value)
	if notify != nil {
		notify(e.Key)
	}
}

func (m *mirror[T]) regroup(e store.Entry, value T) {
	name, member, ok := strings.Cut(e.Key, "/")
	if !ok {
		return
	}
	g := m.groups[name]
	switch {
	case e.Deleted:
		delete(g, member)
		if len(g) == 0 {
			delete(m.groups, name)
		}
	case g == nil:
		m.groups[name] = map[string]T{member: value}
	default:
		g[member] = value
	}
}

func (m *mirror[T]) get(key string) (T, bool) {
	m.mu.RLock()
	it, ok := m.items[key]
	m.mu.RUnlock()
	return it.value, ok
}

// each calls fn for every item, in no order. fn must be quick.
func (m *mirror[T]) each(fn func(key string, value T)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for key, it := range m.items {
		fn(key, it.value)
	}
}

// group calls fn for what stands under "name/", in no order, until it returns false.
func (m *mirror[T]) group(name string, fn func(member string, value T) bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for member, value := range m.groups[name] {
		if !fn(member, value) {
			return
		}
	}
}

// arrived waits until what was written at rev is here, or the watch has ended.
func (m *mirror[T]) arrived(rev uint64) {
	m.wait(func() bool { return m.seen >= rev })
}

// gone waits until what stood under key at rev is no longer here, or the watch has ended.
func (m *mirror[T]) gone(key string, rev uint64) {
	m.wait(func() bool { it, ok := m.items[key]; return !ok || it.rev > rev })
}

// wait has no context: the write that it follows is on the disk, and the way from there
// to here is a channel.
func (m *mirror[T]) wait(here func() bool) {
	for {
		m.mu.RLock()
		ok, moved := here(), m.moved
		m.mu.RUnlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-m.ended:
			return
		}
	}
}
