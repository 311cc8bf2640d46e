package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/workers"
)

var (
	_ workers.Runner = (*World)(nil)
	_ clock.Clock    = (*World)(nil)
)

// Several functions wake each other, wait for timers that come due together, and begin others: they do so in the same
// order, every time.
func TestOrderIsAlwaysTheSame(t *testing.T) {
	play := func() string {
		w := newWorld(t)
		defer w.Close()
		ctx := context.Background()
		var story []string
		waiters := make([]workers.Waiter, 5)
		for i := range waiters {
			waiters[i] = w.NewWaiter()
		}
		for i, wait := range waiters {
			w.Go(func() {
				for round := range 4 {
					story = append(story, fmt.Sprint(i, round, w.Now().Sub(start).Milliseconds()))
					waiters[(i+round)%5].Wake()
					w.AfterFunc(time.Duration(i%2)*time.Second, wait.Wake)
					wait.Wait(ctx, ctx)
				}
				w.Go(func() { story = append(story, fmt.Sprint(i, "ends")) })
			})
		}
		run(t, w)
		return strings.Join(story, ",")
	}
	first := play()
	if n := strings.Count(first, "ends"); n != 5 {
		t.Fatalf("%d of 5 came to their end: %s", n, first)
	}
	for range 1000 {
		if again := play(); again != first {
			t.Fatalf("another order:\n%s\n%s", first, again)
		}
	}
}

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Functions have their turns in the order in which they could go on, and one after the other need but one coroutine.
func TestTurns(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	var story []int
	for i := range 3 {
		place := w.NewWaiter()
		w.Go(func() {
			story = append(story, i)
			w.AfterFunc(time.Duration(3-i)*time.Second, place.Wake)
			place.Wait(ctx, ctx)
			story = append(story, i)
		})
	}
	run(t, w)
	if want := []int{0, 1, 2, 2, 1, 0}; !slices.Equal(story, want) {
		t.Errorf("%v, want %v", story, want)
	}
	made := len(w.all)
	for range 100 {
		w.Go(func() {})
		run(t, w)
	}
	if len(w.all) != made {
		t.Errorf("%d coroutines were made for functions that followed each other", len(w.all)-made)
	}
}

// Half an hour passes at once, each timer is served at its own time, and those of one moment in the order they were set.
func TestTimeJumps(t *testing.T) {
	w := newWorld(t)
	var story []string
	for i, after := range []time.Duration{30 * time.Minute, time.Second, 30 * time.Minute, 0} {
		w.AfterFunc(after, func() { story = append(story, fmt.Sprint(i, " ", w.Now().Sub(start))) })
	}
	stopped := w.AfterFunc(time.Minute, func() { story = append(story, "stopped") })
	moved := w.AfterFunc(time.Minute, func() { story = append(story, "moved") })
	if !stopped.Stop() || stopped.Stop() || !moved.Reset(2*time.Minute) {
		t.Error("Stop and Reset do not know what was set")
	}
	run(t, w)
	want := []string{"3 0s", "1 1s", "moved", "0 30m0s", "2 30m0s"}
	if !slices.Equal(story, want) {
		t.Errorf("%q, want %q", story, want)
	}
	if passed := w.Now().Sub(start); passed != time.Hour {
		t.Errorf("the clock has moved by %v", passed)
	}
}

// Run stops where it is told to, and moves the clock no further than it may.
func TestRunStops(t *testing.T) {
	w := newWorld(t)
	rang := 0
	for i := range 10 {
		w.AfterFunc(time.Duration(i)*time.Second, func() { rang++ })
	}
	if !w.Run(func() bool { return rang == 3 }, time.Minute) || w.Now() != start.Add(2*time.Second) {
		t.Errorf("after %d: %v", rang, w.Now())
	}
	if w.Run(func() bool { return false }, 2500*time.Millisecond) || rang != 5 || w.Now() != start.Add(4500*time.Millisecond) {
		t.Errorf("after %d: %v", rang, w.Now())
	}
	if w.Run(func() bool { return false }, 0) || rang != 5 {
		t.Error("time passed though it was not to")
	}
	if w.Run(func() bool { return false }, time.Hour) || rang != 10 || w.Now() != start.Add(9*time.Second) {
		t.Errorf("when nothing was left, after %d: %v", rang, w.Now())
	}
}

