package bolt

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/store"
)

// event is a committed change.
type event struct {
	bucket string
	entry  store.Entry
}

// watchers is everyone who watches.
type watchers struct {
	mu     sync.Mutex
	closed bool
	list   []*watcher
}

// watcher is one Watch.
type watcher struct {
	bucket, prefix string
	fn             func(store.Entry)
}

// publish tells the watchers of committed changes, before those who made them go on.
func (ws *watchers) publish(events []event, log *slog.Logger) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, e := range events {
		for _, w := range ws.list {
			if w.bucket == e.bucket && strings.HasPrefix(e.entry.Key, w.prefix) {
				w.tell(e.entry, log)
			}
		}
	}
}

// tell keeps a watcher that panics from taking the writer with it.
func (w *watcher) tell(e store.Entry, log *slog.Logger) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("store: a watcher panicked", "bucket", w.bucket, "key", e.Key, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	w.fn(e)
}

func (ws *watchers) add(ctx context.Context, w *watcher) (stop func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return nil, store.ErrClosed
	}
	ws.list = append(ws.list, w)
	return func() { ws.remove(w) }, nil
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if i := slices.Index(ws.list, w); i >= 0 {
		ws.list = slices.Delete(ws.list, i, i+1)
	}
}

func (ws *watchers) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.list, ws.closed = nil, true
}
