package bolt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// Limits, in bytes. What is larger than a setting or an index entry belongs into a file of its own.
const (
	maxBucket = 255
	maxKey    = 4096
	maxValue  = 1 << 20
)

// A record is revision (8 bytes), expiry (8 bytes, Unix ns, 0: never), value.
const recordHeader = 16

func encode(rev uint64, expires time.Time, value []byte) []byte {
	b := make([]byte, recordHeader, recordHeader+len(value))
	binary.BigEndian.PutUint64(b, rev)
	if !expires.IsZero() {
		binary.BigEndian.PutUint64(b[8:], uint64(expires.UnixNano()))
	}
	return append(b, value...)
}

// decode copies what it is given: bbolt's memory is gone after the transaction.
func decode(key string, raw []byte) (store.Entry, error) {
	if len(raw) < recordHeader {
		return store.Entry{}, fmt.Errorf("store: damaged record %q", key)
	}
	return store.Entry{
		Key:      key,
		Value:    append([]byte{}, raw[recordHeader:]...),
		Revision: binary.BigEndian.Uint64(raw),
		Expires:  expiry(raw),
	}, nil
}

// expiry is when a record expires; zero: never, as also when there is none.
func expiry(raw []byte) time.Time {
	if len(raw) < recordHeader {
		return time.Time{}
	}
	if ns := int64(binary.BigEndian.Uint64(raw[8:])); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

func expired(e store.Entry, now time.Time) bool {
	return !e.Expires.IsZero() && !e.Expires.After(now)
}

func expiryKey(at time.Time, bucket, key string) []byte {
	b := make([]byte, 8, 8+len(bucket)+1+len(key))
	binary.BigEndian.PutUint64(b, uint64(at.UnixNano()))
	b = append(b, bucket...)
	b = append(b, 0)
	return append(b, key...)
}

func parseExpiryKey(b []byte) (at time.Time, bucket, key string, err error) {
	if len(b) < 8 {
		return at, "", "", fmt.Errorf("store: damaged expiry %x", b)
	}
	bucket, key, ok := strings.Cut(string(b[8:]), "\x00")
	if !ok {
		return at, "", "", fmt.Errorf("store: damaged expiry %x", b)
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))), bucket, key, nil
}

func checkName(bucket, key string) error {
	switch {
	case bucket == "" || len(bucket) > maxBucket || strings.Contains(bucket, "\x00"):
		return fmt.Errorf("store: bucket name %.40q: must have 1 to %d bytes and no NUL", bucket, maxBucket)
	case key == "" || len(key) > maxKey:
		return fmt.Errorf("store: bucket %q: key %.40q must have 1 to %d bytes", bucket, key, maxKey)
	}
	return nil
}

// wrap says which key an error is about.
func wrap(err error, bucket, key string) error {
	return fmt.Errorf("%w: %s/%s", err, bucket, key)
}
