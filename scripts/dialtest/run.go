package dialtest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Options of Run. Host and Open are required.
type Options struct {
	Host *scripts.Host // with the dialplan loaded, and Bindings
	// Open makes an exchange, with the site's lines and nothing else, whose clock shows start; the zero time: what it likes.
	Open func(o OpenOptions) (Exchange, error)

	Only    *regexp.Regexp // tests whose names match; nil: all
	Seed    uint64         // of scripts' random numbers
	Workers int            // tests that run side by side; 0: one a core
	Cover   bool           // Report.Cover is asked for
	Repeat  int            // how often each is run; 0: once. The first that fails counts
}

// OpenOptions are what an exchange is told.
type OpenOptions struct {
	Start time.Time
	Trace func(clock.Clock) trace.Recorder // makes who listens, by the exchange's clock; nil: nobody does
	Log   *slog.Logger
}

// Report is what became of the tests, in the order of files and lines.
type Report struct {
	Files []File
	Cover *Cover        // nil: it was not asked for
	Took  time.Duration // by the wall clock
}

// File is one file of tests.
type File struct {
	Name     string
	Problems []diag.Problem // errors among them: its tests did not run
	Results  []Result
}

// Result is what became of one test.
type Result struct {
	Name     string
	Line     int
	Took     time.Duration // virtually
	Failure  *Failure      // nil: all is well
	Errors   []string      // that handlers raised, as they are printed
	Calls    []trace.Trace // the story of its calls, if it has failed, up to then
	Unsteady bool          // it failed, but not when it was run again
}

// OK tells whether the test has passed.
func (r Result) OK() bool { return r.Failure == nil }

// Count tells how many tests have passed and failed, files with errors among the latter, and how long they took virtually.
func (r *Report) Count() (passed, failed int, virtual time.Duration) {
	for _, f := range r.Files {
		if f.broken() {
			failed++
		}
		for _, t := range f.Results {
			virtual += t.Took
			if t.OK() {
				passed++
			} else {
				failed++
			}
		}
	}
	return passed, failed, virtual
}

func (f File) broken() bool {
	for _, p := range f.Problems {
		if !p.Warning() {
			return true
		}
	}
	return false
}

var errTooLong = errors.New("too long")

type runner struct {
	Options
	witness scripts.Witness
}

