package bolt

import (
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
	"go.etcd.io/bbolt"
)

// maxSweep bounds how many expired keys one transaction removes, so that a million of
// them expiring together do not keep other writers waiting.
const maxSweep = 1000

// sweep removes what has expired and so tells the watchers. Readers do not depend on it:
// they do not see an expired key, swept or not.
func sweep(w *writeTx) error {
	type expiredKey struct{ bucket, key string }
	var due []expiredKey
	c := w.tx.Bucket(expiryBucket).Cursor()
	for k, _ := c.First(); k != nil && len(due) < maxSweep; k, _ = c.Next() {
		at, bucket, key, err := parseExpiryKey(k)
		if err != nil {
			return err
		}
		if at.After(w.now) {
			break
		}
		due = append(due, expiredKey{bucket, key})
	}
	for _, d := range due {
		if _, err := w.change(d.bucket, store.Entry{Key: d.key, Deleted: true}); err != nil {
			return err
		}
	}
	return nil
}

// firstExpiry is when the next key expires; zero: none will.
func firstExpiry(tx *bbolt.Tx) time.Time {
	k, _ := tx.Bucket(expiryBucket).Cursor().First()
	if k == nil {
		return time.Time{}
	}
	at, _, _, err := parseExpiryKey(k)
	if err != nil {
		return time.Time{}
	}
	return at
}

func (s *Store) next() (next time.Time) {
	// An error here is that of a closed file, which the writer is about to notice.
	_ = s.db.View(func(tx *bbolt.Tx) error {
		next = firstExpiry(tx)
		return nil
	})
	return next
}
