package dialtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine"
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
	Faults  bool           // each test is run again for every operation, with that failing
	Repeat  int            // how often each is run; 0: once. The first that fails counts
	// Live is how long all may take where exchanges run in real time; 0: they do not. A test that does not end in time is
	// left out. One that fails is not run again, so the story of each is taken down.
	Live time.Duration
	Done func(file string, r Result) // is told of each test that was run, by several goroutines; nil: nobody is
}

// OpenOptions are what an exchange is told.
type OpenOptions struct {
	Start  time.Time
	Trace  func(clock.Clock) trace.Recorder // makes who listens, by the exchange's clock; nil: nobody does
	Log    *slog.Logger
	Change func(*engine.Options) // puts something else in place of a part; nil: nothing
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
	LeftOut  string        // why it was not played to its end; "": it was
	Failure  *Failure      // nil: all is well, or LeftOut
	Errors   []string      // that handlers raised, as they are printed
	Calls    []trace.Trace // the story of its calls, if it has failed, up to then
	Unsteady bool          // it failed, but not when it was run again
	Faults   int           // operations that were made to fail, each in a run of its own
	Broken   []Broken      // what came of some of them
}

// Broken is what a fault led to that it must not: a caller who is left alone, a call that never ends, a panic.
type Broken struct {
	Fault   string
	Failure *Failure
	Calls   []trace.Trace
}

// OK tells whether the test has passed.
func (r Result) OK() bool { return r.Failure == nil && len(r.Broken) == 0 && r.LeftOut == "" }

// Word says it in four letters.
func (r Result) Word() string {
	switch {
	case r.LeftOut != "":
		return "left"
	case r.OK():
		return "ok  "
	}
	return "FAIL"
}

// Count tells how many tests have passed and failed, files with errors among the latter, and how long they took virtually.
func (r *Report) Count() (passed, failed int, virtual time.Duration) {
	for _, f := range r.Files {
		if f.broken() {
			failed++
		}
		for _, t := range f.Results {
			virtual += t.Took
			switch {
			case t.OK():
				passed++
			case t.LeftOut == "":
				failed++
			}
		}
	}
	return passed, failed, virtual
}

// LeftOut is how many tests were not played to their end.
func (r *Report) LeftOut() (n int) {
	for _, f := range r.Files {
		for _, t := range f.Results {
			if t.LeftOut != "" {
				n++
			}
		}
	}
	return n
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
	whole := ctx
	if o.Live > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Live, errTooLong)
		defer cancel()
	}
	next := make(chan job)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range min(workers, max(1, len(jobs))) {
		wg.Go(func() {
			for j := range next {
				if o.Live > 0 && ctx.Err() != nil {
					report.Files[j.file].Results[j.test].LeftOut = "there was no time left for it (--limit)"
					continue
				}
				result, err := r.one(ctx, report.Files[j.file].Name, j.test)
				if err != nil {
					select {
					case errs <- err:
					default:
					}
					continue
				}
				report.Files[j.file].Results[j.test] = result
				if o.Done != nil {
					o.Done(report.Files[j.file].Name, result)
				}
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil && o.Live == 0 {
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
		return report, context.Cause(whole)
	}
}

// list finds out which tests a file has.
func (r *runner) list(ctx context.Context, file string) ([]scripts.Test, *diag.Problem, error) {
	t, err := r.open(ctx, attempt{file: file})
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