// Run runs the tests of a dialplan. Its error is about something else than a test.
func Run(ctx context.Context, o Options) (*Report, error) {
	start := time.Now()
	r := &runner{Options: o}
	var seen *witness
	if o.Cover {
		seen = newWitness()
		r.witness = seen
	}
	names, problems := o.Host.TestFiles()
	report := &Report{}
	type job struct{ file, test int }
	var jobs []job
	for i, name := range names {
		f := File{Name: name}
		for _, p := range problems {
			if p.File == name {
				f.Problems = append(f.Problems, p)
			}
		}
		if !f.broken() {
			tests, problem, err := r.list(ctx, name)
			if err != nil {
				return nil, err
			}
			if problem != nil {
				f.Problems = append(f.Problems, *problem)
			}
			for n, t := range tests {
				f.Results = append(f.Results, Result{Name: t.Name, Line: t.At.Line})
				if o.Only == nil || o.Only.MatchString(t.Name) {
					jobs = append(jobs, job{i, n})
				} else {
					f.Results[n].Line = 0
				}
			}
		}
		report.Files = append(report.Files, f)
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	next := make(chan job)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range min(workers, max(1, len(jobs))) {
		wg.Go(func() {
			for j := range next {
				result, err := r.one(ctx, report.Files[j.file].Name, j.test)
				if err != nil {
					select {
					case errs <- err:
					default:
					}
					continue
				}
				report.Files[j.file].Results[j.test] = result
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		next <- j
	}
	close(next)
	wg.Wait()
	for i := range report.Files { // those that were not asked for
		f := &report.Files[i]
		var ran []Result
		for _, t := range f.Results {
			if t.Line > 0 {
				ran = append(ran, t)
			}
		}
		f.Results = ran
	}
	report.Took = time.Since(start)
	if seen != nil {
		report.Cover = seen.cover(o.Host.Routes())
	}
	select {
	case err := <-errs:
		return report, err
	default:
		return report, context.Cause(ctx)
	}
}

// list finds out which tests a file has.
func (r *runner) list(ctx context.Context, file string) ([]scripts.Test, *diag.Problem, error) {
	t, err := r.open(ctx, file, nil)
	if t != nil {
		defer t.close()
	}
	if err != nil {
		if p, ok := r.Host.Problem(err); ok {
			return nil, &p, nil
		}
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return t.script.Tests, nil, nil
}

// one runs a test; one that fails is run again, for its story.
func (r *runner) one(ctx context.Context, file string, n int) (Result, error) {
	var result Result
	for range max(1, r.Repeat) {
		var err error
		if result, err = r.attempt(ctx, file, n, nil); err != nil {
			return result, err
		}
		if !result.OK() {
			break
		}
	}
	if result.OK() {
		return result, nil
	}
	again, err := r.attempt(ctx, file, n, &story{})
	if err != nil {
		return result, err
	}
	if again.Failure == nil || again.Failure.Error() != result.Failure.Error() {
		result.Unsteady = true
	}
	result.Calls = again.Calls
	return result, nil
}

// attempt runs a test once.
func (r *runner) attempt(ctx context.Context, file string, n int, story *story) (result Result, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, realLongest, errTooLong)
	defer cancel()
	t, err := r.open(ctx, file, story)
	if err != nil {
		return result, errors.Join(err, t.close())
	}
	test := t.script.Tests[n]
	result = Result{Name: test.Name, Line: test.At.Line}
	defer func() {
		if p := recover(); p != nil {
			at := test.At
			at.Message = fmt.Sprintf("the test panicked: %v", p)
			at.Hint = string(debug.Stack())
			result.Failure = &Failure{At: at}
		}
	}()
	failed := t.script.Run(test, scripts.Object{Class: "Test", Value: t})
	if t.x == nil {
		return result, failed
	}
	result.Took = t.x.Now().Sub(t.began)
	if failed != nil {
		result.Calls = story.calls()
	}
	result.Failure = r.failure(test, failed)
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
		result.Calls = story.calls()
	}
	if err := t.close(); err != nil && result.Failure == nil {
		at := test.At
		at.Message = "after the test the exchange could not be ended: " + err.Error()
		result.Failure = &Failure{At: at}
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
		at.Message = fmt.Sprintf("the test was stopped: it has run for %s by the wall clock", realLongest)
	}
	return &Failure{At: at}
}

// open makes the exchange of a test, and runs its file up to the tests. The test has to be closed even if there is an error.
func (r *runner) open(ctx context.Context, file string, story *story) (*test, error) {
	t := &test{run: r, ctx: ctx, file: file, story: story, phones: map[string]*party{}, found: map[string]bool{}, errors: &errorLog{}}
	if err := t.reopen(time.Time{}); err != nil {
		return t, err
	}
	var err error
	t.script, err = t.host.OpenTest(ctx, file)
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
	if t.story != nil {
		o.Trace = t.story.record
	}
	x, err := t.run.Open(o)
	if err != nil {
		t.x = nil
		return fmt.Errorf("open a simulated exchange: %w", err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.file))
	random := rand.New(rand.NewPCG(t.run.Seed, h.Sum64()))
	t.x, t.began = x, x.Now()
	t.host = t.run.Host.With(x.Engine(), log, random.Float64)
	t.host.Tell(t.run.witness)
	x.Engine().SetHandler(t.host)
	if t.script != nil {
		t.script.Use(t.host)
	}
	return nil
}

// finish has everybody hang up, and looks whether that ends all calls.
func (t *test) finish(test scripts.Test) *Failure {
	at := test.At
	for _, p := range t.calls {
		p.one.Hangup()
	}
	for _, p := range t.phones {
		for _, c := range p.phone.Calls() {
			c.Hangup()
		}
	}
	over := func() bool { return len(t.x.Engine().Calls()) == 0 }
	if !t.x.Run(over, hangupTime) && !over() && t.x.Err() == nil {
		c := t.x.Engine().Calls()[0]
		at.Message = fmt.Sprintf("everybody has hung up, but call %s from %s to %s still stands", c.ID, c.From, c.To)
		return &Failure{At: at}
	}
	if err := t.x.Err(); err != nil {
		at.Message = "the exchange broke down: " + err.Error()
		return &Failure{At: at}
	}
	return nil
}

// close lets go of all that the test has.
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
