package media

import (
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// descriptors counts the open files of this process, where the system tells.
func descriptors(t *testing.T) int {
	t.Helper()
	dir := map[string]string{"linux": "/proc/self/fd", "darwin": "/dev/fd"}[runtime.GOOS]
	if dir == "" {
		return 0
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// After 500 sessions that did all there is to do, nothing is left: no goroutine, no
// descriptor, no port.
func TestNothingLeaks(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		before := goleak.IgnoreCurrent()
		e, err := New(Options{Driver: driver, Shards: 2})
		if err != nil {
			t.Fatal(err)
		}
		free, files := e.ports.left(), descriptors(t)
		clip := ramp(0, 80000)
		var recorders []*Recorder
		var players []*Player
		m := e.NewMixer()
		for range 50 {
			var sessions []*Session
			for i := range 10 {
				s, err := e.NewSession(SessionOptions{Bind: loopback})
				if err != nil {
					t.Fatal(err)
				}
				to := s.LocalAddr() // it talks to itself
				if err := s.SetFormat(Format{Remote: to, Codec: codec.PCMU, EventPayloadType: 101, Send: true, Receive: true}); err != nil {
					t.Fatal(err)
				}
				r := NewRecorder(RecordOptions{})
				s.Record(r)
				recorders = append(recorders, r)
				switch i % 4 {
				case 0:
					p := NewPlayer([]*Clip{clip}, PlayOptions{})
					s.Play(p)
					players = append(players, p)
				case 1:
					Bridge(s, sessions[0])
				case 2:
					m.Join(s, MemberOptions{})
				case 3:
					s.Echo()
				}
				sessions = append(sessions, s)
			}
			for _, s := range sessions {
				s.Close()
				s.Close()
			}
		}
		for _, r := range recorders {
			receive(t, r.Done())
		}
		for _, p := range players {
			receive(t, p.Done())
		}
		eventually(t, "no session is open", func() bool { return e.Stats().Sessions == 0 })
		if left := e.ports.left(); left != free {
			t.Errorf("%d ports of %d are free", left, free)
		}
		if now := descriptors(t); now > files {
			t.Errorf("%d files are open, %d were", now, files)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if n := len(m.members); n != 0 {
			t.Errorf("%d members are left", n)
		}
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}

// A shard that could not run for a while skips what nobody wants to hear late, and
// keeps every session's phase.
func TestStall(t *testing.T) {
	w := newWorld(t, Options{})
	w.e.epoch = w.e.epoch.Add(-5 * time.Second)
	phase := w.sh.tick % phases
	w.sh.catchUp()
	if w.sh.tick%phases != phase {
		t.Error("the phase has moved")
	}
	if late := w.sh.lateness(); late < (maxCatchUp-phases)*tickLength || late > (maxCatchUp+phases+100)*tickLength {
		t.Errorf("after a stall of 5 s, %v are caught up", late)
	}
	w.sh.catchUp()
	w.ticks(1)
	if s := w.e.Stats(); s.Stalls != 1 || s.WorstStall < 5*time.Second {
		t.Errorf("%d stalls, the worst %v", s.Stalls, s.WorstStall)
	}
}
