package scripts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("never: " + what)
		}
	}
}

func startWatching(t *testing.T, h *Host) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Watch(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func version(n int) map[string]string {
	return map[string]string{"main.lua": fmt.Sprintf("extension(\"%d\", function(call) end)", n)}
}

// Files renamed over, folders swapped as a whole by a link, new folders: each becomes a generation.
func TestWatch(t *testing.T) {
	root := t.TempDir()
	for n := 1; n <= 2; n++ {
		dir := filepath.Join(root, fmt.Sprintf("..v%d", n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, dir, version(n))
	}
	link := filepath.Join(root, "site")
	if err := os.Symlink("..v1", link); err != nil {
		t.Fatal(err)
	}
	h, err := Open(Options{Dir: link})
	if err != nil {
		t.Fatal(err)
	}
	startWatching(t, h)

	// As configuration volumes do: a new link beside, renamed over the old one.
	if err := os.Symlink("..v2", link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	until(t, "the swapped folder is served", func() bool { return h.Generation() == 2 && h.Routes()[0].Pattern == "2" })

	write(t, link, map[string]string{"sub/more.lua": `extension("3", function(call) end)`})
	write(t, link, map[string]string{"main.lua": `require "sub.more"`})
	until(t, "a module in a new folder is served", func() bool { return h.Routes()[0].Pattern == "3" })

	write(t, link, map[string]string{"sub/more.lua": `extension("4", function(call) end)`})
	until(t, "a changed module in it is served", func() bool { return h.Routes()[0].Pattern == "4" })

	if err := os.Remove(filepath.Join(link, "sub", "more.lua")); err != nil {
		t.Fatal(err)
	}
	write(t, link, version(5))
	until(t, "the dialplan without it is served", func() bool { return h.Routes()[0].Pattern == "5" })
}

// Where no notification comes, looking every so often finds the change.
func TestPollFindsWhatNothingToldOf(t *testing.T) {
	c := clock.NewFake(time.Unix(0, 0))
	dir := site(t, version(1))
	h, err := Open(Options{Dir: dir, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.poll(ctx, nil) }()
	c.BlockUntil(1)
	write(t, dir, version(2))
	c.Advance(pollEvery)
	until(t, "the change is served", func() bool { return h.Generation() == 2 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// noted is a clock that tells how long its timers are set for.
type noted struct {
	*clock.Fake
	set chan time.Duration
}

type notedTimer struct {
	clock.Timer
	set chan time.Duration
}

// next tells, each time, whether a timer has been set for d.
func (n noted) next(d time.Duration) func() bool {
	return func() bool {
		select {
		case set := <-n.set:
			return set == d
		default:
			return false
		}
	}
}

func (n noted) NewTimer(d time.Duration) clock.Timer { return notedTimer{n.Fake.NewTimer(d), n.set} }

func (t notedTimer) Reset(d time.Duration) bool {
	was := t.Timer.Reset(d)
	t.set <- d
	return was
}

// A file that is saved is in force when the files have been left alone for one settling time, a tenth of the second that
// people are promised; the rest of it is for reading them. No looking every so often is needed.
func TestASavedFileIsInForceAfterOneSettlingTime(t *testing.T) {
	if settle*10 > time.Second {
		t.Errorf("files are left to settle for %v", settle)
	}
	c := noted{clock.NewFake(time.Unix(0, 0)), make(chan time.Duration, 100)}
	dir := site(t, version(1))
	h, err := Open(Options{Dir: dir, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	startWatching(t, h)
	c.BlockUntil(1)
	for n := 2; n < 5; n++ {
		write(t, dir, version(n))
		until(t, "the change is noticed", c.next(settle))
		if h.Generation() != n-1 {
			t.Fatal("it was read before it had settled")
		}
		c.Advance(settle)
		until(t, "the change is served", func() bool { return h.Generation() == n })
		until(t, "the watch goes on", c.next(pollEvery))
	}
	if spent := c.Now().Sub(time.Unix(0, 0)); spent != 3*settle {
		t.Errorf("three changes took %v to settle", spent)
	}
}
