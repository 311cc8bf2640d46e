package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// taken is what a recorder or one channel of a tape has written: how long voice and silence lasted, by turns, beginning
// with silence.
type taken struct {
	rate int
	runs []int // samples
}

func (k *taken) write(pcm []int16) error {
	for _, v := range pcm {
		if len(k.runs) == 0 || (len(k.runs)%2 == 0) != (v != 0) {
			k.runs = append(k.runs, 0)
			if len(k.runs) == 1 && v != 0 {
				k.runs = append(k.runs, 0)
			}
		}
		k.runs[len(k.runs)-1]++
	}
	return nil
}

// lasted is what was written in milliseconds.
func (k *taken) lasted() []int {
	ms := make([]int, len(k.runs))
	for i, n := range k.runs {
		ms[i] = n * 1000 / k.rate
	}
	return ms
}

func (r *rig) wrote(k *taken, want ...int) {
	r.Helper()
	got := k.lasted()
	if len(got) != len(want) {
		r.Errorf("silence and voice by turns, in ms: %v, want %v", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			r.Errorf("silence and voice by turns, in ms: %v, want %v", got, want)
			return
		}
	}
}

// A recording has what the telephone says, and ends when it has been silent for long enough, to the sample.
func TestRecorderEndsBySilence(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	k := taken{rate: 8000}
	var ended time.Duration
	rec := r.media.NewRecorder(media.RecordOptions{
		Write: k.write, Silence: 5 * time.Second, MaxLength: time.Minute, OnDone: func() { ended = r.Now().Sub(start) },
	})
	s.Record(rec)
	s.Record(rec) // serves once
	r.passes(time.Second)
	s.speak(7 * time.Second)
	r.passes(10 * time.Second)
	s.speak(1500 * time.Millisecond)
	s.speak(time.Second) // within what it says already
	r.passes(time.Hour)
	if ended != 17500*time.Millisecond || !isDone(rec) || rec.Reason() != media.Silent {
		t.Errorf("it ended after %v, %v", ended, rec.Reason())
	}
	if rec.Length() != ended || rec.TrailingSilence() != 5*time.Second || rec.Err() != nil {
		t.Errorf("length %v, silence %v, error %v", rec.Length(), rec.TrailingSilence(), rec.Err())
	}
	r.wrote(&k, 1000, 7000, 3000, 1500, 5000)
}

// A voice that is less loud than the threshold is silence.
func TestRecorderHasAThreshold(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	s.speak(time.Hour)
	rec := r.media.NewRecorder(media.RecordOptions{Silence: 5 * time.Second, Threshold: -10})
	s.Record(rec)
	r.passes(time.Minute)
	if rec.Reason() != media.Silent || rec.Length() != 5*time.Second {
		t.Errorf("%v, length %v", rec.Reason(), rec.Length())
	}
}

func TestRecorderEndsByLength(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	k := taken{rate: 8000}
	told := 0
	rec := r.media.NewRecorder(media.RecordOptions{
		Write: k.write, Silence: 2 * time.Second, MaxLength: 2999 * time.Millisecond, OnDone: func() { told++ },
	})
	s.speak(time.Hour)
	s.Record(rec)
	if r.Run(func() bool { return isDone(rec) }, time.Hour); r.Now() != start.Add(2999*time.Millisecond) {
		t.Errorf("it ended at %v", r.Now().Sub(start))
	}
	if rec.Reason() != media.MaxLength || rec.Length() != 2999*time.Millisecond || rec.TrailingSilence() != 0 || told != 1 {
		t.Errorf("%v, length %v, silence %v, told %d times", rec.Reason(), rec.Length(), rec.TrailingSilence(), told)
	}
	r.wrote(&k, 0, 2999)
	rec.Stop()
	if rec.Reason() != media.MaxLength || told != 1 {
		t.Error("it ended again")
	}
}

// Stop, and the session's end, leave nothing unwritten.
func TestRecorderIsStopped(t *testing.T) {
	for name, stop := range map[string]func(s *session, rec interface{ Stop() }){
		"by Stop":           func(_ *session, rec interface{ Stop() }) { rec.Stop() },
		"by the hang-up":    func(s *session, _ interface{ Stop() }) { s.Close() },
		"by the engine end": func(s *session, _ interface{ Stop() }) { _ = s.engine.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			s := r.session(nil)
			k := taken{rate: 16000}
			rec := r.media.NewRecorder(media.RecordOptions{Write: k.write, Rate: 16000})
			s.Record(rec)
			s.speak(time.Second)
			r.passes(1234 * time.Millisecond)
			if rec.Length() != 1234*time.Millisecond || rec.TrailingSilence() != 234*time.Millisecond {
				t.Errorf("length %v, silence %v", rec.Length(), rec.TrailingSilence())
			}
			stop(s, rec)
			r.passes(time.Minute)
			if !isDone(rec) || rec.Reason() != media.Stopped || rec.Length() != 1234*time.Millisecond {
				t.Errorf("done %v: %v, length %v", isDone(rec), rec.Reason(), rec.Length())
			}
			r.wrote(&k, 0, 1000, 234)
		})
	}
}