func TestContextEndsAWait(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	value := context.WithValue(ctx, struct{ string }{"of"}, "a call")
	var story []string
	wait := func(name string, a, b context.Context) {
		w.Go(func() {
			w.NewWaiter().Wait(a, b)
			story = append(story, name)
			w.NewWaiter().Wait(a, b) // at once
			story = append(story, name)
		})
	}
	wait("first", value, context.Background())
	wait("never", context.Background(), context.Background())
	wait("second", context.Background(), value)
	w.AfterFunc(time.Second, cancel)
	w.Run(nil, 999*time.Millisecond)
	if len(story) > 0 {
		t.Fatalf("%q before it ended", story)
	}
	w.Run(nil, time.Millisecond)
	if want := []string{"first", "first", "second", "second"}; !slices.Equal(story, want) {
		t.Errorf("%q, want %q", story, want)
	}
}

// A wake is kept for who waits next, one of them; a wait does not begin where another has ended.
func TestWakeIsKept(t *testing.T) {
	w := newWorld(t)
	place, ctx := w.NewWaiter(), context.Background()
	waits := 0
	w.Go(func() {
		for range 3 {
			place.Wait(ctx, ctx)
			waits++
		}
	})
	place.Wake()
	place.Wake()
	run(t, w)
	if waits != 1 {
		t.Errorf("two wakes before the first wait ended %d", waits)
	}
	place.Wake()
	run(t, w)
	if waits != 2 {
		t.Errorf("after another: %d", waits)
	}
}

func TestEndlessIsStopped(t *testing.T) {
	for name, begin := range map[string]func(w *World){
		"waits and is woken at the same instant": func(w *World) {
			w.Go(func() {
				for place, ctx := w.NewWaiter(), context.Background(); ; place.Wait(ctx, ctx) {
					place.Wake()
					w.Go(func() {})
				}
			})
		},
		"two wake each other": func(w *World) {
			places, ctx := [2]workers.Waiter{w.NewWaiter(), w.NewWaiter()}, context.Background()
			for i := range places {
				w.Go(func() {
					for {
						places[1-i].Wake()
						places[i].Wait(ctx, ctx)
					}
				})
			}
		},
		"a timer sets itself": func(w *World) {
			var again func()
			again = func() { w.AfterFunc(0, again) }
			again()
		},
		"there is always more to bring in": func(w *World) {
			w.BeforeJump(func() bool { return true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.MaxSteps = 1000
			begin(w)
			if w.Run(func() bool { return false }, time.Hour) {
				t.Error("it came to an end")
			}
			if err := w.Err(); !errors.Is(err, ErrEndless) {
				t.Errorf("the error is %v", err)
			}
			if w.Steps() != 1000 || w.Run(nil, time.Hour) || w.Steps() != 1000 {
				t.Errorf("%d steps", w.Steps())
			}
		})
	}
}

// What goes on for ever is named: its place is in the error.
func TestEndlessSaysWhere(t *testing.T) {
	w := newWorld(t)
	w.MaxSteps = 100
	w.Go(func() { turnInCircles(w) })
	run := w.Run(nil, time.Hour)
	if err := w.Err(); run || err == nil || !strings.Contains(err.Error(), "turnInCircles") {
		t.Errorf("the error is %v", err)
	}
}

func turnInCircles(w *World) {
	ctx := context.Background()
	for {
		place := w.NewWaiter()
		w.AfterFunc(0, place.Wake)
		place.Wait(ctx, ctx)
	}
}

func TestPanicIsReported(t *testing.T) {
	w := newWorld(t)
	w.Go(func() { panic("broken") })
	w.Go(func() { t.Error("something happened after it") })
	if w.Run(nil, time.Hour) {
		t.Error("Run is content")
	}
	if err := w.Err(); !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "TestPanicIsReported") {
		t.Errorf("the error is %v", err)
	}
}

// Close ends what waits, wherever it is: deferred functions are run, what recovers from panics is told of none, and
// nobody goes on. goleak sees that nothing is left.
func TestCloseEndsAll(t *testing.T) {
	w := NewWorld(start)
	ctx := context.Background()
	var story []string
	for i := range 3 {
		w.Go(func() {
			defer func() {
				story = append(story, fmt.Sprint("deferred ", i, " ", recover()))
				w.Go(func() { story = append(story, "began after the end") })
				w.NewWaiter().Wait(ctx, ctx)
				story = append(story, "waited after the end")
			}()
			w.NewWaiter().Wait(ctx, ctx)
			story = append(story, "went on")
		})
	}
	w.Go(func() {})                     // one that is idle
	w.Go(func() { w.Wait() })           // one that waits for the others
	w.AfterFunc(2*time.Hour, func() {}) // one that is to come
	tick := w.NewTimer(0)               // one with a channel
	w.Run(nil, time.Hour)
	w.Go(func() { story = append(story, "began") }) // one that has no turn any more
	w.Close()
	w.Close()
	w.Wait()
	if want := []string{"deferred 0 <nil>", "deferred 1 <nil>", "deferred 2 <nil>"}; !slices.Equal(story, want) {
		t.Errorf("%q, want %q", story, want)
	}
	<-tick.C()
	goleak.VerifyNone(t)
}

