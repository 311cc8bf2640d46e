package sip

import "sync"

// maxIdle is how many goroutines of a Server wait for more to do.
const maxIdle = 32

// workers are the goroutines of a Server. Some of those that have done their work wait for more: their stacks have
// grown already, which is dear for work as short as a request.
type workers struct {
	next chan func() // to one that waits
	quit chan struct{}

	mu     sync.Mutex
	closed bool
	idle   int
	wg     sync.WaitGroup
}

func (w *workers) init() { w.next, w.quit = make(chan func()), make(chan struct{}) }

// Go runs f, unless the server is already closed.
func (w *workers) Go(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	select {
	case w.next <- f:
	default:
		w.wg.Go(func() { w.run(f) })
	}
	return true
}

// run does f, and what comes after it.
func (w *workers) run(f func()) {
	for f != nil {
		f()
		f = w.await()
	}
}

// await waits for more to do; nil: there are enough that wait, or the server is closed.
func (w *workers) await() func() {
	w.mu.Lock()
	stay := !w.closed && w.idle < maxIdle
	if stay {
		w.idle++
	}
	w.mu.Unlock()
	if !stay {
		return nil
	}
	defer func() {
		w.mu.Lock()
		w.idle--
		w.mu.Unlock()
	}()
	select {
	case f := <-w.next:
		return f
	case <-w.quit:
		return nil
	}
}

// close lets nothing new begin.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		close(w.quit)
	}
}

func (w *workers) wait() { w.wg.Wait() }
