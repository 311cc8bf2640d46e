// Package callog keeps call records, for those who run the exchange, and each person's
// own log of calls.
//
// Both are bounded: records by age and number, a person's log to the latest entries. What is
// added can be read at once, and is on the disk within Options.Gather: calls that end together
// share a flush.
package callog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Errors of this package.
var (
	ErrLine    = errors.New("callog: not a line's number")
	ErrKind    = errors.New("callog: not a kind of entry")
	ErrNoEntry = errors.New("callog: no such entry")
)

// Buckets in the store.
const (
	recordBucket  = "calls"         // sequence → Record
	lineBucket    = "calls-by-line" // line/sequence → nothing
	entryBucket   = "call-entries"  // line/sequence → Entry
	counterBucket = "call-counters" // "calls" or a line → last sequence
)

// Options of Open; what is zero is the default.
type Options struct {
	Clock      clock.Clock   // nil: the real one
	Log        *slog.Logger  // nil: silent
	Keep       time.Duration // how long records are kept; 0: 90 days
	MaxRecords int           // how many at most; 0: 1,000,000
	MaxEntries int           // in each person's log; 0: 500
	Gather     time.Duration // how long a call may wait to share a flush of the disk with others; 0: none waits
}

// Log is safe for concurrent use.
type Log struct {
	store      store.Store
	clock      clock.Clock
	log        *slog.Logger
	keep       time.Duration
	maxRecords uint64
	maxEntries uint64
	gather     time.Duration

	mu         sync.Mutex
	waiting    []addition  // for the next transaction
	due        clock.Timer // makes it; nil: nothing waits
	committing sync.Mutex
}

