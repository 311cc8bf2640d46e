package dialtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// bounds are how long things may take.
type bounds struct {
	patience time.Duration // a verb waits so long
	longest  time.Duration // a test takes so long, by the exchange's clock
	wall     time.Duration // and so long by the one on the wall: the net under everything else
	hangup   time.Duration // after the test, calls have so long to end
}

// bounds are those of each test. In real time nobody waits for an hour.
func (o *Options) bounds() bounds {
	if limit := o.Live; limit > 0 {
		return bounds{patience: min(livePatience, limit), longest: limit, wall: limit, hangup: 10 * time.Second}
	}
	return bounds{patience: time.Hour, longest: 24 * time.Hour, wall: 10 * time.Second, hangup: time.Hour}
}

const livePatience = 100 * time.Second

// maxCalls is how many calls a test places.
const maxCalls = 1000

// slack is by how much a length of time may be off, beside what the test allows: in real time, nothing happens at once.
func (t *test) slack(d time.Duration) time.Duration {
	if t.run.Live == 0 {
		return 0
	}
	return 1500*time.Millisecond + d/10
}

// test is one test as it runs: what its t is.
type test struct {
	run     *runner
	ctx     context.Context
	attempt attempt
	x       Exchange // nil: closed
	host    *scripts.Host
	script  *scripts.TestScript

	used    bool          // something has been done: the clock can only go on
	began   time.Time     // or when the clock was set
	waited  time.Duration // in all
	calls   []*party
	phones  []*party
	found   map[string]bool // messages that has() has found
	failing []string        // parts of errors that handlers may raise
	errors  *errorLog
}

// Failure is why a test has failed.
type Failure struct {
	At       diag.Problem // where; its Message says what
	Expected string       // "" for what is not an expectation
	Seen     string
}

func (f *Failure) Error() string { return f.At.Error() }

// fail is that an expectation is not met: "the caller should hear x", "but heard y".
func (t *test) fail(a scripts.Args, expected, seen string) error {
	if t.x != nil && isLeftOut(t.x.Err()) {
		return t.x.Err()
	}
	at := a.Where()
	at.Message = expected + ", " + seen
	return &Failure{At: at, Expected: expected, Seen: strings.TrimPrefix(seen, "but ")}
}

// stopped is what ends a test whatever it waits for.
func (t *test) stopped(a scripts.Args) error {
	at := a.Where()
	switch err := t.x.Err(); {
	case isLeftOut(err):
		return err
	case err != nil:
		at.Message, at.Hint = t.broke("the test was stopped here", err)
	case t.ctx.Err() != nil && t.run.Live > 0:
		return &LeftOut{Why: "there was no time to end it (--limit)"}
	case t.ctx.Err() != nil:
		at.Message = fmt.Sprintf("the test was stopped here: it has run for %s by the wall clock", t.run.bounds().wall) + t.standing()
		if context.Cause(t.ctx) != errTooLong {
			at.Message = "the test was stopped here"
		}
	case t.waited > t.run.bounds().longest:
		at.Message = "the test was stopped here: it would take longer than a day"
		at.Hint = "does it wait in a loop? t:at sets the clock without waiting"
	default:
		return nil
	}
	return &Failure{At: at}
}

// standing names a call that never comes to an end; "": none stands.
func (t *test) standing() string {
	calls := t.engineCalls()
	if len(calls) == 0 {
		return ""
	}
	what := fmt.Sprintf(": the call from %s to %s never comes to an end", calls[0].From, calls[0].To)
	if at := calls[0].At; at != "" {
		what += ", and was at " + at
	}
	return what
}

// broke says why the exchange can't go on, in a line, and what more is known of it.
func (t *test) broke(what string, err error) (message, more string) {
	if calls := t.standing(); errors.Is(err, sim.ErrEndless) && calls != "" {
		return what + calls, ""
	}
	message, more, _ = strings.Cut(err.Error(), "\n")
	return what + ": " + message, more
}

// await lets time pass until something is so, or can no longer become so, or the limit is reached. ok tells whether it is so.
func (t *test) await(a scripts.Args, limit time.Duration, is func() bool, never func() bool) (ok bool, err error) {
	t.used = true
	before := t.x.Now()
	over := false
	until := func() bool {
		if ok = is(); ok {
			return true
		}
		over = never != nil && never() || t.ctx.Err() != nil
		return over
	}
	t.x.Run(until, min(limit, t.run.bounds().longest))
	t.waited += t.x.Now().Sub(before)
	if ok = ok || is(); ok {
		return true, nil
	}
	return false, t.stopped(a)
}

// pass lets time pass.
func (t *test) pass(a scripts.Args, d time.Duration) error {
	if deadline, ok := t.ctx.Deadline(); ok && t.run.Live > 0 && time.Until(deadline) < d {
		return &LeftOut{Why: "needs the simulator: it waits for " + short(d)}
	}
	end := t.x.Now().Add(d)
	if _, err := t.await(a, d, func() bool { return false }, nil); err != nil {
		return err
	}
	if left := end.Sub(t.x.Now()); left > 0 { // nothing is left to happen, but time passes all the same
		t.x.Run(nil, left)
		t.waited += left
	}
	return t.stopped(a)
}

// settle lets happen what is due now.
func (t *test) settle() { t.x.Run(func() bool { return t.ctx.Err() != nil }, 0) }

// expect waits for something, and fails if it does not come.
func (t *test) expect(a scripts.Args, is, never func() bool, expected string, seen func() string) (any, error) {
	ok, err := t.await(a, t.run.bounds().patience, is, never)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, t.fail(a, expected, seen())
	}
	return a.Self(), nil
}

// short is a length as it is written in tests: "36s", "1m30s".
func short(d time.Duration) string {
	d = d.Round(time.Millisecond)
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// quoted is a list of names as they are written in tests.
func quoted(names []string) string {
	if len(names) == 1 {
		return `"` + names[0] + `"`
	}
	return `"` + strings.Join(names, `", "`) + `"`
}
