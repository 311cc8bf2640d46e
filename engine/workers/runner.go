package workers

import "context"

// Runner runs functions side by side and lets them wait for each other. Pool does so with goroutines. A simulated
// exchange has one that runs them in turn, so that all that happens has one order.
type Runner interface {
	// Go has f run, which must not panic.
	Go(f func())
	// Do has f run and returns when it has. If f panics so does Do.
	Do(f func())
	// NewWaiter makes a place to wait, for one function at a time.
	NewWaiter() Waiter
	// Wait returns when nothing that Go was given is under way.
	Wait()
	Close()
}

// Waiter is where a function waits for others.
type Waiter interface {
	// Wait returns when Wake is called, at once if it was since the last Wait returned, or when a or b ends.
	// No lock may be held that another function wants.
	Wait(a, b context.Context)
	// Wake has Wait return. It does not wait itself, and may be called by whoever likes.
	Wake()
}

// NewWaiter makes a place to wait for a goroutine.
func (p *Pool) NewWaiter() Waiter { return make(waiter, 1) }

// waiter holds one wake that nobody has waited for yet.
type waiter chan struct{}

func (w waiter) Wait(a, b context.Context) {
	select {
	case <-w:
	case <-a.Done():
	case <-b.Done():
	}
}

func (w waiter) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}