// Open opens the log that is kept in s.
func Open(ctx context.Context, s store.Store, o Options) (*Log, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if o.Keep < 0 || o.Gather < 0 || o.MaxRecords < 0 || o.MaxEntries < 0 {
		return nil, fmt.Errorf("callog: a limit is negative: %v, %v, %d records, %d entries", o.Keep, o.Gather, o.MaxRecords, o.MaxEntries)
	}
	l := &Log{store: s, clock: o.Clock, log: o.Log, keep: o.Keep, maxRecords: uint64(o.MaxRecords), maxEntries: uint64(o.MaxEntries), gather: o.Gather}
	if l.clock == nil {
		l.clock = clock.Real()
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.keep == 0 {
		l.keep = 90 * 24 * time.Hour
	}
	if l.maxRecords == 0 {
		l.maxRecords = 1_000_000
	}
	if l.maxEntries == 0 {
		l.maxEntries = 500
	}
	return l, nil
}

// Record is one call.
type Record struct {
	ID        string    `json:"id"`
	Start     time.Time `json:"start"`
	Answered  time.Time `json:"answered,omitzero"` // zero: it was not
	End       time.Time `json:"end"`
	From      string    `json:"from,omitempty"`
	FromName  string    `json:"fromName,omitempty"`
	FromLine  string    `json:"fromLine,omitempty"` // the line that called; "": from outside
	To        string    `json:"to,omitempty"`       // as dialled
	ToName    string    `json:"toName,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	By        string    `json:"by,omitempty"`    // who answered
	Trunk     string    `json:"trunk,omitempty"` // by which it came or went
	Diversion string    `json:"diversion,omitempty"`
	Emergency bool      `json:"emergency,omitempty"`
	Legs      []Leg     `json:"legs,omitempty"` // the caller, then those he talked to

	Recordings []string `json:"recordings,omitempty"` // the names of the files
}

// Leg is how the sound of one phone or trunk on a call fared.
type Leg struct {
	Number     string            `json:"number,omitempty"`     // or the trunk's name
	Codec      string            `json:"codec,omitempty"`      // the last one; "": none was agreed
	In         uint64            `json:"in"`                   // packets that came from it
	Out        uint64            `json:"out"`                  // packets that went to it
	Lost       int64             `json:"lost,omitempty"`       // of those that it sent; negative: some came twice
	RemoteLost int64             `json:"remoteLost,omitempty"` // of those that went to it, as it reports
	Jitter     float64           `json:"jitterMs,omitempty"`   // ms, of what came from it (RFC 3550 section 6.4.1)
	RTT        float64           `json:"rttMs,omitempty"`      // ms, there and back; 0: not known
	Dropped    map[string]uint64 `json:"dropped,omitempty"`    // packets that went nowhere, by reason
}

// maxText bounds, in bytes, each text that may come from a stranger.
const maxText = 128

func trim(texts ...*string) {
	for _, s := range texts {
		*s = strings.ToValidUTF8(*s, "\ufffd")
		if len(*s) > maxText {
			*s = strings.ToValidUTF8((*s)[:maxText], "")
		}
	}
}

// lines are those whose calls this is one of.
func (r Record) lines() (list []string) {
	for _, number := range []string{r.FromLine, r.To, r.By} {
		if isNumber(number) && !slices.Contains(list, number) {
			list = append(list, number)
		}
	}
	return list
}

// Share is a call as it stands in one line's log.
type Share struct {
	Line  string
	Entry Entry
}

// Add keeps a record, and with it the entries of those who had a part in the call. The call should have ended: records
// are in the order in which they are added. It does not wait for the disk, unless Options.Gather is 0.
func (l *Log) Add(ctx context.Context, r Record, shares ...Share) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	trim(&r.ID, &r.From, &r.FromName, &r.FromLine, &r.To, &r.ToName, &r.Outcome, &r.By, &r.Trunk, &r.Diversion)
	for i := range r.Legs {
		trim(&r.Legs[i].Number)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("callog: call %s: %w", r.ID, err)
	}
	for i := range shares {
		if err := shares[i].check(); err != nil {
			return err
		}
	}
	ttl := r.End.Add(l.keep).Sub(l.clock.Now())
	if ttl <= 0 { // an old one, imported
		return nil
	}
	return l.add(ctx, addition{r.ID, func(tx store.Batch) error {
		for _, s := range shares {
			if err := l.putEntry(tx, s); err != nil {
				return err
			}
		}
		n, err := count(tx, "calls")
		if err != nil {
			return err
		}
		if n > l.maxRecords {
			if err := dropRecord(tx, sequence(n-l.maxRecords)); err != nil {
				return err
			}
		}
		for _, line := range r.lines() {
			if err := tx.Put(lineBucket, line+"/"+sequence(n), nil, store.TTL(ttl)); err != nil {
				return err
			}
		}
		return tx.Put(recordBucket, sequence(n), value, store.TTL(ttl))
	}})
}

func dropRecord(tx store.Batch, key string) error {
	e, err := tx.Get(recordBucket, key)
	if errors.Is(err, store.ErrNotFound) { // too old already
		return nil
	}
	if err != nil {
		return err
	}
	var r Record
	if json.Unmarshal(e.Value, &r) == nil {
		for _, line := range r.lines() {
			if err := tx.Delete(lineBucket, line+"/"+key); err != nil {
				return err
			}
		}
	}
	return tx.Delete(recordBucket, key)
}

// Filter says which records; what is zero does not restrict.
type Filter struct {
	Line         string    // that called, was called or answered
	Since, Until time.Time // of the start: from Since, before Until
	Limit        int       // 0: 100
}

// Records returns the calls that a filter lets through, the one that ended last first.
func (l *Log) Records(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	bucket, prefix := recordBucket, ""
	if f.Line != "" {
		if !isNumber(f.Line) {
			return nil, fmt.Errorf("%w: %.40q", ErrLine, f.Line)
		}
		bucket, prefix = lineBucket, f.Line+"/"
	}
	l.current(ctx)
	var found []Record
	err := l.backwards(ctx, bucket, prefix, func(e store.Entry) (bool, error) {
		if bucket == lineBucket {
			var err error
			e, err = l.store.Bucket(recordBucket).Get(ctx, strings.TrimPrefix(e.Key, prefix))
			if errors.Is(err, store.ErrNotFound) { // dropped meanwhile
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
		var r Record
		if err := json.Unmarshal(e.Value, &r); err != nil {
			return false, fmt.Errorf("record %s: %w", e.Key, err)
		}
		if !f.Since.IsZero() && r.End.Before(f.Since) { // and so did those before it
			return false, nil
		}
		if !r.Start.Before(f.Since) && (f.Until.IsZero() || r.Start.Before(f.Until)) {
			found = append(found, r)
		}
		return len(found) < f.Limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("callog: reading records: %w", err)
	}
	return found, nil
}

// A sequence is a number in 16 hexadecimal digits; a block is all those that differ in the last three.
const blockDigits = 3

func sequence(n uint64) string { return fmt.Sprintf("%016x", n) }

// backwards goes through what stands under prefix, the last sequence first, until fn
// returns false. It has one block in memory.
func (l *Log) backwards(ctx context.Context, bucket, prefix string, fn func(store.Entry) (bool, error)) error {
	e, err := l.store.Bucket(counterBucket).Get(ctx, "calls")
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	last, err := parseCounter(e.Value)
	if err != nil {
		return err
	}
	first := uint64(1)
	if last > l.maxRecords {
		first = last - l.maxRecords + 1
	}
	for block := int64(last >> (4 * blockDigits)); block >= int64(first>>(4*blockDigits)); block-- {
		entries, err := l.store.Bucket(bucket).List(ctx, prefix+sequence(uint64(block))[blockDigits:])
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(entries) {
			if more, err := fn(e); !more || err != nil {
				return err
			}
		}
	}
	return nil
}

// count takes the next number of a counter.
func count(tx store.Batch, counter string) (n uint64, err error) {
	e, err := tx.Get(counterBucket, counter)
	if err == nil {
		n, err = parseCounter(e.Value)
	} else if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return 0, err
	}
	n++
	return n, tx.Put(counterBucket, counter, []byte(sequence(n)))
}

func parseCounter(b []byte) (n uint64, err error) {
	if _, err := fmt.Sscanf(string(b), "%x", &n); err != nil {
		return 0, fmt.Errorf("damaged counter %q: %w", b, err)
	}
	return n, nil
}

func isNumber(s string) bool { return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == "" }
