package directory

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/store"
)

// mirror is a bucket in memory, kept true by the store's watch: what was written is here when the write returns.
type mirror[T any] struct {
	name   string
	decode func(store.Entry) (T, error)
	notify func(key string) // nil, or called with each change but those of the first load, under the mirror's lock
	log    *slog.Logger
	stop   func()

	mu    sync.RWMutex
	items map[string]item[T]
	// groups holds the same by the first and the second half of each key that has a "/".
	groups  map[string]map[string]T
	shared  bool          // with a mirror that was made like this one, or like which it was made: copied before it is changed
	loading bool          // what comes meanwhile is
	early   []store.Entry // here
}

type item[T any] struct {
	value T
	rev   uint64
}

// open follows the bucket until stop is called, or the store closes, from what it holds now; like, unless it is nil, has
// that in memory already.
func (m *mirror[T]) open(ctx context.Context, s store.Store, like *mirror[T]) (err error) {
	m.items, m.groups, m.loading = map[string]item[T]{}, map[string]map[string]T{}, true
	b := s.Bucket(m.name)
	if m.stop, err = b.Watch(ctx, "", m.apply); err != nil {
		return fmt.Errorf("directory: watching %s: %w", m.name, err)
	}
	var entries []store.Entry
	if like != nil {
		m.share(like)
	} else if entries, err = b.List(ctx, ""); err != nil {
		return fmt.Errorf("directory: loading %s: %w", m.name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range append(entries, m.early...) {
		m.take(e)
	}
	m.loading, m.early = false, nil
	return nil
}

// share begins with what another mirror has.
func (m *mirror[T]) share(like *mirror[T]) {
	like.mu.Lock()
	defer like.mu.Unlock()
	like.shared, m.shared = true, true
	m.items, m.groups = like.items, like.groups
}

func (m *mirror[T]) close() {
	if m.stop != nil {
		m.stop()
	}
}

func (m *mirror[T]) apply(e store.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.loading:
		m.early = append(m.early, e)
	case m.take(e) && m.notify != nil:
		m.notify(e.Key)
	}
}

// take takes e in and reports whether it is news. m.mu is held.
func (m *mirror[T]) take(e store.Entry) bool {
	if e.Revision <= m.items[e.Key].rev { // the first load had it
		return false
	}
	var value T
	var err error
	if !e.Deleted {
		value, err = m.decode(e)
	}
	if err != nil {
		// One damaged entry must not cost the others their telephones.
		m.log.Error("directory: an entry cannot be read", "bucket", m.name, "key", e.Key, "error", err)
		return false
	}
	m.own()
	if e.Deleted {
		delete(m.items, e.Key)
	} else {
		m.items[e.Key] = item[T]{value, e.Revision}
	}
	m.regroup(e, value)
	return true
}

// own copies what is shared.
func (m *mirror[T]) own() {
	if !m.shared {
		return
	}
	m.shared = false
	m.items, m.groups = maps.Clone(m.items), maps.Clone(m.groups)
	for name, g := range m.groups {
		m.groups[name] = maps.Clone(g)
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

// each calls fn for every item, in no order. fn must be quick, and must not change the directory.
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
