package dialtest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/scripts"
)

// attempt is one run of a test.
type attempt struct {
	file  string
	n     int
	story *story // nil: nobody listens
	fault *fault // nil: nothing fails
}

// one runs a test; one that fails is run again, for its story.
func (r *runner) one(ctx context.Context, file string, n int) (Result, error) {
	var result Result
	if r.Live > 0 {
		return r.attempt(ctx, attempt{file: file, n: n, story: &story{}})
	}
	var began time.Time
	for range max(1, r.Repeat) {
		began = time.Now()
		var err error
		if result, err = r.attempt(ctx, attempt{file: file, n: n}); err != nil {
			return result, err
		}
		if !result.OK() {
			break
		}
	}
	if result.OK() {
		if r.Faults {
			return result, r.faults(ctx, file, n, &result)
		}
		return result, nil
	}
	if time.Since(began) >= r.bounds().wall {
		return result, nil // it would take as long again
	}
	again, err := r.attempt(ctx, attempt{file: file, n: n, story: &story{}})
	if err != nil {
		return result, err
	}
	if again.Failure == nil || again.Failure.At.Message != result.Failure.At.Message || again.Failure.At.Line != result.Failure.At.Line {
		result.Unsteady = true
	}
	result.Calls = again.Calls
	return result, nil
}

// faults runs a test once for every operation, with that failing. Of each kind, the first that breaks something is told.
func (r *runner) faults(ctx context.Context, file string, n int, result *Result) error {
	counting := &fault{}
	if _, err := r.attempt(ctx, attempt{file: file, n: n, fault: counting}); err != nil {
		return err
	}
	for _, kind := range faultKinds() {
		for i := 1; i <= min(counting.count[kind], maxFaults); i++ {
			f := &fault{kind: kind, nth: i}
			got, err := r.attempt(ctx, attempt{file: file, n: n, fault: f})
			if err != nil {
				return err
			}
			result.Faults++
			if got.Failure == nil {
				continue
			}
			again, err := r.attempt(ctx, attempt{file: file, n: n, story: &story{}, fault: &fault{kind: kind, nth: i}})
			if err != nil {
				return err
			}
			result.Broken = append(result.Broken, Broken{f.String(), got.Failure, again.Calls})
			break
		}
	}
	return nil
}

// attempt runs a test once.
func (r *runner) attempt(ctx context.Context, o attempt) (result Result, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.bounds().wall, errTooLong)
	defer cancel()
	t, err := r.open(ctx, o)
	if err != nil {
		return result, errors.Join(err, t.close())
	}
	test := t.script.Tests[o.n]
	result = Result{Name: test.Name, Line: test.At.Line}
	defer func() {
		if p := recover(); p != nil {
			at := test.At
			at.Message = fmt.Sprintf("the test panicked: %v", p)
			at.Hint = string(debug.Stack())
			result.Failure = &Failure{At: at}
		}
		if late := t.close(); late != nil && err == nil && result.Failure == nil {
			at := test.At
			at.Message = "after the test the exchange could not be ended: " + late.Error()
			result.Failure = &Failure{At: at}
		}
	}()
	failed := t.script.Run(test, scripts.Object{Class: "Test", Value: t})
	if t.x == nil {
		return result, failed
	}
	result.Took = t.x.Now().Sub(t.began)
	var left *LeftOut
	if errors.As(failed, &left) || errors.As(t.x.Err(), &left) {
		result.LeftOut = left.Why
		return result, nil
	}
	if t.x.Engine() == nil && errors.Is(failed, scripts.ErrNoEngine) {
		result.LeftOut = needsOwn
		return result, nil
	}
	if failed != nil {
		result.Calls = t.stories()
	}
	result.Failure = r.failure(test, failed)
	if o.fault != nil {
		if !errors.Is(failed, errTooLong) && t.x.Err() == nil {
			result.Failure = t.stranded(test) // the test may fail, and the dialplan
		}
		if late := t.finish(test); result.Failure == nil {
			result.Failure = late
		}
		result.Calls = t.stories()
		return result, nil
	}
	if late := t.finish(test); result.Failure == nil {
		result.Failure = late
	}
	for _, e := range t.errors.unexpected(t.failing) {
		result.Errors = append(result.Errors, e.whole)
		if result.Failure == nil {
			at := test.At
			at.Message, at.Source = "the dialplan failed: "+e.message, "" // its own lines follow
			result.Failure = &Failure{At: at}
		}
	}
	if missing := t.errors.missing(t.failing); missing != "" && result.Failure == nil {
		at := test.At
		at.Message = fmt.Sprintf("the dialplan should have raised an error with %q, but has not", missing)
		result.Failure = &Failure{At: at}
	}
	if failed == nil && result.Failure != nil {
		result.Calls = t.stories()
	}
	return result, nil
}

