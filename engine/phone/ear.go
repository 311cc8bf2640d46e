package phone

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// maxHeard is how long a phone listens; what comes later is neither kept nor recognised.
const maxHeard = 10 * time.Minute

// maxSounds bounds how many sounds are remembered of one call.
const maxSounds = 4096

// SoundKind says what a sound is.
type SoundKind string

// The sounds that a phone tells apart. Tones are those of the United Kingdom.
const (
	DialTone         SoundKind = "dial tone"
	RingingTone      SoundKind = "ringing tone"
	BusyTone         SoundKind = "busy tone"
	CongestionTone   SoundKind = "congestion tone"
	UnobtainableTone SoundKind = "unobtainable tone"
	Beep             SoundKind = "beep"  // a short pure tone
	Tone             SoundKind = "tone"  // a long one that is none of the above
	Voice            SoundKind = "voice" // speech, music: whatever is no tone
)

// Sound is one that was recognised. Times are since the phone began to hear.
type Sound struct {
	Kind       SoundKind
	Start, End time.Duration
	Frequency  int // Hz, of Beep and Tone
}

// Length is how long it lasted, or has lasted so far.
func (s Sound) Length() time.Duration { return s.End - s.Start }

func (s Sound) String() string {
	return fmt.Sprintf("%s %.1f-%.1f s", s.Kind, s.Start.Seconds(), s.End.Seconds())
}

// ear keeps and recognises what is heard. write is called by the recorder, in order.
type ear struct {
	tell func(s Sound, ended bool)
	rate int // of pcm, in Hz

	mu       sync.Mutex
	narrower *codec.Resampler // to the rate at which sounds are recognised; nil: it is the same
	narrow   []int16
	pcm      []int16
	listener listener
	namer    *namer        // nil: no sound is known
	changed  chan struct{} // closed and renewed with each new sound
}

func newEar(rate int, known *Sounds, tell func(Sound, bool)) *ear {
	e := &ear{tell: tell, rate: rate, changed: make(chan struct{})}
	if rate != sampleRate {
		e.narrower = codec.NewResampler(rate, sampleRate)
	}
	if known != nil {
		e.namer = newNamer(known)
		e.listener.noise = e.namer.frame
	}
	return e
}

func (e *ear) write(pcm []int16) error {
	e.mu.Lock()
	e.pcm = append(e.pcm, pcm...)
	if e.narrower != nil {
		e.narrow = slices.Grow(e.narrow[:0], len(pcm))[:len(pcm)]
		pcm = e.narrow[:e.narrower.Resample(e.narrow, pcm)]
	}
	if e.namer != nil {
		e.namer.hear(pcm)
	}
	e.listener.hear(pcm)
	e.report()
	return nil
}

// close ends the sounds that are still heard.
func (e *ear) close() {
	e.mu.Lock()
	e.listener.flush()
	e.report()
}

// report tells what is new and unlocks.
func (e *ear) report() {
	news := e.listener.takeNews()
	if len(news) > 0 {
		close(e.changed)
		e.changed = make(chan struct{})
	}
	e.mu.Unlock()
	for _, n := range news {
		e.tell(n.sound, n.ended)
	}
}

// find gives the first sound of a kind that was still heard after from, and what to wait for if there is none.
func (e *ear) find(kind SoundKind, from time.Duration) (Sound, bool, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.listener.all() {
		if s.Kind == kind && s.End > from {
			return s, true, nil
		}
	}
	return Sound{}, false, e.changed
}

func (e *ear) named() []Named {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.namer == nil {
		return nil
	}
	return e.namer.all()
}

// sounds are those that were recognised by their kind.
func (e *ear) sounds() []Sound {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.listener.all())
}

func (e *ear) length() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(len(e.pcm)) * time.Second / time.Duration(e.rate)
}

func (e *ear) hearing() *Hearing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &Hearing{Sounds: slices.Clone(e.listener.all()), rate: e.rate, pcm: slices.Clone(e.pcm)}
}

// Hearing is what a phone has heard of a call.
type Hearing struct {
	Sounds []Sound // in the order of their beginning
	rate   int     // of pcm, in Hz
	pcm    []int16
}

// Length is how much was heard, silence included.
func (h *Hearing) Length() time.Duration {
	return time.Duration(len(h.pcm)) * time.Second / time.Duration(h.rate)
}

// Clip is all of it, at Options.Rate.
func (h *Hearing) Clip() *media.Clip { return media.NewClip(h.rate, h.pcm) }

// Level is the mean level between two times, in dBFS (0: a square wave of full scale, silence: -96).
func (h *Hearing) Level(from, to time.Duration) float64 {
	at := func(d time.Duration) int { return int(d * time.Duration(h.rate) / time.Second) }
	begin := min(max(at(from), 0), len(h.pcm))
	end := min(max(at(to), begin), len(h.pcm))
	return level(h.pcm[begin:end])
}

// Has tells whether a kind of sound was heard.
func (h *Hearing) Has(kind SoundKind) bool {
	return slices.ContainsFunc(h.Sounds, func(s Sound) bool { return s.Kind == kind })
}

// Total is how long a kind of sound was heard in all.
func (h *Hearing) Total(kind SoundKind) (total time.Duration) {
	for _, s := range h.Sounds {
		if s.Kind == kind {
			total += s.Length()
		}
	}
	return total
}

// SpokenWithin tells whether a voice was heard in the last d.
func (h *Hearing) SpokenWithin(d time.Duration) bool {
	for _, s := range slices.Backward(h.Sounds) {
		if s.Kind == Voice {
			return s.End > h.Length()-d
		}
	}
	return false
}

// SaveWAV writes all that was heard.
func (h *Hearing) SaveWAV(w io.Writer) error { return media.WriteWAV(w, h.Clip()) }

// String lists the sounds.
func (h *Hearing) String() string {
	if len(h.Sounds) == 0 {
		return "nothing"
	}
	all := make([]string, len(h.Sounds))
	for i, s := range h.Sounds {
		all[i] = s.String()
	}
	return strings.Join(all, ", ")
}
