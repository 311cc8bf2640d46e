package bolt

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/store"
)

// queueLimit is how many changes wait for a watcher before only the last of each key is kept.
const queueLimit = 1024

// event is a committed change.
type event struct {
	bucket string
	entry  store.Entry
}

// watchers is everyone who watches.
type watchers struct {
	mu   sync.Mutex
	list []*watcher
}

// publish tells the watchers of committed changes. It does not wait for any of them.
func (ws *watchers) publish(events []event) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.list {
		w.add(events)
	}
}

// watcher is one Watch: changes go into its queue, its pump sends them.
type watcher struct {
	bucket, prefix string

	mu    sync.Mutex
	queue []store.Entry
	limit int           // length at which the queue is compacted
	wake  chan struct{} // buffered: there is something in the queue
}

func (w *watcher) add(events []event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		if e.bucket == w.bucket && strings.HasPrefix(e.entry.Key, w.prefix) {
			w.queue = append(w.queue, e.entry)
		}
	}
	if len(w.queue) == 0 {
		return
	}
	if len(w.queue) >= w.limit {
		w.queue = latest(w.queue)
		w.limit = max(queueLimit, 2*len(w.queue))
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// latest keeps the last entry of each key, in order.
func latest(queue []store.Entry) []store.Entry {
	last := make(map[string]int, len(queue))
	for i, e := range queue {
		last[e.Key] = i
	}
	kept := make([]store.Entry, 0, len(last))
	for i, e := range queue {
		if last[e.Key] == i {
			kept = append(kept, e)
		}
	}
	return kept
}

func (w *watcher) take() []store.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queue
	w.queue = nil
	return q
}

func (s *Store) startWatch(ctx context.Context, bucket, prefix string) (<-chan store.Entry, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w := &watcher{bucket: bucket, prefix: prefix, limit: queueLimit, wake: make(chan struct{}, 1)}
	out := make(chan store.Entry)
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	select { // under the lock: Close waits for the pumps that it finds
	case <-s.closing:
		return nil, store.ErrClosed
	default:
	}
	s.watch.list = append(s.watch.list, w)
	s.wg.Go(func() {
		defer close(out)
		defer s.watch.remove(w)
		w.pump(ctx, s.closing, out)
	})
	return out, nil
}

// pump sends until ctx or the store ends. What it has taken from the queue and not yet
// sent is at most one queue's length; meanwhile the next is being compacted.
func (w *watcher) pump(ctx context.Context, closing <-chan struct{}, out chan<- store.Entry) {
	for {
		for _, e := range w.take() {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-closing:
				return
			}
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-closing:
			return
		}
	}
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if i := slices.Index(ws.list, w); i >= 0 {
		ws.list = slices.Delete(ws.list, i, i+1)
	}
}
