// Package registration keeps the registrar's bindings over a restart, so that telephones
// ring at once and not only after they have registered again.
package registration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
)

const bucket = "registrations" // line/hash of contact → Record as JSON; expires with the registration

// Record is one contact of a line. Data is the registrar's own and not looked into.
type Record struct {
	Line    string    `json:"line"`
	Contact string    `json:"contact"`
	Data    []byte    `json:"data"`
	Expires time.Time `json:"expires"`
}

// Store keeps records.
type Store struct {
	store store.Store
	clock clock.Clock
}

// Option refines New.
type Option func(*Store)

// WithClock gives the time by which records expire; without it it is the real one.
func WithClock(c clock.Clock) Option { return func(s *Store) { s.clock = c } }

// New keeps records in s.
func New(s store.Store, options ...Option) *Store {
	r := &Store{store: s, clock: clock.Real()}
	for _, o := range options {
		o(r)
	}
	return r
}

// Load returns the records that have not expired. One that cannot be read is left out:
// its telephone will register again.
func (s *Store) Load(ctx context.Context) ([]Record, error) {
	entries, err := s.store.Bucket(bucket).List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("registration: loading: %w", err)
	}
	now := s.clock.Now()
	records := make([]Record, 0, len(entries))
	for _, e := range entries {
		var r Record
		if err := json.Unmarshal(e.Value, &r); err == nil && r.Expires.After(now) {
			records = append(records, r)
		}
	}
	return records, nil
}

// Save writes what has changed, as one batch: call it now and then with many rather than
// often with one. A record whose Expires has passed is removed.
func (s *Store) Save(ctx context.Context, changed []Record) error {
	if len(changed) == 0 {
		return nil
	}
	now := s.clock.Now()
	err := s.store.Batch(ctx, func(tx store.Batch) error {
		for _, r := range changed {
			ttl := r.Expires.Sub(now)
			if ttl <= 0 {
				if err := tx.Delete(bucket, r.key()); err != nil {
					return err
				}
				continue
			}
			value, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("line %s: %w", r.Line, err)
			}
			if err := tx.Put(bucket, r.key(), value, store.TTL(ttl)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("registration: saving %d records: %w", len(changed), err)
	}
	return nil
}

// key hashes the contact, which is as long as a stranger likes.
func (r Record) key() string {
	sum := sha256.Sum256([]byte(r.Contact))
	return r.Line + "/" + hex.EncodeToString(sum[:16])
}
