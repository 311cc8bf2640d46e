package callog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// counted counts transactions, and fails them once err is set.
type counted struct {
	store.Store
	n   atomic.Int32
	err error
}

func (c *counted) Batch(ctx context.Context, fn func(store.Batch) error) error {
	c.n.Add(1)
	if c.err != nil {
		return c.err
	}
	return c.Store.Batch(ctx, fn)
}

// Calls that end at about the same time are written in few transactions, each with every one of its calls.
func TestCallsShareATransaction(t *testing.T) {
	s := newSite(t, Options{Gather: 50 * time.Millisecond})
	c := &counted{Store: s.store}
	s.Log.store = c
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
	if n := c.n.Load(); len(records) != calls || n > calls/10 {
		t.Errorf("%d records of %d calls, in %d transactions", len(records), calls, n)
	}
}

// When the disk fails everybody who shares the transaction is told.
func TestSharedTransactionFails(t *testing.T) {
	s := newSite(t, Options{Gather: 50 * time.Millisecond})
	broken := errors.New("broken")
	s.Log.store = &counted{Store: s.store, err: broken}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.Add(t.Context(), Record{ID: "1", End: s.clock.Now()}); !errors.Is(err, broken) {
				t.Errorf("err = %v", err)
			}
		})
	}
	wg.Wait()
}
