package callog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// Kinds of entries.
const (
	Missed    = "missed"
	Dialled   = "dialled"
	Received  = "received"
	Forwarded = "forwarded"
)

// Entry is a call as one of those sees it who had a part in it.
type Entry struct {
	ID      string        `json:"id"` // of the call; "": one is made
	Kind    string        `json:"kind"`
	Number  string        `json:"number,omitempty"` // of the other side: what to dial to call back
	Name    string        `json:"name,omitempty"`
	Time    time.Time     `json:"time"`
	Length  time.Duration `json:"length,omitempty"`
	ByOther string        `json:"byOther,omitempty"` // who answered it instead, or where it was forwarded
}

// AddEntry adds a call to a line's log, and drops what is beyond the latest entries.
func (l *Log) AddEntry(ctx context.Context, line string, e Entry) error {
	s := Share{line, e}
	if err := s.check(); err != nil {
		return err
	}
	l.current(ctx) // calls that ended before stand before it
	if err := l.store.Batch(ctx, func(tx store.Batch) error { return l.putEntry(tx, s) }); err != nil {
		return fmt.Errorf("callog: adding to the log of %s: %w", line, err)
	}
	return nil
}

// check refuses what cannot be kept, and bounds the texts.
func (s *Share) check() error {
	if !isNumber(s.Line) {
		return fmt.Errorf("%w: %.40q", ErrLine, s.Line)
	}
	if e := &s.Entry; !slices.Contains([]string{Missed, Dialled, Received, Forwarded}, e.Kind) {
		return fmt.Errorf("%w: %.40q", ErrKind, e.Kind)
	}
	trim(&s.Entry.ID, &s.Entry.Number, &s.Entry.Name, &s.Entry.ByOther)
	return nil
}

func (l *Log) putEntry(tx store.Batch, s Share) error {
	n, err := count(tx, s.Line)
	if err != nil {
		return err
	}
	if n > l.maxEntries {
		if err := tx.Delete(entryBucket, s.Line+"/"+sequence(n-l.maxEntries)); err != nil {
			return err
		}
	}
	if s.Entry.ID == "" {
		s.Entry.ID = "entry-" + sequence(n)
	}
	value, err := json.Marshal(s.Entry)
	if err != nil {
		return err
	}
	return tx.Put(entryBucket, s.Line+"/"+sequence(n), value)
}

// Entries returns a line's latest calls, newest first; limit 0: all that are kept.
func (l *Log) Entries(ctx context.Context, line string, limit int) ([]Entry, error) {
	stored, err := l.list(ctx, line)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(stored))
	for _, s := range slices.Backward(stored) {
		entries = append(entries, s.entry)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(b.Time.UnixNano(), a.Time.UnixNano()) })
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	return entries, nil
}

// Delete removes a call from a line's log; ErrNoEntry if it is not there.
func (l *Log) Delete(ctx context.Context, line, id string) error {
	n, err := l.remove(ctx, line, func(e Entry) bool { return e.ID == id })
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %.40q of line %s", ErrNoEntry, id, line)
	}
	return err
}

// DeleteAll empties a line's log.
func (l *Log) DeleteAll(ctx context.Context, line string) error {
	_, err := l.remove(ctx, line, func(Entry) bool { return true })
	return err
}

func (l *Log) remove(ctx context.Context, line string, which func(Entry) bool) (n int, err error) {
	stored, err := l.list(ctx, line)
	if err != nil {
		return 0, err
	}
	err = l.store.Batch(ctx, func(tx store.Batch) error {
		n = 0
		for _, s := range stored {
			if !which(s.entry) {
				continue
			}
			n++
			if err := tx.Delete(entryBucket, s.key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("callog: deleting from the log of %s: %w", line, err)
	}
	return n, nil
}

type storedEntry struct {
	key   string
	entry Entry
}

func (l *Log) list(ctx context.Context, line string) ([]storedEntry, error) {
	if !isNumber(line) {
		return nil, fmt.Errorf("%w: %.40q", ErrLine, line)
	}
	l.current(ctx)
	entries, err := l.store.Bucket(entryBucket).List(ctx, line+"/")
	if err != nil {
		return nil, fmt.Errorf("callog: reading the log of %s: %w", line, err)
	}
	list := make([]storedEntry, len(entries))
	var errs []error
	for i, e := range entries {
		list[i].key = e.Key
		if err := json.Unmarshal(e.Value, &list[i].entry); err != nil {
			errs = append(errs, fmt.Errorf("callog: entry %s: %w", e.Key, err))
		}
	}
	return list, errors.Join(errs...)
}
