package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"go.etcd.io/bbolt"
)

// maxGroup bounds how many requests share one transaction.
const maxGroup = 512

// request is one write, or one batch, on its way to the writer.
type request struct {
	apply func(*writeTx) error
	done  chan error // buffered
}

// do hands a write to the writer and waits until it is durable. Once the writer has
// taken it only the disk decides how long that takes; ctx ends the wait before.
func (s *Store) do(ctx context.Context, apply func(*writeTx) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := &request{apply: apply, done: make(chan error, 1)}
	select {
	case s.queue <- r:
		return <-r.done
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.closing:
		return store.ErrClosed
	}
}

// write is the writer: the only goroutine that changes the file.
func (s *Store) write() {
	expiry := expiryTimer{clock: s.clock}
	expiry.arm(s.next(), time.Time{})
	defer expiry.stop()
	failed := false
	for {
		var group []*request
		select {
		case <-s.closing:
			return
		case <-expiry.c():
			expiry.swept = s.clock.Now()
			group = []*request{{apply: sweep, done: make(chan error, 1)}}
		case r := <-s.queue:
			group = s.gather(r)
		}
		err := ErrFailed
		if !failed {
			var next time.Time
			if next, err = s.commit(group); err == nil {
				expiry.arm(next, expiry.swept)
			}
			failed = poisonous(err)
		}
		if err != nil {
			s.log.Error("store: writing failed", "error", err, "requests", len(group))
			for _, r := range group {
				r.done <- err
			}
		}
	}
}

// gather takes what else is waiting.
func (s *Store) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < maxGroup {
		select {
		case r := <-s.queue:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// errNothing rolls back a transaction that changed nothing, which saves the flush.
var errNothing = errors.New("nothing to write")

// commit runs a group as one transaction, answers those who are in it and returns when
// the next key expires. If it returns an error nothing was written and nobody answered.
func (s *Store) commit(group []*request) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrFailed, p, debug.Stack())
		}
	}()
	errs := make([]error, len(group))
	var w *writeTx
	err = s.db.Update(func(tx *bbolt.Tx) error {
		w = &writeTx{tx: tx, now: s.clock.Now()}
		for i, r := range group {
			var fault error
			if errs[i], fault = w.run(r.apply); fault != nil {
				return fault
			}
		}
		next = firstExpiry(tx)
		if len(w.events) == 0 {
			return errNothing
		}
		return nil
	})
	if err != nil && err != errNothing {
		return next, fmt.Errorf("store: %w", err)
	}
	s.watch.publish(w.events, s.log)
	for i, r := range group {
		r.done <- errs[i]
	}
	return next, nil
}

// poisonous tells whether after err the file can no longer be trusted: all that fails in
// a commit but a disk that was full before the new pages were written.
func poisonous(err error) bool {
	var p *fs.PathError
	full := errors.As(err, &p) && (errors.Is(p.Err, syscall.ENOSPC) || errors.Is(p.Err, syscall.EDQUOT))
	return err != nil && !full
}

// writeTx is a transaction under way.
type writeTx struct {
	tx     *bbolt.Tx
	now    time.Time
	events []event
	undo   []func() error // takes back what the present request did, last first
}

// run applies one request. If that fails it leaves no trace; fault means that taking it
// back failed, and with it the transaction.
func (w *writeTx) run(apply func(*writeTx) error) (err, fault error) {
	mark := len(w.events)
	w.undo = w.undo[:0]
	if err = guard(apply, w); err == nil {
		return nil, nil
	}
	for i := len(w.undo) - 1; i >= 0; i-- {
		if fault = w.undo[i](); fault != nil {
			return err, fault
		}
	}
	w.events = w.events[:mark]
	return err, nil
}

// guard keeps a batch function that panics from taking the exchange with it.
func guard(apply func(*writeTx) error, w *writeTx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a batch function panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return apply(w)
}

// get returns the entry as this transaction sees it, or store.ErrNotFound.
func (w *writeTx) get(bucket, key string) (store.Entry, error) {
	return lookup(w.tx, w.now, bucket, key)
}

