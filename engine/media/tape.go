package media

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// maxSkew is how far one channel of a tape may be ahead of the other before the other
// is made up with silence, in seconds. Both keep to the clock: one that is that far
// behind has come to nothing.
const maxSkew = 10

// TapeOptions say what a Tape does with what it hears.
type TapeOptions struct {
	// Write takes PCM of both channels, as much of the one as of the other; it must
	// not keep it. It is called by one goroutine at a time and may wait for a disk:
	// some five seconds are kept for it meanwhile. An error ends the tape.
	Write  func(left, right []int16) error
	Rate   int    // of the sound, in Hz: 8000, 16000 or 48000; 0: 8000
	OnDone func() // called once, when Done is closed; it must not wait
}

// Tape records a conversation in two channels: what one party says, and what that
// party hears. It can be moved from session to session, as a conversation is by
// transfers; while it is at none, or nobody speaks, there is silence on it. It is
// safe for concurrent use.
type Tape struct {
	opts     TapeOptions
	channels [2]*Recorder // left, right
	done     chan struct{}
	stopOnce sync.Once

	moving sync.Mutex // orders the moves
	at     *Session   // guarded by moving
	begun  bool       // likewise
	ended  bool       // likewise

	mu      sync.Mutex
	pending [2][]int16 // of a channel, not written yet: the other's are still to come
	length  int64      // samples written
	err     error
}

// NewTape makes a tape; Move starts it.
func NewTape(o TapeOptions) *Tape {
	if o.Rate == 0 {
		o.Rate = sampleRate
	}
	t := &Tape{opts: o, done: make(chan struct{})}
	for i := range t.channels {
		t.channels[i] = NewRecorder(RecordOptions{Rate: o.Rate, Write: func(pcm []int16) error { return t.take(i, pcm) }})
		t.channels[i].moves = true
	}
	return t
}

// Move brings the tape to a session; nil: to none. What is heard there is recorded
// on the left channel and what is sent there on the right, or the other way round.
func (t *Tape) Move(to *Session, swapped bool) {
	t.moving.Lock()
	defer t.moving.Unlock()
	if t.ended {
		return
	}
	if t.at != nil {
		t.at.untape(t.channels[0], t.channels[1])
	}
	t.at = to
	if to == nil {
		return
	}
	heard, sent := t.channels[0], t.channels[1]
	if swapped {
		heard, sent = sent, heard
	}
	first := !t.begun
	t.begun = true
	to.tape(heard, sent, first)
	if first {
		go t.watch()
	}
}

// watch ends the tape when one of its channels has ended by itself: its sound could not be written.
func (t *Tape) watch() {
	select {
	case <-t.channels[0].Done():
	case <-t.channels[1].Done():
	}
	_ = t.Stop()
}

// Stop ends the tape and returns when all that was heard has been written. The
// error is Write's.
func (t *Tape) Stop() error {
	t.stopOnce.Do(func() {
		t.moving.Lock()
		t.ended = true
		t.moving.Unlock()
		for _, r := range t.channels {
			r.Stop()
		}
		t.rest()
		close(t.done)
		if t.opts.OnDone != nil {
			t.opts.OnDone()
		}
	})
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Done is closed when the last sample has been written.
func (t *Tape) Done() <-chan struct{} { return t.done }

// Length is how much has been written.
func (t *Tape) Length() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(t.length) * time.Second / time.Duration(t.opts.Rate)
}

// take is told what has come on a channel, and writes what there is of both.
func (t *Tape) take(channel int, pcm []int16) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[channel] = append(t.pending[channel], pcm...)
	mine, other := &t.pending[channel], &t.pending[1-channel]
	if lead := len(*mine) - len(*other); lead > maxSkew*t.opts.Rate {
		*other = append(*other, make([]int16, lead)...)
	}
	return t.write(min(len(*mine), len(*other)))
}

// rest writes what one channel has more than the other.
func (t *Tape) rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := max(len(t.pending[0]), len(t.pending[1]))
	for i, p := range t.pending {
		t.pending[i] = append(p, make([]int16, n-len(p))...)
	}
	_ = t.write(n) // the error is kept
}

// write gives out n samples of each channel. t.mu is held.
func (t *Tape) write(n int) error {
	if t.err != nil || n == 0 {
		return t.err
	}
	if err := t.opts.Write(t.pending[0][:n], t.pending[1][:n]); err != nil {
		t.err = errors.Join(t.err, err)
		return t.err
	}
	t.length += int64(n)
	for i, p := range t.pending {
		t.pending[i] = p[:copy(p, p[n:])]
	}
	return nil
}

// What follows is the session's side.

// tape has one recorder hear what the session hears and another what it sends. They go on
// in a session that has ended already: the tape has silence then.
func (s *Session) tape(heard, sent *Recorder, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		heard.start()
		sent.start()
	}
	s.post(func() {
		if s.shard == nil {
			return // a panic has ended the session
		}
		heard.begin(s.shard.tick)
		sent.begin(s.shard.tick)
		s.recorders = append(s.recorders, heard)
		s.overheard = append(s.overheard, sent)
	})
}

// untape takes both recorders off.
func (s *Session) untape(a, b *Recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post(func() {
		theirs := func(r *Recorder) bool { return r == a || r == b }
		s.recorders = slices.DeleteFunc(s.recorders, theirs)
		s.overheard = slices.DeleteFunc(s.overheard, theirs)
	})
}

// overhear gives a finished packet to those who record what is sent.
func (s *Session) overhear(sh *shard, b []byte) {
	p, _, ok := parseRTP(b)
	if !ok {
		return
	}
	for _, r := range s.overheard {
		if p.payloadType == s.format.PayloadType {
			r.hear(&p, s.format.Codec, sh.tick)
		} else {
			r.pass(&p, sh.tick)
		}
	}
}

// marked tells recorders what time it is and leaves out those that have ended.
func marked(all []*Recorder, tick int64) []*Recorder {
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].mark(tick) {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}
