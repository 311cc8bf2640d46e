// Package notify tells those who watch what has changed, apart from whoever changed it: a watcher may take its time, and
// may itself change things.
package notify

import (
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/belfry-pbx/belfry/engine/workers"
)

// Notifier is safe for concurrent use.
type Notifier struct {
	runner workers.Runner
	own    *workers.Pool // nil: the runner is another's to close
	log    *slog.Logger

	mu       sync.Mutex
	watchers []*watcher
	pending  []string // in the order in which they changed, each once
	waits    map[string]bool
	telling  bool // a function is under way that takes from pending
	closed   bool
}

type watcher struct{ fn func(key string) }

// New makes a notifier. Watchers are called by functions of the runner; nil: by goroutines of its own.
func New(r workers.Runner, log *slog.Logger) *Notifier {
	n := &Notifier{runner: r, log: log, waits: map[string]bool{}}
	if r == nil {
		n.own = &workers.Pool{}
		n.runner = n.own
	}
	return n
}

// Watch calls fn with the key of each change from now on, until cancel is called. Calls come one after another; several
// changes of a key may come as one.
func (n *Notifier) Watch(fn func(key string)) (cancel func()) {
	w := &watcher{fn}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watchers = append(n.watchers, w)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.watchers = slices.DeleteFunc(slices.Clone(n.watchers), func(x *watcher) bool { return x == w })
	}
}

// Changed has the watchers told of a change. It does not wait.
func (n *Notifier) Changed(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.watchers) == 0 || n.closed || n.waits[key] {
		return
	}
	n.waits[key] = true
	n.pending = append(n.pending, key)
	if !n.telling {
		n.telling = true
		n.runner.Go(n.tell)
	}
}

// Close has nobody told any more. With goroutines of its own it returns when no watcher is under way.
func (n *Notifier) Close() {
	n.mu.Lock()
	n.closed, n.pending = true, nil
	n.mu.Unlock()
	if n.own != nil {
		n.own.Close()
	}
}

func (n *Notifier) tell() {
	for {
		key, watchers, ok := n.next()
		if !ok {
			return
		}
		for _, w := range watchers {
			n.call(w, key)
		}
	}
}

func (n *Notifier) next() (key string, watchers []*watcher, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) == 0 {
		n.telling = false
		return "", nil, false
	}
	key, n.pending = n.pending[0], n.pending[1:]
	delete(n.waits, key)
	return key, n.watchers, true
}

func (n *Notifier) call(w *watcher, key string) {
	defer func() {
		if p := recover(); p != nil {
			n.log.Error("a watcher panicked", "key", key, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	w.fn(key)
}