// One that never began is done when it is stopped; one that comes to a session that has ended is done at once.
func TestRecorderWithoutASession(t *testing.T) {
	r := newRig(t)
	told := 0
	never := r.media.NewRecorder(media.RecordOptions{OnDone: func() { told++ }})
	never.Stop()
	s := r.session(nil)
	s.Record(never)
	s.Close()
	late := r.media.NewRecorder(media.RecordOptions{OnDone: func() { told++ }})
	s.Record(late)
	if !isDone(never) || !isDone(late) || told != 2 || late.Reason() != media.Stopped || late.Length() != 0 {
		t.Errorf("done %v, %v; told %d times", isDone(never), isDone(late), told)
	}
}

func TestRecorderFails(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	full := errors.New("the disk is full")
	left := 10 // blocks
	rec := r.media.NewRecorder(media.RecordOptions{Write: func([]int16) error {
		if left--; left < 0 {
			return full
		}
		return nil
	}})
	s.Record(rec)
	if !r.Run(func() bool { return isDone(rec) }, time.Minute) {
		t.Fatal("it did not notice while the call lasted")
	}
	if rec.Reason() != media.Failed || !errors.Is(rec.Err(), full) || rec.Length() != 10*blockSize {
		t.Errorf("%v, %v, length %v", rec.Reason(), rec.Err(), rec.Length())
	}
}

// Who is held says nothing that arrives.
func TestRecorderHearsWhatArrives(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	k := taken{rate: 8000}
	rec := r.media.NewRecorder(media.RecordOptions{Write: k.write})
	s.Record(rec)
	s.speak(3 * time.Second)
	r.passes(time.Second)
	f := format()
	f.Receive = false
	_ = s.SetFormat(f)
	r.passes(time.Second)
	_ = s.SetFormat(format())
	r.passes(2 * time.Second)
	rec.Stop()
	r.wrote(&k, 0, 1000, 1000, 1000, 1000)
}

// A tape has what the party says and what it hears, each on its channel, wherever it is moved.
func TestTape(t *testing.T) {
	r := newRig(t)
	a, b, c := r.session(nil), r.session(nil), r.session(nil)
	left, right := taken{rate: 8000}, taken{rate: 8000}
	told := 0
	tape := r.media.NewTape(media.TapeOptions{OnDone: func() { told++ }, Write: func(l, rr []int16) error {
		if len(l) != len(rr) {
			t.Errorf("%d samples on the left, %d on the right", len(l), len(rr))
		}
		return errors.Join(left.write(l), right.write(rr))
	}})
	r.passes(time.Minute) // nothing is recorded before it is anywhere
	r.media.Bridge(a, b)
	tape.Move(a, false)
	a.speak(time.Second)
	r.passes(time.Second)
	b.speak(2 * time.Second)
	r.passes(2 * time.Second)
	a.Play(r.player(media.PlayOptions{}, clip("one", time.Second), clip("silence:1s", time.Second)))
	r.passes(3 * time.Second)
	a.Close() // the tape goes on in silence
	r.passes(time.Second)
	r.media.Bridge(b, c)
	tape.Move(b, true) // what b says was on the right
	b.speak(time.Second)
	r.passes(time.Second)
	c.speak(time.Second)
	r.passes(time.Second)
	tape.Move(nil, false)
	b.speak(time.Second)
	r.passes(time.Second)
	if err := tape.Stop(); err != nil || !isDone(tape) || told != 1 {
		t.Errorf("done %v, told %d times, error %v", isDone(tape), told, err)
	}
	tape.Move(c, false)
	r.passes(time.Minute)
	//              a says        a hears b   one, silence, nothing, b says; c; nowhere
	r.wrote(&left, 0, 1000, 7000, 1000, 1000)
	r.wrote(&right, 1000, 3000, 3000, 1000, 2000)
}

func TestTapeFails(t *testing.T) {
	r := newRig(t)
	full := errors.New("the disk is full")
	tape := r.media.NewTape(media.TapeOptions{Write: func(_, _ []int16) error { return full }})
	tape.Move(r.session(nil), false)
	if !r.Run(func() bool { return isDone(tape) }, time.Minute) || !errors.Is(tape.Stop(), full) {
		t.Errorf("done %v, %v", isDone(tape), tape.Stop())
	}
}

// Three minutes of a message, as a mailbox takes it.
func BenchmarkRecord(b *testing.B) {
	r := newRig(b)
	r.MaxSteps = 1 << 40
	s := r.session(nil)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		rec := r.media.NewRecorder(media.RecordOptions{
			Write: func(pcm []int16) error { n += len(pcm); return nil }, MaxLength: 3 * time.Minute,
		})
		s.speak(time.Hour)
		s.Record(rec)
		r.Run(func() bool { return isDone(rec) }, time.Hour)
	}
}

// A prompt of one clip, from Play to its end.
func BenchmarkPlay(b *testing.B) {
	r := newRig(b)
	r.MaxSteps = 1 << 40
	s := r.session(nil)
	clips := []*media.Clip{clip("one", time.Second)}
	b.ReportAllocs()
	for b.Loop() {
		p := r.media.NewPlayer(clips, media.PlayOptions{})
		s.Play(p)
		r.Run(nil, time.Second)
		s.story.all = s.story.all[:0]
	}
}
