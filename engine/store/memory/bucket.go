package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

type bucket struct {
	s    *Store
	name string
}

func (b bucket) Get(ctx context.Context, key string) (store.Entry, error) {
	if ctx.Err() != nil {
		return store.Entry{}, context.Cause(ctx)
	}
	b.s.mu.RLock()
	defer b.s.mu.RUnlock()
	if b.s.closed {
		return store.Entry{}, store.ErrClosed
	}
	return b.s.get(ctx, b.name, key, b.s.clock.Now())
}

func (b bucket) Put(ctx context.Context, key string, value []byte, opts ...store.PutOption) (rev uint64, err error) {
	err = b.s.Batch(ctx, func(tx store.Batch) error {
		rev, err = tx.(*writing).put(b.name, key, value, opts)
		return err
	})
	return rev, err
}

func (b bucket) PutIf(ctx context.Context, key string, value []byte, rev uint64, opts ...store.PutOption) (next uint64, err error) {
	err = b.s.Batch(ctx, func(tx store.Batch) error {
		e, err := tx.Get(b.name, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if e.Revision != rev { // 0 if there is none
			return fmt.Errorf("%w: %s/%s: at revision %d, not %d", store.ErrConflict, b.name, key, e.Revision, rev)
		}
		next, err = tx.(*writing).put(b.name, key, value, opts)
		return err
	})
	return next, err
}

func (b bucket) Delete(ctx context.Context, key string) error {
	return b.s.Batch(ctx, func(tx store.Batch) error { return tx.Delete(b.name, key) })
}

func (b bucket) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	if err := checkName(b.name, "any"); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b.s.mu.RLock()
	defer b.s.mu.RUnlock()
	if b.s.closed {
		return nil, store.ErrClosed
	}
	var list []store.Entry
	here := b.s.buckets[b.name]
	if b.s.under != nil {
		var err error
		if list, err = b.s.under.Bucket(b.name).List(ctx, prefix); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(e store.Entry) bool { return here.has(e.Key) })
	}
	if here == nil {
		return list, nil
	}
	now := b.s.clock.Now()
	for key, r := range here.records {
		if strings.HasPrefix(key, prefix) && r.stands(now) {
			list = append(list, r.entry(key))
		}
	}
	slices.SortFunc(list, func(a, b store.Entry) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func (b bucket) Watch(ctx context.Context, prefix string, fn func(store.Entry)) (stop func(), err error) {
	if err := checkName(b.name, "any"); err != nil {
		return nil, err
	}
	return b.s.watch(ctx, &watcher{b.name, prefix, fn})
}

// get reads a key. s.mu is held.
func (s *Store) get(ctx context.Context, bucket, key string, now time.Time) (store.Entry, error) {
	if err := checkName(bucket, key); err != nil {
		return store.Entry{}, err
	}
	here := s.buckets[bucket]
	switch {
	case !here.has(key) && s.under != nil:
		return s.under.Bucket(bucket).Get(ctx, key)
	case !here.has(key) || !here.records[key].stands(now):
		return store.Entry{}, fmt.Errorf("%w: %s/%s", store.ErrNotFound, bucket, key)
	}
	return here.records[key].entry(key), nil
}

// has tells whether a key was written, or deleted, here.
func (c *contents) has(key string) bool {
	if c == nil {
		return false
	}
	_, ok := c.records[key]
	return ok
}

func (r record) stands(now time.Time) bool {
	return !r.deleted && (r.expires.IsZero() || r.expires.After(now))
}

// entry shares nothing with the record.
func (r record) entry(key string) store.Entry {
	e := store.Entry{Key: key, Revision: r.revision, Expires: r.expires, Deleted: r.deleted}
	if !r.deleted {
		e.Value = append([]byte{}, r.value...)
	}
	return e
}

// event is a change.
type event struct {
	bucket string
	entry  store.Entry
}

// writing is a batch under way. The store's lock is held.
type writing struct {
	s       *Store
	ctx     context.Context
	now     time.Time
	events  []event
	undo    []func()
	expires bool // a bucket was written to in which something may expire
}

func (w *writing) Get(bucket, key string) (store.Entry, error) {
	return w.s.get(w.ctx, bucket, key, w.now)
}

func (w *writing) Put(bucket, key string, value []byte, opts ...store.PutOption) error {
	_, err := w.put(bucket, key, value, opts)
	return err
}

func (w *writing) put(bucket, key string, value []byte, opts []store.PutOption) (uint64, error) {
	if err := checkName(bucket, key); err != nil {
		return 0, err
	}
	r := record{value: append([]byte{}, value...)}
	switch ttl := store.Apply(opts).TTL; {
	case ttl < 0:
		return 0, fmt.Errorf("store: %s/%s: negative time to live %v", bucket, key, ttl)
	case ttl > 0:
		r.expires = w.now.Add(ttl)
	}
	return w.change(bucket, key, r), nil
}

func (w *writing) Delete(bucket, key string) error {
	_, err := w.Get(bucket, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		w.change(bucket, key, record{deleted: true})
	}
	return err
}

// change writes a record, and notes how to take it back and what to tell watchers.
func (w *writing) change(bucket, key string, r record) (revision uint64) {
	b := w.s.own(bucket)
	b.revision++
	r.revision = b.revision
	old, was := b.records[key]
	w.undo = append(w.undo, func() {
		if was {
			b.records[key] = old
		} else {
			delete(b.records, key)
		}
	})
	if r.deleted && w.s.under == nil {
		delete(b.records, key)
	} else {
		b.records[key] = r
	}
	b.expires = b.expires || !r.expires.IsZero()
	w.expires = w.expires || b.expires
	w.events = append(w.events, event{bucket, r.entry(key)})
	return r.revision
}

// own is a bucket that may be written to.
func (s *Store) own(name string) *contents {
	b := s.buckets[name]
	switch {
	case b == nil:
		b = &contents{records: map[string]record{}}
		if s.under != nil {
			b.revision = overBase
		}
	case b.shared:
		b = &contents{revision: b.revision, expires: b.expires, records: maps.Clone(b.records)}
	default:
		return b
	}
	s.buckets[name] = b
	return b
}

func checkName(bucket, key string) error {
	switch {
	case bucket == "":
		return errors.New("store: a bucket without a name")
	case key == "":
		return fmt.Errorf("store: bucket %q: a key without a name", bucket)
	}
	return nil
}
