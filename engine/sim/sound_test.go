package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// rig is a World with sound.
type rig struct {
	testing.TB
	*World
	media *mediaEngine
}

func newRig(t testing.TB) *rig {
	w := newWorld(t)
	return &rig{t, w, newMedia(w)}
}

// format is that of a telephone that talks.
func format() media.Format {
	return media.Format{
		Remote: netip.MustParseAddrPort("198.51.100.1:40000"), Codec: codec.PCMA, PayloadType: 8,
		EventPayloadType: 101, Send: true, Receive: true,
	}
}

// session is that of a telephone that talks.
func (r *rig) session(digit func(media.Digit)) *session {
	s, err := r.media.NewSession(netip.Addr{}, nil, media.Events{Digit: digit})
	if err == nil {
		err = s.SetFormat(format())
	}
	if err != nil {
		r.Fatal(err)
	}
	return s.(*session)
}

// clip is a prompt of some length.
func clip(name string, d time.Duration) *media.Clip {
	return media.NewClip(8000, make([]int16, samplesIn(d, 8000))).Named(name)
}

// player plays clips; ended is called with how it went.
func (r *rig) player(o media.PlayOptions, clips ...*media.Clip) engine.Player {
	return r.media.NewPlayer(clips, o)
}

// passes lets d pass.
func (r *rig) passes(d time.Duration) {
	r.Helper()
	r.Run(nil, d)
	if err := r.Err(); err != nil {
		r.Fatal(err)
	}
}

// story is what a telephone has heard: names, from and to, in seconds since the beginning.
func (s *session) told() string {
	var all []string
	for _, h := range s.heard() {
		to := "…"
		if !h.Still {
			to = fmt.Sprint(h.To.Sub(start).Seconds())
		}
		all = append(all, fmt.Sprintf("%s %v-%s", h.Name, h.From.Sub(start).Seconds(), to))
	}
	return strings.Join(all, ", ")
}

func (r *rig) hears(s *session, want string) {
	r.Helper()
	if got := s.told(); got != want {
		r.Errorf("at %v: it has heard %q, want %q", r.Now().Sub(start), got, want)
	}
}

func isDone(d interface{ Done() <-chan struct{} }) bool {
	select {
	case <-d.Done():
		return true
	default:
		return false
	}
}

// Each clip is heard in its time, and the end is told of: Done is closed before OnDone is called.
func TestPlayerPlaysItsClips(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	var p engine.Player
	two, told := clip("two", time.Second), 0
	p = r.player(media.PlayOptions{OnDone: func() {
		told++
		if !isDone(p) {
			t.Error("OnDone was called while Done was open")
		}
	}}, clip("one", time.Second), clip("", 2*time.Second), clip("none", 0), two, two)
	s.Play(p)
	r.passes(1500 * time.Millisecond)
	r.hears(s, "one 0-1, recording 1-…")
	if p.Position() != 1500*time.Millisecond || p.Finished() || isDone(p) {
		t.Errorf("it is at %v", p.Position())
	}
	r.passes(time.Minute)
	r.hears(s, "one 0-1, recording 1-3, two 3-4, two 4-5")
	if p.Position() != 5*time.Second || !p.Finished() || !isDone(p) || told != 1 {
		t.Errorf("it ended at %v: finished %v, told %d times", p.Position(), p.Finished(), told)
	}
	if len(s.hearing()) != 0 {
		t.Errorf("it hears %v", s.hearing())
	}
	s.Play(r.player(media.PlayOptions{}, clip("never", time.Second)))
	silence := clip("silence:2s", time.Second)
	s.Play(r.player(media.PlayOptions{}, silence, silence, clip("three", time.Second))) // at the same moment
	r.passes(2 * time.Second)
	if all := s.heard(); len(all) != 6 || all[4].Name != "silence:2s" || all[4].To.Sub(all[4].From) != 2*time.Second {
		t.Errorf("it has heard %v", s.told())
	}
	r.passes(time.Minute)
	s.Play(p) // a player serves once
	r.passes(time.Minute)
	if told != 1 || len(s.hearing()) != 0 {
		t.Error("it played again")
	}
}

