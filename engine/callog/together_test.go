package callog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// counted tells of transactions, and fails them once err is set.
type counted struct {
	store.Store
	committed chan struct{} // gets one value each
	err       error
}

func newCounted(s *site) *counted {
	c := &counted{Store: s.store, committed: make(chan struct{}, 1000)}
	s.Log.store = c
	return c
}

func (c *counted) Batch(ctx context.Context, fn func(store.Batch) error) error {
	if c.err != nil {
		return c.err
	}
	err := c.Store.Batch(ctx, fn)
	c.committed <- struct{}{}
	return err
}

// Calls that end at about the same time are written in few transactions, each with every one of its calls.
func TestCallsShareATransaction(t *testing.T) {
	s := newSite(t, Options{Gather: 50 * time.Millisecond})
	c := newCounted(s)
	const calls = 200
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			if err := s.Add(t.Context(), Record{ID: fmt.Sprint(i), End: s.clock.Now(), FromLine: "77513"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	records, err := s.Records(t.Context(), Filter{Line: "77513", Limit: 1000})
	no(t, err)
	if n := len(c.committed); len(records) != calls || n > calls/10 {
		t.Errorf("%d records of %d calls, in %d transactions", len(records), calls, n)
	}
}

// A call reaches the disk by itself, whether or not anybody asks.
func TestACallIsWrittenInTime(t *testing.T) {
	s := newSite(t, Options{Gather: time.Millisecond})
	c := newCounted(s)
	no(t, s.Add(t.Context(), Record{ID: "1", End: s.clock.Now()}))
	s.clock.Advance(time.Millisecond)
	select {
	case <-c.committed:
	case <-time.After(10 * time.Second):
		t.Fatal("it is not")
	}
	s.restart(t)
	if r, err := s.Records(t.Context(), Filter{}); err != nil || len(r) != 1 {
		t.Errorf("%v, %v", r, err)
	}
}

// What waits to be written is there for whoever asks, in its order.
func TestACallIsReadAtOnce(t *testing.T) {
	s := newSite(t, Options{Gather: time.Hour})
	add := func(id string) {
		t.Helper()
		no(t, s.Add(t.Context(), Record{ID: id, End: s.clock.Now()}, Share{"77513", Entry{ID: id, Kind: Missed, Time: s.clock.Now()}}))
	}
	entries := func(want ...string) {
		t.Helper()
		all, err := s.Entries(t.Context(), "77513", 0)
		no(t, err)
		var got []string
		for _, e := range all {
			got = append(got, e.ID)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("entries %q, want %q", got, want)
		}
	}
	add("1")
	if r, err := s.Records(t.Context(), Filter{}); err != nil || len(r) != 1 {
		t.Errorf("%v, %v", r, err)
	}
	add("2")
	no(t, s.AddEntry(t.Context(), "77513", Entry{ID: "3", Kind: Missed, Time: s.clock.Now()}))
	entries("3", "2", "1")
	add("4")
	no(t, s.Delete(t.Context(), "77513", "4"))
	add("5")
	entries("5", "3", "2", "1")
	add("6")
	no(t, s.Flush(t.Context()))
	s.restart(t)
	entries("6", "5", "3", "2", "1")
}

// Nobody's calls fill the memory while the disk is slow.
func TestFewCallsWait(t *testing.T) {
	s := newSite(t, Options{Gather: time.Hour})
	c := newCounted(s)
	for range maxWaiting + 1 {
		no(t, s.Add(t.Context(), Record{ID: "1", End: s.clock.Now()}))
	}
	if n := len(s.waiting); len(c.committed) != 1 || n != 1 {
		t.Errorf("%d transactions, %d calls wait", len(c.committed), n)
	}
}

// When the disk fails the log says which calls are lost.
func TestSharedTransactionFails(t *testing.T) {
	var said bytes.Buffer
	s := newSite(t, Options{Gather: time.Hour, Log: slog.New(slog.NewTextHandler(&said, nil))})
	c := newCounted(s)
	c.err = errors.New("broken")
	for i := range 20 {
		no(t, s.Add(t.Context(), Record{ID: fmt.Sprint(i), End: s.clock.Now()}))
	}
	if err := s.Flush(t.Context()); !errors.Is(err, c.err) {
		t.Errorf("err = %v", err)
	}
	for i := range 20 {
		if !strings.Contains(said.String(), fmt.Sprintf("call=%d ", i)) {
			t.Errorf("call %d is lost without a word", i)
		}
	}
}
