package sim

import (
	"math"
	"slices"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
)

// tape records a conversation: what one party says, and what that party hears. It has a voice on each channel while
// anything sounds there.
type tape struct {
	opts    media.TapeOptions
	done    chan struct{}
	at      *session // nil: it is nowhere
	swapped bool
	begun   bool
	over    bool
	err     error

	out   writer
	loud  [2]bool // left, right: since the last note
	timer *timer  // when there is something to be written
}

func newTape(w *World, o media.TapeOptions) *tape {
	return &tape{opts: o, done: make(chan struct{}), out: writer{world: w, rate: rateOf(o.Rate)}}
}

// Done implements engine.Tape.
func (t *tape) Done() <-chan struct{} { return t.done }

// Move implements engine.Tape.
func (t *tape) Move(to engine.Session, swapped bool) {
	if t.over {
		return
	}
	t.leave()
	t.at, _ = to.(*session)
	t.swapped = swapped
	if t.at == nil {
		t.hear(false, false)
		return
	}
	if !t.begun {
		t.begun = true
		t.out.begin()
	}
	t.at.tapes = append(t.at.tapes, t)
	t.at.refresh()
	t.arm()
}

func (t *tape) leave() {
	if t.at != nil {
		t.at.tapes = slices.DeleteFunc(t.at.tapes, func(other *tape) bool { return other == t })
		t.at = nil
	}
}

// hear tells the tape whether there is any sound from now on: said by the party, and heard.
func (t *tape) hear(said, heard bool) {
	t.note()
	if t.loud = [2]bool{said, heard}; t.swapped {
		t.loud = [2]bool{heard, said}
	}
}

// note writes what there has been since the last note. An error ends the tape.
func (t *tape) note() {
	if !t.begun || t.over {
		return
	}
	t.err = t.out.write(t.out.due(), func(n int64) error {
		return t.opts.Write(t.out.sound(t.loud[0], n), t.out.sound(t.loud[1], n))
	})
	if t.err != nil {
		t.end()
	}
}

func (t *tape) arm() {
	if !t.over {
		t.timer = t.out.arm(t.timer, math.MaxInt64, func() { t.note(); t.arm() })
	}
}

// Stop implements engine.Tape.
func (t *tape) Stop() error {
	t.note()
	t.end()
	return t.err
}

func (t *tape) end() {
	if t.over {
		return
	}
	t.over = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.leave()
	close(t.done)
	if t.opts.OnDone != nil {
		t.opts.OnDone()
	}
}