func (w *writeTx) put(bucket, key string, value []byte, o store.PutOptions) (uint64, error) {
	if err := checkName(bucket, key); err != nil {
		return 0, err
	}
	if len(value) > maxValue {
		return 0, fmt.Errorf("store: %s/%s: a value of %d bytes; at most %d", bucket, key, len(value), maxValue)
	}
	if o.TTL < 0 {
		return 0, fmt.Errorf("store: %s/%s: negative time to live %v", bucket, key, o.TTL)
	}
	e := store.Entry{Key: key, Value: append([]byte{}, value...)}
	if o.TTL > 0 {
		e.Expires = w.now.Add(o.TTL)
	}
	return w.change(bucket, e)
}

func (w *writeTx) putIf(bucket, key string, value []byte, rev uint64, o store.PutOptions) (uint64, error) {
	e, err := w.get(bucket, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if e.Revision != rev { // 0 if there is none
		return 0, fmt.Errorf("%w: %s/%s: at revision %d, not %d", store.ErrConflict, bucket, key, e.Revision, rev)
	}
	return w.put(bucket, key, value, o)
}

func (w *writeTx) delete(bucket, key string) error {
	_, err := w.get(bucket, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = w.change(bucket, store.Entry{Key: key, Deleted: true})
	return err
}

// change gives e its revision, writes it and notes how to take it back and what to tell watchers.
func (w *writeTx) change(bucket string, e store.Entry) (uint64, error) {
	b, err := w.tx.Bucket(dataBucket).CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return 0, err
	}
	if e.Revision, err = b.NextSequence(); err != nil {
		return 0, err
	}
	var raw []byte
	if !e.Deleted {
		raw = encode(e.Revision, e.Expires, e.Value)
	}
	old, err := w.set(b, bucket, e.Key, raw)
	if err != nil {
		return 0, err
	}
	w.undo = append(w.undo, func() error {
		_, err := w.set(b, bucket, e.Key, old)
		return err
	})
	w.events = append(w.events, event{bucket, e})
	return e.Revision, nil
}

// set replaces a record (nil: none) and keeps the expiry index true; it returns what was there.
func (w *writeTx) set(b *bbolt.Bucket, bucket, key string, raw []byte) (old []byte, err error) {
	if v := b.Get([]byte(key)); v != nil {
		old = append([]byte{}, v...)
	}
	index := w.tx.Bucket(expiryBucket)
	if at := expiry(old); !at.IsZero() {
		if err := index.Delete(expiryKey(at, bucket, key)); err != nil {
			return nil, err
		}
	}
	if raw == nil {
		return old, b.Delete([]byte(key))
	}
	if at := expiry(raw); !at.IsZero() {
		if err := index.Put(expiryKey(at, bucket, key), nil); err != nil {
			return nil, err
		}
	}
	return old, b.Put([]byte(key), raw)
}

// batch is what a Batch function writes through.
type batch struct{ w *writeTx }

func (b batch) Get(bucket, key string) (store.Entry, error) { return b.w.get(bucket, key) }
func (b batch) Put(bucket, key string, value []byte, opts ...store.PutOption) error {
	_, err := b.w.put(bucket, key, value, store.Apply(opts))
	return err
}
func (b batch) Delete(bucket, key string) error { return b.w.delete(bucket, key) }

// expiryTimer wakes the writer when a key has expired, at most once a second.
type expiryTimer struct {
	clock clock.Clock
	timer clock.Timer // nil until there was something to wait for
	swept time.Time
}

func (t *expiryTimer) c() <-chan time.Time {
	if t.timer == nil {
		return nil
	}
	return t.timer.C()
}

func (t *expiryTimer) arm(next, swept time.Time) {
	if next.IsZero() {
		t.stop()
		return
	}
	if earliest := swept.Add(time.Second); next.Before(earliest) {
		next = earliest
	}
	wait := next.Sub(t.clock.Now())
	if t.timer == nil {
		t.timer = t.clock.NewTimer(wait)
		return
	}
	t.timer.Reset(wait)
}

func (t *expiryTimer) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}