// A step is taken at each clip, so that who waits for a prompt goes on when it begins.
func TestRunStopsAtAClip(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	s.Play(r.player(media.PlayOptions{}, clip("one", time.Second), clip("two", time.Second)))
	two := func() bool { return slices.ContainsFunc(s.heard(), func(h Heard) bool { return h.Name == "two" }) }
	if !r.Run(two, time.Hour) || r.Now() != start.Add(time.Second) {
		t.Errorf("it is %v", r.Now().Sub(start))
	}
}

func TestStopEndsAPlayer(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	told := 0
	p := r.player(media.PlayOptions{OnDone: func() { told++ }}, clip("one", time.Minute))
	s.Play(p)
	r.passes(time.Second)
	p.Stop()
	p.Stop()
	r.passes(time.Second)
	if !isDone(p) || p.Finished() || told != 1 || p.Position() != time.Second {
		t.Errorf("done %v, finished %v, told %d times, at %v", isDone(p), p.Finished(), told, p.Position())
	}
	r.hears(s, "one 0-1")
	never := r.player(media.PlayOptions{OnDone: func() { told++ }}, clip("never", time.Minute))
	never.Stop()
	s.Play(never)
	r.passes(time.Second)
	if !isDone(never) || told != 2 {
		t.Error("one that nobody heard is not done when it is stopped")
	}
	r.hears(s, "one 0-1")
}

// Keys move within a prompt while it plays or is paused.
func TestSeekAndPause(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	p := r.player(media.PlayOptions{Start: 3 * time.Second}, clip("one", 2*time.Second), clip("two", 10*time.Second))
	s.Play(p)
	r.passes(time.Second) // at 4
	p.Pause()
	r.passes(time.Minute)
	if p.Position() != 4*time.Second || len(s.hearing()) != 0 {
		t.Errorf("paused: at %v, it hears %v", p.Position(), s.hearing())
	}
	p.Seek(-3 * time.Second)
	if p.Position() != time.Second {
		t.Errorf("after a seek while paused: at %v", p.Position())
	}
	p.Resume()
	r.passes(1500 * time.Millisecond)
	if p.Position() != 2500*time.Millisecond {
		t.Errorf("after it went on: at %v", p.Position())
	}
	p.Seek(-100 * time.Millisecond)
	r.passes(100 * time.Millisecond)
	r.hears(s, "two 0-1, one 61-62, two 62-62.5, two 62.5-…")
	p.Seek(-time.Hour)
	if p.Position() != 0 {
		t.Errorf("before the beginning: at %v", p.Position())
	}
	p.Pause()
	p.Seek(time.Hour)
	r.passes(0)
	if !p.Finished() || p.Position() != 12*time.Second {
		t.Errorf("beyond the end: at %v, finished %v", p.Position(), p.Finished())
	}
}

// A loop goes on until it is replaced, and costs nothing meanwhile.
func TestLoop(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	p := r.player(media.PlayOptions{Loop: true}, clip("tone:ringing", 3*time.Second))
	s.Play(p)
	before := r.Steps()
	r.passes(time.Hour + time.Second)
	if n := r.Steps() - before; n > 0 || isDone(p) || p.Position() != time.Second {
		t.Errorf("%d steps, done %v, at %v", n, isDone(p), p.Position())
	}
	p.Seek(-2 * time.Second)
	if p.Position() != 2*time.Second {
		t.Errorf("round the beginning: at %v", p.Position())
	}
	s.Silence()
	if !isDone(p) || p.Finished() {
		t.Error("it was not ended by silence")
	}
	several := r.player(media.PlayOptions{Loop: true}, clip("a", time.Second), clip("b", time.Second))
	s.Play(several)
	r.passes(3500 * time.Millisecond)
	if several.Position() != 1500*time.Millisecond || s.hearing()[0].Name != "b" {
		t.Errorf("of two: at %v, it hears %v", several.Position(), s.hearing())
	}
	nothing := r.player(media.PlayOptions{Loop: true}, clip("nothing", 0))
	s.Play(nothing)
	r.passes(time.Second)
	if !nothing.Finished() {
		t.Error("a loop of nothing has no end")
	}
}

