package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// What a script may be stopped for. Nothing in Lua can catch these.
var (
	ErrSteps  = errors.New("the script ran too long without waiting for anybody (an endless loop?)")
	ErrMemory = errors.New("the script used too much memory")
	ErrText   = errors.New("the script made too long a text")
)

// LimitError is a limit that was passed, and where the author's script was then.
type LimitError struct {
	Err error
	At  diag.Step

	inner diag.Step // where it was indeed: in a library, perhaps
}

func (e *LimitError) Error() string { return e.Err.Error() }

// Unwrap is ErrSteps, ErrMemory or ErrText, wrapped.
func (e *LimitError) Unwrap() error { return e.Err }

// Limits bound what one script may use. Zero fields take the default.
type Limits struct {
	// Steps a script may make at once: a step is an instruction, or eight bytes of new text,
	// or one try of a text pattern. Default 2,000,000: some 80 ms.
	Steps int64
	// StepsPerSecond are won back while the script waits, up to Steps. Default 500,000.
	StepsPerSecond int64
	// Memory that everything a script can reach may take, in bytes. Default 8 MiB.
	Memory int
	// Text is the longest single text, in bytes. Default 1 MiB.
	Text int
	// Busy is how long a script may compute at a stretch, by the wall clock: the net under
	// Steps for instructions that are slow. Default 2 s.
	Busy time.Duration
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Memory, 8<<20)
	def(&l.Text, 1<<20)
	if l.Steps == 0 {
		l.Steps = 2_000_000
	}
	if l.StepsPerSecond == 0 {
		l.StepsPerSecond = 500_000
	}
	if l.Busy == 0 {
		l.Busy = 2 * time.Second
	}
	return l
}

// sampleEvery is how many steps pass between two looks at memory and the clock: a script
// that fills tables gains a megabyte or two in the meantime.
const sampleEvery = 1 << 15

// Meter is the context a script runs under. The virtual machine asks for Done before
// every instruction, and that is where instructions are counted.
type Meter struct {
	base    context.Context
	limits  Limits
	steps   int64 // left
	sample  int64 // look at memory and clock when steps falls to this
	since   time.Time
	state   *State
	measure func(limit int) int // bytes reachable; stops counting beyond limit
	over    chan struct{}       // closed by Stop
	stopped atomic.Pointer[error]
}

func newMeter(base context.Context, s *State) *Meter {
	l := s.opts.Limits
	m := &Meter{base: base, limits: l, steps: l.Steps, state: s, measure: s.reached, over: make(chan struct{})}
	m.sample = m.steps - sampleEvery
	m.since = time.Now()
	return m
}

// Done implements context.Context for the virtual machine, which runs on one goroutine.
// It is not for anybody else: wait on Base().
func (m *Meter) Done() <-chan struct{} {
	m.steps--
	if m.steps < m.sample {
		m.look()
	}
	if m.stopped.Load() != nil {
		return m.over
	}
	return m.base.Done()
}

// Err implements context.Context.
func (m *Meter) Err() error {
	if err := m.stopped.Load(); err != nil {
		return *err
	}
	return context.Cause(m.base)
}

// Deadline implements context.Context.
func (m *Meter) Deadline() (time.Time, bool) { return m.base.Deadline() }

// Value implements context.Context.
func (m *Meter) Value(key any) any { return m.base.Value(key) }

// Base is the context the script was started with: for whatever waits.
func (m *Meter) Base() context.Context { return m.base }

// Stop ends the script at its next instruction; nothing in Lua can catch it. The first cause stays.
func (m *Meter) Stop(cause error) {
	if m.stopped.CompareAndSwap(nil, &cause) {
		close(m.over)
	}
}

func (m *Meter) exceed(err error) {
	if m.Err() == nil {
		limit := &LimitError{Err: err, At: m.state.Place()}
		if path := m.state.path(m.state.L); len(path) > 0 {
			limit.inner = path[0]
			limit.inner.Func = "" // as in At
		}
		m.Stop(limit)
	}
}

// Cause is what stopped the script: a limit, what Stop was given, or the end of its context. Nil while it runs.
func (m *Meter) Cause() error { return m.Err() }

// look happens every sampleEvery steps: is anything used up?
func (m *Meter) look() {
	m.sample = m.steps - sampleEvery
	switch {
	case m.steps < 0:
		m.exceed(ErrSteps)
	case time.Since(m.since) > m.limits.Busy:
		m.exceed(ErrSteps)
	case m.measure(m.limits.Memory) > m.limits.Memory:
		m.exceed(fmt.Errorf("%w: more than %d KiB", ErrMemory, m.limits.Memory>>10))
	}
}

// Charge takes n steps for work a Go function does on the script's behalf. False: the script is over.
func (m *Meter) Charge(n int) bool {
	m.steps -= int64(n)
	if m.steps < 0 || m.steps < m.sample {
		m.look()
	}
	return m.Err() == nil
}

// Text asks for n bytes of new text before they are made.
func (m *Meter) Text(n int) bool {
	if n < 0 || n > m.limits.Text {
		m.exceed(fmt.Errorf("%w: more than %d KiB", ErrText, m.limits.Text>>10))
		return false
	}
	return m.Charge(n / 8)
}

// Wait runs something that waits for people or disks: it takes no steps, and the time wins some back.
func (m *Meter) Wait(now func() time.Time, fn func()) {
	start := now()
	fn()
	won := int64(now().Sub(start).Seconds() * float64(m.limits.StepsPerSecond))
	m.steps = min(m.limits.Steps, m.steps+max(0, won))
	m.sample = m.steps - sampleEvery
	m.since = time.Now()
}

// Begin starts a stretch of computing anew, for code that runs while another part of the script waits.
func (m *Meter) Begin() { m.since = time.Now() }
