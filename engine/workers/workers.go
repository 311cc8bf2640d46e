// Package workers lends goroutines. A goroutine that has just begun has a small stack, and what a call takes to set up
// has the runtime copy it to a larger one three or four times; one that has done such work before has it already. And who
// has such work done by another keeps a small stack, which matters where a goroutine then waits as long as a call stands.
package workers

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// maxIdle is how many goroutines wait for work at most. What comes when none does begins on a fresh one.
const maxIdle = 32

// Pool is a number of goroutines. The zero value is ready. It is safe for concurrent use.
type Pool struct {
	work sync.WaitGroup // functions under way
	ends sync.WaitGroup // goroutines

	mu     sync.Mutex
	idle   []chan func() // the last one was busy last: its stack is the least likely to have been taken back
	closed bool
}

// Go has a worker run f, which must not panic.
func (p *Pool) Go(f func()) {
	p.work.Add(1)
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		worker := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		worker <- f // it has room for one
		return
	}
	p.mu.Unlock()
	p.ends.Go(func() { p.run(f) })
}

// run is a worker.
func (p *Pool) run(f func()) {
	var next chan func()
	for f != nil {
		p.do(f)
		f = nil
		if next == nil {
			next = make(chan func(), 1)
		}
		if !p.rest(next) {
			return
		}
		f = <-next
	}
}

func (p *Pool) do(f func()) {
	defer p.work.Done()
	f()
}

// rest makes a worker one of those who wait, unless there are enough.
func (p *Pool) rest(worker chan func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		return false
	}
	p.idle = append(p.idle, worker)
	return true
}

// Do has a worker run f and returns when it has. If f panics so does Do, with the place where f did.
func (p *Pool) Do(f func()) {
	done := make(chan any, 1)
	p.Go(func() {
		defer func() {
			r := recover()
			if r != nil {
				r = fmt.Sprintf("%v\n%s", r, debug.Stack())
			}
			done <- r
		}()
		f()
	})
	if r := <-done; r != nil {
		panic(r)
	}
}

// Wait returns when nothing is under way.
func (p *Pool) Wait() { p.work.Wait() }

// Close ends the workers when they have done what they do, and returns when they have ended.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, worker := range idle {
		close(worker)
	}
	p.ends.Wait()
}
