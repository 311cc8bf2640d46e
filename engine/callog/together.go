package callog

import (
	"context"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// addition is a write that waits to share a transaction with others.
type addition struct {
	write func(store.Batch) error
	done  chan error // buffered
}

// together makes a write durable, in one transaction with those that come within Options.Gather of the last one. The
// first of them makes it for all; if one fails, all do, for it is the disk that fails.
func (l *Log) together(ctx context.Context, write func(store.Batch) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	a := addition{write, make(chan error, 1)}
	l.mu.Lock()
	l.waiting = append(l.waiting, a)
	first := len(l.waiting) == 1
	l.mu.Unlock()
	if !first {
		return <-a.done
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	// Real time: it is the disk that is spared, whatever clock the calls go by.
	time.Sleep(time.Until(l.last.Add(l.gather)))
	l.last = time.Now()
	l.mu.Lock()
	all := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	err := l.store.Batch(context.WithoutCancel(ctx), func(tx store.Batch) error {
		for _, a := range all {
			if err := a.write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, a := range all {
		a.done <- err
	}
	return err
}
