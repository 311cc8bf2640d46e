package media

import (
	"errors"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// taping is a tape whose two channels a test looks at.
type taping struct {
	*Tape
	left, right taken
}

func newTaping() *taping {
	k := &taping{}
	k.Tape = NewTape(TapeOptions{Write: func(left, right []int16) error {
		_ = k.left.write(left)
		return k.right.write(right)
	}})
	return k
}

// tell has each of some phones say one tone for n frames; a frequency of 0 says nothing.
func tell(w *world, n int, says map[*phone]float64) {
	payload := make([]byte, frameSamples)
	for i := range n {
		sent := 0
		for p, hz := range says {
			if hz == 0 {
				continue
			}
			p.codec.Encode(payload, tone(hz, 8000, i*frameSamples, frameSamples))
			p.says(payload)
			sent++
		}
		w.arrived(sent)
		w.frames(1)
	}
}

// between is what a channel has from one time to another.
func between(pcm []int16, from, to time.Duration) []int16 {
	return pcm[from*sampleRate/time.Second : to*sampleRate/time.Second]
}

func wantOnTape(t *testing.T, what string, pcm []int16, hz float64) {
	t.Helper()
	if hz == 0 {
		if p := peak(pcm); p > 8 {
			t.Errorf("%s: a peak of %d, want silence", what, p)
		}
		return
	}
	if d := decibels(amplitude(pcm, hz), 8000); d < -3 || d > 1 {
		t.Errorf("%s: %v Hz at %.1f dB", what, hz, d)
	}
}

func TestATapeHasBothSidesInStep(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMA, nil)
	Bridge(a.session, b.session)
	w.commands()
	k := newTaping()
	k.Move(a.session, false)
	w.commands()
	tell(w, 50, map[*phone]float64{a: 400})           // the first second
	tell(w, 50, map[*phone]float64{b: 700})           // the second
	tell(w, 50, nil)                                  // the third
	tell(w, 50, map[*phone]float64{a: 1000, b: 1300}) // the fourth
	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	left, right := k.left.all(), k.right.all()
	if n := len(left); n != len(right) || n < 31500 || n > 32500 {
		t.Fatalf("%d and %d samples of four seconds", n, len(right))
	}
	for i, want := range [][2]float64{{400, 0}, {0, 700}, {0, 0}, {1000, 1300}} {
		from := time.Duration(i)*time.Second + 100*time.Millisecond
		wantOnTape(t, "left", between(left, from, from+800*time.Millisecond), want[0])
		wantOnTape(t, "right", between(right, from, from+800*time.Millisecond), want[1])
	}
}

// What is moved to the other party's session has the voices where they were.
func TestAMovedTapeGoesOn(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	w.commands()
	k := newTaping()
	k.Move(a.session, false)
	w.commands()
	tell(w, 50, map[*phone]float64{a: 400, b: 700})
	k.Move(b.session, true)
	w.commands()
	a.session.Close()
	tell(w, 25, nil)
	c := newPhone(t, w.e, SessionOptions{}, codec.PCMA, nil)
	Bridge(b.session, c.session)
	w.commands()
	tell(w, 50, map[*phone]float64{b: 700, c: 1000})
	b.session.Close() // the tape outlives it
	tell(w, 25, nil)
	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	left, right := k.left.all(), k.right.all()
	wantOnTape(t, "left at first", between(left, 100*time.Millisecond, 900*time.Millisecond), 400)
	wantOnTape(t, "right at first", between(right, 100*time.Millisecond, 900*time.Millisecond), 700)
	wantOnTape(t, "left after the move", between(left, 1600*time.Millisecond, 2400*time.Millisecond), 1000)
	wantOnTape(t, "right after the move", between(right, 1600*time.Millisecond, 2400*time.Millisecond), 700)
}

func TestATapeThatCannotBeWrittenEnds(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	full := errors.New("no space left on device")
	k := NewTape(TapeOptions{Write: func(_, _ []int16) error { return full }})
	k.Move(a.session, false)
	w.commands()
	w.frames(20)
	receive(t, k.Done())
	if err := k.Stop(); !errors.Is(err, full) {
		t.Error(err)
	}
	k.Move(a.session, true) // too late: nothing happens
	w.ticks(2)
	if n := len(a.session.recorders) + len(a.session.overheard); n != 0 {
		t.Errorf("%d recorders are left on the session", n)
	}
}

func TestATapeThatNeverBegan(t *testing.T) {
	if err := NewTape(TapeOptions{Write: func(_, _ []int16) error { return nil }}).Stop(); err != nil {
		t.Error(err)
	}
}