// Worlds that follow each other have the same coroutines; those that stood at the end of one are gone, and the Pool
// leaves none.
func TestPool(t *testing.T) {
	var p Pool
	ctx := context.Background()
	for i := range 10 {
		w := p.NewWorld(start)
		over := 0
		for range maxIdle + 10 {
			w.Go(func() {
				place := w.NewWaiter()
				w.AfterFunc(time.Second, place.Wake)
				place.Wait(ctx, ctx)
				over++
			})
		}
		w.Go(func() { w.NewWaiter().Wait(ctx, ctx) })
		run(t, w)
		w.Go(func() { over++ }) // too late
		before := len(p.idle)
		w.Close()
		if over != maxIdle+10 || len(p.idle) != maxIdle || i > 0 && before != 0 {
			t.Fatalf("%d came to their end; the pool has %d, had %d", over, len(p.idle), before)
		}
	}
	last := p.NewWorld(start)
	last.Go(func() {})
	run(t, last)
	p.Close()
	last.Close()
	goleak.VerifyNone(t)
}

// Wait returns when all else has, be it asked from outside or by a function.
func TestWait(t *testing.T) {
	w := newWorld(t)
	ctx, over := context.Background(), 0
	sleep := func() {
		place := w.NewWaiter()
		w.AfterFunc(time.Minute, place.Wake)
		place.Wait(ctx, ctx)
	}
	for range 3 {
		w.Go(func() { sleep(); over++ })
	}
	inside := [2]int{}
	for i := range inside {
		w.Go(func() { w.Wait(); inside[i] = over })
	}
	w.Wait()
	early := false
	w.Go(sleep)
	w.Go(func() { w.Wait(); early = true })
	if w.Run(nil, 59*time.Second); early {
		t.Error("who waited for one other did not")
	}
	if over != 3 || inside != [2]int{3, 3} {
		t.Errorf("%d of 3 were over, inside %v", over, inside)
	}
	w.Do(func() { over++ })
	if over != 4 {
		t.Error("Do did not")
	}
}

// Who is outside may wait too: things happen meanwhile.
func TestWaitOutside(t *testing.T) {
	w := newWorld(t)
	ctx, place := context.Background(), w.NewWaiter()
	w.AfterFunc(time.Minute, place.Wake)
	place.Wait(ctx, ctx)
	if w.Now() != start.Add(time.Minute) {
		t.Errorf("it is %v", w.Now())
	}
	ended, cancel := context.WithCancel(ctx)
	w.AfterFunc(time.Minute, cancel)
	place.Wait(ctx, ended)
	if w.Now() != start.Add(2*time.Minute) {
		t.Errorf("it is %v", w.Now())
	}
}

// What real goroutines still owe is brought in before the clock moves.
func TestBeforeJump(t *testing.T) {
	w := newWorld(t)
	var story []string
	owed := 2
	w.BeforeJump(func() bool {
		if owed == 0 {
			return false
		}
		owed--
		w.Go(func() { story = append(story, fmt.Sprint("owed at ", w.Now().Sub(start))) })
		return true
	})
	w.Go(func() { story = append(story, "first") })
	w.AfterFunc(time.Second, func() { story = append(story, "later"); owed++ })
	run(t, w)
	if want := []string{"first", "owed at 0s", "owed at 0s", "later", "owed at 1s"}; !slices.Equal(story, want) {
		t.Errorf("%q, want %q", story, want)
	}
}

func BenchmarkCoroutine(b *testing.B) {
	w := newWorld(b)
	w.MaxSteps = 1 << 40
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		place := w.NewWaiter()
		w.Go(func() { place.Wait(ctx, ctx) })
		w.Run(nil, 0)
		place.Wake()
		w.Run(nil, 0)
	}
}

func BenchmarkTimer(b *testing.B) {
	w := newWorld(b)
	w.MaxSteps = 1 << 40
	f := func() {}
	b.ReportAllocs()
	for b.Loop() {
		w.AfterFunc(time.Second, f)
		w.Run(nil, time.Second)
	}
}

// A World that does nothing but begin and end, with ten functions that wait.
func BenchmarkWorld(b *testing.B) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		w := NewWorld(start)
		for range 10 {
			place := w.NewWaiter()
			w.Go(func() { place.Wait(ctx, ctx) })
		}
		w.Run(nil, time.Second)
		w.Close()
	}
}