// failure is what an error of a test says.
func (r *runner) failure(test scripts.Test, err error) *Failure {
	if err == nil {
		return nil
	}
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if p, ok := r.Host.Problem(err); ok {
		return &Failure{At: p}
	}
	at := test.At
	at.Message = "the test was stopped: " + err.Error()
	if errors.Is(err, errTooLong) {
		at.Message = fmt.Sprintf("the test was stopped: it has run for %s by the wall clock", r.bounds().wall)
	}
	return &Failure{At: at}
}

// open makes the exchange of a test, and runs its file up to the tests. The test has to be closed even if there is an error.
func (r *runner) open(ctx context.Context, o attempt) (*test, error) {
	t := &test{run: r, ctx: ctx, attempt: o, found: map[string]bool{}, errors: &errorLog{}}
	if err := t.reopen(time.Time{}); err != nil {
		return t, err
	}
	var err error
	t.script, err = t.host.OpenTest(ctx, o.file)
	return t, err
}

// reopen gives the test an exchange in which nothing has happened yet.
func (t *test) reopen(start time.Time) error {
	if t.x != nil {
		if err := t.x.Close(); err != nil {
			return err
		}
	}
	log := slog.New(t.errors)
	o := OpenOptions{Start: start, Log: log}
	if t.attempt.story != nil {
		o.Trace = t.attempt.story.record
	}
	f := t.attempt.fault
	if f != nil {
		f.armed = false
		o.Change = f.into
	}
	x, err := t.run.Open(o)
	if err != nil {
		t.x = nil
		return fmt.Errorf("open an exchange: %w", err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.attempt.file))
	random := &randoms{r: rand.New(rand.NewPCG(t.run.Seed, h.Sum64()))}
	t.x, t.began = x, x.Now()
	t.host = t.run.Host.With(x.Engine(), log, random.Float64)
	t.host.Tell(t.run.witness)
	if x.Engine() != nil {
		x.Engine().SetHandler(t.host)
	}
	if t.script != nil {
		t.script.Use(t.host)
	}
	if f != nil {
		f.armed = true
	}
	return nil
}

// everybody is all who may be on a call.
func (t *test) everybody() (all []*party) {
	all = append(all, t.calls...)
	for _, p := range t.phones {
		for _, c := range p.phone.Calls() {
			all = append(all, &party{t: t, who: p.who, one: c})
		}
	}
	return all
}

// stranded lets an hour pass, and finds who then hears nothing and talks to nobody, or waits for an answer still.
func (t *test) stranded(test scripts.Test) *Failure {
	t.x.Run(func() bool { return t.ctx.Err() != nil || len(t.engineCalls()) == 0 }, t.run.bounds().patience)
	everybody := t.everybody()
	if slices.ContainsFunc(everybody, func(p *party) bool { return p.one.Holding() }) {
		return nil // and the silence is theirs
	}
	for _, p := range everybody {
		c := p.one
		why := ""
		switch {
		case c.State() == Answered && len(hearing(c)) == 0 && len(c.TalksTo()) == 0:
			why = "hears nothing, and talks to nobody"
		case (c.State() == Ringing || c.State() == Calling) && !c.Incoming():
			why = "still waits for an answer"
		default:
			continue
		}
		at := test.At
		at.Message = p.who + " is stranded: an hour later " + p.who + " " + why
		return &Failure{At: at}
	}
	return nil
}

// finish has everybody hang up, and looks whether that ends all calls and leaves nothing.
func (t *test) finish(test scripts.Test) *Failure {
	at := test.At
	if t.attempt.fault != nil {
		t.attempt.fault.armed = false
	}
	for _, p := range t.everybody() {
		p.one.Hangup()
	}
	over := func() bool { return len(t.engineCalls()) == 0 && len(t.x.Left()) == 0 }
	done := t.x.Run(over, t.run.bounds().hangup) || over()
	if err := t.x.Err(); err != nil {
		at.Message, at.Hint = t.broke("the exchange broke down", err)
		return &Failure{At: at}
	}
	if done {
		return nil
	}
	at.Message = "everybody has hung up, but there still is " + strings.Join(t.x.Left(), ", ")
	if calls := t.engineCalls(); len(calls) > 0 {
		at.Message = fmt.Sprintf("everybody has hung up, but call %s from %s to %s still stands", calls[0].ID, calls[0].From, calls[0].To)
	}
	return &Failure{At: at}
}

// close lets go of all that the test has. Closing twice does no harm.
func (t *test) close() error {
	if t.script != nil {
		t.script.Close()
		t.script = nil
	}
	if t.x == nil {
		return nil
	}
	err := t.x.Close()
	t.x = nil
	return err
}

// randoms are random numbers for several calls at once.
type randoms struct {
	mu sync.Mutex
	r  *rand.Rand
}

// Float64 is the next, in [0, 1).
func (r *randoms) Float64() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Float64()
}
