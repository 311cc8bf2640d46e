package directory

import (
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
)

// notifier tells watchers which lines have changed, apart from the mirrors' goroutines,
// so that a watcher may itself change the directory.
type notifier struct {
	log  *slog.Logger
	wake chan struct{} // buffered

	mu      sync.Mutex
	pending map[string]bool
	fns     map[int]func(string)
	next    int
}

func (n *notifier) start(wg *sync.WaitGroup, ended <-chan struct{}) {
	wg.Go(func() {
		for {
			select {
			case <-n.wake:
				n.tell()
			case <-ended:
				return
			}
		}
	})
}

func (n *notifier) add(fn func(string)) (cancel func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fns == nil {
		n.fns = map[int]func(string){}
	}
	id := n.next
	n.next++
	n.fns[id] = fn
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.fns, id)
	}
}

// changed does not wait.
func (n *notifier) changed(number string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.fns) == 0 {
		return
	}
	if n.pending == nil {
		n.pending = map[string]bool{}
	}
	n.pending[number] = true
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notifier) tell() {
	n.mu.Lock()
	pending := n.pending
	n.pending = nil
	n.mu.Unlock()
	for _, number := range slices.SortedFunc(maps.Keys(pending), compareNumbers) {
		n.mu.Lock()
		var fns []func(string)
		for _, fn := range n.fns {
			fns = append(fns, fn)
		}
		n.mu.Unlock()
		for _, fn := range fns {
			n.call(fn, number)
		}
	}
}

func (n *notifier) call(fn func(string), number string) {
	defer func() {
		if p := recover(); p != nil {
			n.log.Error("directory: a watcher panicked", "line", number, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn(number)
}
