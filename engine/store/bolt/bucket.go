package bolt

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

type bucket struct {
	s    *Store
	name string
}

func (b bucket) Get(ctx context.Context, key string) (e store.Entry, err error) {
	err = b.s.view(ctx, func(tx *bbolt.Tx) error {
		e, err = lookup(tx, b.s.clock.Now(), b.name, key)
		return err
	})
	return e, err
}

func (b bucket) Put(ctx context.Context, key string, value []byte, opts ...store.PutOption) (rev uint64, err error) {
	err = b.s.do(ctx, func(w *writeTx) error {
		rev, err = w.put(b.name, key, value, store.Apply(opts))
		return err
	})
	return rev, err
}

func (b bucket) PutIf(ctx context.Context, key string, value []byte, rev uint64, opts ...store.PutOption) (next uint64, err error) {
	err = b.s.do(ctx, func(w *writeTx) error {
		next, err = w.putIf(b.name, key, value, rev, store.Apply(opts))
		return err
	})
	return next, err
}

func (b bucket) Delete(ctx context.Context, key string) error {
	return b.s.do(ctx, func(w *writeTx) error { return w.delete(b.name, key) })
}

func (b bucket) List(ctx context.Context, prefix string) (list []store.Entry, err error) {
	if err := checkName(b.name, "any"); err != nil {
		return nil, err
	}
	err = b.s.view(ctx, func(tx *bbolt.Tx) error {
		data := tx.Bucket(dataBucket).Bucket([]byte(b.name))
		if data == nil {
			return nil
		}
		now, p := b.s.clock.Now(), []byte(prefix)
		c := data.Cursor()
		for k, raw := c.Seek(p); k != nil && bytes.HasPrefix(k, p); k, raw = c.Next() {
			if len(list)%1024 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e, err := decode(string(k), raw)
			if err != nil {
				return err
			}
			if !expired(e, now) {
				list = append(list, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (b bucket) Watch(ctx context.Context, prefix string, fn func(store.Entry)) (stop func(), err error) {
	if err := checkName(b.name, "any"); err != nil {
		return nil, err
	}
	return b.s.watch.add(ctx, &watcher{b.name, prefix, fn})
}

// view runs a read transaction. It must be short: pages are not reused while it lasts.
func (s *Store) view(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-s.closing:
		return store.ErrClosed
	default:
	}
	err := s.db.View(fn)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return err
}

func lookup(tx *bbolt.Tx, now time.Time, bucket, key string) (store.Entry, error) {
	if err := checkName(bucket, key); err != nil {
		return store.Entry{}, err
	}
	data := tx.Bucket(dataBucket).Bucket([]byte(bucket))
	if data == nil {
		return store.Entry{}, wrap(store.ErrNotFound, bucket, key)
	}
	raw := data.Get([]byte(key))
	if raw == nil {
		return store.Entry{}, wrap(store.ErrNotFound, bucket, key)
	}
	e, err := decode(key, raw)
	if err != nil {
		return store.Entry{}, err
	}
	if expired(e, now) {
		return store.Entry{}, wrap(store.ErrNotFound, bucket, key)
	}
	return e, nil
}
