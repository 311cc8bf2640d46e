package notify

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine/workers"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byHand runs what it was given when it is told to.
type byHand struct {
	workers.Runner
	given []func()
}

func (r *byHand) Go(f func()) { r.given = append(r.given, f) }

func (r *byHand) run() {
	for len(r.given) > 0 {
		f := r.given[0]
		r.given = r.given[1:]
		f()
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Changes are told in their order, each once to each, in the order in which they began to watch; what changes while they
// are being told is told after.
func TestOrder(t *testing.T) {
	r := &byHand{}
	n := New(r, quiet())
	n.Changed("nobody watches")
	var told []string
	var first func()
	first = n.Watch(func(key string) {
		told = append(told, "first "+key)
		if key == "b" {
			n.Changed("a")
			n.Changed("d")
		}
		if key == "d" {
			first()
			n.Changed("e")
		}
	})
	n.Watch(func(key string) { told = append(told, "second "+key) })
	for _, key := range []string{"b", "a", "c", "b"} {
		n.Changed(key)
	}
	if len(r.given) != 1 {
		t.Errorf("%d functions for changes at one time", len(r.given))
	}
	if len(told) > 0 {
		t.Errorf("told %q by whoever made the change", told)
	}
	r.run()
	want := "first b, second b, first a, second a, first c, second c, first d, second d, second e"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	n.Changed("f")
	n.Close()
	n.Changed("g")
	r.run()
	if len(told) != 9 {
		t.Errorf("after Close told %q", told[9:])
	}
}

// A watcher that panics costs nobody else a change.
func TestPanic(t *testing.T) {
	var said bytes.Buffer
	n := New(nil, slog.New(slog.NewTextHandler(&said, nil)))
	told := make(chan string, 10)
	n.Watch(func(string) { panic("its own fault") })
	n.Watch(func(key string) { told <- key })
	n.Changed("a")
	n.Changed("b")
	if got := []string{<-told, <-told}; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("told %q", got)
	}
	n.Close()
	if strings.Count(said.String(), "its own fault") != 2 {
		t.Errorf("the log says %s", said.String())
	}
}
