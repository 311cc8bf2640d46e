package callog

import (
	"context"
	"fmt"

	"github.com/belfry-pbx/belfry/engine/store"
)

// maxWaiting is how many additions at most wait for others: whoever adds one more writes them all.
const maxWaiting = 1000

// addition is a call that waits to be written in one transaction with others.
type addition struct {
	id    string
	write func(store.Batch) error
}

// add has a call written within Options.Gather, with those that are added meanwhile: at 100 calls a second a flush of the
// disk for each would cost more than all the rest of a call.
func (l *Log) add(ctx context.Context, a addition) error {
	l.mu.Lock()
	l.waiting = append(l.waiting, a)
	n := len(l.waiting)
	if n == 1 && l.gather > 0 {
		l.due = l.clock.AfterFunc(l.gather, func() { l.current(context.Background()) })
	}
	l.mu.Unlock()
	switch {
	case l.gather == 0:
		return l.Flush(ctx)
	case n >= maxWaiting:
		l.current(ctx)
	}
	return nil
}

// Flush writes what Add has taken and not written yet, and returns when it is on the disk. If one addition fails all do,
// for it is the disk that fails; the log says which calls are lost.
func (l *Log) Flush(ctx context.Context) error {
	l.committing.Lock() // also waits for those that another is writing
	defer l.committing.Unlock()
	l.mu.Lock()
	all := l.waiting
	l.waiting = nil
	if l.due != nil {
		l.due.Stop()
		l.due = nil
	}
	l.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	err := l.store.Batch(context.WithoutCancel(ctx), func(tx store.Batch) error {
		for _, a := range all {
			if err := a.write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	for _, a := range all {
		l.log.Error("the call record is lost", "call", a.id, "error", err)
	}
	return fmt.Errorf("callog: adding %d calls: %w", len(all), err)
}

// current writes what waits. That it could not be written has been logged; readers read what is there all the same.
func (l *Log) current(ctx context.Context) { _ = l.Flush(ctx) }
