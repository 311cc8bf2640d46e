// Package store keeps what outlives a call: buckets of keys, each with a revision.
//
// The interface is small on purpose and assumes no single process: whatever is
// written by one node may be read and watched by another. Every implementation
// passes the conformance test in package storetest.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors that every implementation returns, wrapped with the bucket and key.
var (
	ErrNotFound = errors.New("store: not found")
	// ErrConflict says that the key's revision is not the one the writer had seen.
	ErrConflict = errors.New("store: revision conflict")
	ErrClosed   = errors.New("store: closed")
)

// Entry is one key's value as it was at a revision.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64    // grows with every write to the bucket; 0 means "does not exist"
	Expires  time.Time // zero: never
	Deleted  bool      // in watches: the key was deleted or has expired
}

// Store keeps buckets and blobs. It is safe for concurrent use.
type Store interface {
	// Bucket names a bucket and makes it when it is first written.
	Bucket(name string) Bucket
	// Batch runs fn and makes its writes, to any buckets, durable together or not at all.
	Batch(ctx context.Context, fn func(Batch) error) error
	Close() error
}

// Bucket is a set of keys. A write is durable before it returns.
type Bucket interface {
	Get(ctx context.Context, key string) (Entry, error)
	// Put writes unconditionally and returns the new revision.
	Put(ctx context.Context, key string, value []byte, opts ...PutOption) (uint64, error)
	// PutIf writes only while the key's revision is rev; 0 means "only if it does not exist".
	PutIf(ctx context.Context, key string, value []byte, rev uint64, opts ...PutOption) (uint64, error)
	// Delete removes a key; deleting what does not exist is not an error.
	Delete(ctx context.Context, key string) error
	// List returns the entries whose keys begin with prefix, in byte order of their keys.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Watch calls fn with every change below prefix after the call, in order, until stop returns or the store closes.
	// A write returns when fn has been told of it. fn holds up all writers: it must be quick, and must not use the
	// store. ctx bounds the call itself.
	Watch(ctx context.Context, prefix string, fn func(Entry)) (stop func(), err error)
}

// Batch writes to several buckets as one.
type Batch interface {
	Get(bucket, key string) (Entry, error)
	Put(bucket, key string, value []byte, opts ...PutOption) error
	Delete(bucket, key string) error
}

// PutOption refines a write.
type PutOption func(*PutOptions)

// PutOptions is what the options of one write add up to; implementations read it.
type PutOptions struct {
	TTL time.Duration // 0: for ever
}

// TTL lets a key expire after d.
func TTL(d time.Duration) PutOption { return func(o *PutOptions) { o.TTL = d } }

// Apply adds up options, for implementations.
func Apply(opts []PutOption) PutOptions {
	var o PutOptions
	for _, f := range opts {
		f(&o)
	}
	return o
}