// A player goes on where nothing may be sent, unheard; and a telephone that is held hears nothing.
func TestUnheard(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	s.Play(r.player(media.PlayOptions{}, clip("one", 10*time.Second)))
	r.passes(time.Second)
	held := format()
	held.Send = false
	_ = s.SetFormat(held)
	r.passes(2 * time.Second)
	_ = s.SetFormat(format())
	r.passes(time.Minute)
	r.hears(s, "one 0-1, one 3-10")
}

// What a session gets as its source ends what it had: a player, and a bridge for both.
func TestSourcesReplaceEachOther(t *testing.T) {
	r := newRig(t)
	a, b := r.session(nil), r.session(nil)
	p, q := r.player(media.PlayOptions{}, clip("p", time.Minute)), r.player(media.PlayOptions{}, clip("q", time.Minute))
	a.Play(p)
	r.passes(time.Second)
	r.media.Bridge(a, b)
	r.media.Bridge(b, a)
	if !isDone(p) || p.Finished() {
		t.Error("the bridge did not end the player")
	}
	if !slices.Equal(a.peers(), []*session{b}) || !slices.Equal(b.peers(), []*session{a}) {
		t.Errorf("bridged: %v, %v", a.peers(), b.peers())
	}
	r.passes(500 * time.Millisecond)
	r.media.Bridge(a, b)
	r.passes(500 * time.Millisecond)
	b.Play(q)
	if len(a.peers())+len(b.peers()) > 0 || len(a.hearing()) > 0 || len(b.hearing()) != 1 {
		t.Errorf("after Play: %v, %v", a.hearing(), b.hearing())
	}
	r.passes(time.Second)
	b.Echo()
	r.passes(time.Second)
	r.media.Bridge(a, b)
	r.passes(time.Second)
	a.Close()
	r.hears(a, "p 0-1, call 1-2, call 4-5")
	r.hears(b, "call 1-2, q 2-3, echo 3-4, call 4-5")
	r.media.Bridge(a, b)
	unheard := r.player(media.PlayOptions{}, clip("p", time.Minute))
	a.Play(unheard)
	if !isDone(unheard) || len(b.hearing()) > 0 || !errors.Is(a.SetFormat(format()), media.ErrClosed) {
		t.Error("a session that has ended goes on")
	}
}

// Who holds is not talked to.
func TestPeersHearEachOther(t *testing.T) {
	r := newRig(t)
	a, b := r.session(nil), r.session(nil)
	r.media.Bridge(a, b)
	f := format()
	f.Receive = false
	_ = b.SetFormat(f)
	if len(a.peers())+len(b.peers()) > 0 {
		t.Error("one that is not heard is talked to")
	}
}

// A player is where a real one would be, whatever keys have moved it.
func TestPositionsAreThoseOfARealPlayer(t *testing.T) {
	r := newRig(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		const sample = time.Second / 8000
		some := func(seconds int) time.Duration { return time.Duration(random.IntN(8000*seconds)) * sample }
		var clips []*media.Clip
		for range random.IntN(4) {
			clips = append(clips, clip("", some(3)))
		}
		o := media.PlayOptions{Loop: random.IntN(2) == 0, Start: some(6) - 2*time.Second}
		real, simulated := media.NewPlayer(clips, o), r.player(o, clips...)
		for i := range 20 {
			if real.Position() != simulated.Position() {
				t.Fatalf("%+v, after %d seeks: %v, a real one %v", o, i, simulated.Position(), real.Position())
			}
			by := some(6) - 3*time.Second
			real.Seek(by)
			simulated.Seek(by)
		}
	}
}
