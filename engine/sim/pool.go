package sim

import (
	"iter"
	"sync"
	"time"
)

// maxIdle is how many coroutines a Pool keeps at most.
const maxIdle = 64

// Pool lends coroutines to Worlds, which give them back when they are closed: their stacks are as large then as calls
// need them. Who makes many exchanges, one after the other or side by side, makes them with one Pool. The zero value is
// ready. It is safe for concurrent use.
type Pool struct {
	mu     sync.Mutex
	idle   []*coroutine // the one that was busy last is the last
	closed bool
}

// NewWorld makes a World whose clock shows start. Nil is no Pool: the World has coroutines of its own only.
func (p *Pool) NewWorld(start time.Time) *World {
	return &World{now: start, MaxSteps: maxSteps, pool: p}
}

// Close ends the coroutines that no World has. Those that are given back later end then.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, co := range p.idle {
		co.stop()
	}
	p.idle = nil
}

// take finds a coroutine that rests, or makes one.
func (p *Pool) take() *coroutine {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if last := len(p.idle) - 1; last >= 0 {
			co := p.idle[last]
			p.idle[last], p.idle = nil, p.idle[:last]
			return co
		}
	}
	co := &coroutine{}
	co.resume, co.stop = iter.Pull(co.serve)
	return co
}

// give takes a coroutine that rests back, or ends it.
func (p *Pool) give(co *coroutine) {
	co.world, co.after = nil, nil
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.closed && len(p.idle) < maxIdle {
			p.idle = append(p.idle, co)
			return
		}
	}
	co.stop()
}
