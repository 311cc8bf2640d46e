package media

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Clip is sound that does not change: 16-bit mono PCM, shared by all who play it.
// What playing needs, the sound at the rate of who listens and, for G.711, encoded,
// is made once, when it is first wanted.
type Clip struct {
	name string
	rate int
	pcm  []int16

	at [len(rates)]struct {
		once sync.Once
		pcm  []int16
	}
	encodeMu sync.Mutex
	encoded  [codec.PCMA + 1]atomic.Pointer[[]byte]
}

// rates are those at which sound is played, mixed and recorded, in Hz.
var rates = [...]int{8000, 16000, 48000}

// NewClip makes a clip of samples at a rate, in Hz, from 8000 to 48000. It keeps pcm.
func NewClip(rate int, pcm []int16) *Clip { return &Clip{rate: rate, pcm: pcm} }

// Named gives the clip the name that it has in traces and tests, before anybody else has it, and returns it.
func (c *Clip) Named(name string) *Clip {
	c.name = name
	return c
}

// Name is that of the prompt, "vm-intro", "tone:busy" or "music/bells"; "": it is a recording.
func (c *Clip) Name() string { return c.name }

// Duration is how long the clip plays.
func (c *Clip) Duration() time.Duration {
	if c.rate <= 0 {
		return 0
	}
	return durationOf(int64(len(c.pcm)), c.rate)
}

// Rate is the sampling rate, in Hz.
func (c *Clip) Rate() int { return c.rate }

// PCM is the sound itself: not to be written to.
func (c *Clip) PCM() []int16 { return c.pcm }

// Prepare makes what playing on such a codec needs, which otherwise happens when
// the clip is first played: a few milliseconds for each second of 48 kHz sound.
func (c *Clip) Prepare(to codec.Codec) {
	if !to.Valid() {
		c.sound(sampleRate)
		return
	}
	c.sound(c.playingRate(to.SampleRate()))
	if to > codec.PCMA || c.encoded[to].Load() != nil {
		return
	}
	c.encodeMu.Lock()
	defer c.encodeMu.Unlock()
	if c.encoded[to].Load() == nil {
		narrow := c.sound(sampleRate)
		b := make([]byte, len(narrow))
		to.Encode(b, narrow)
		c.encoded[to].Store(&b)
	}
}

// playingRate is at which rate the clip is played to somebody who listens at another:
// sound above 16 kHz is not kept of a clip that never had it.
func (c *Clip) playingRate(listener int) int {
	if listener > 16000 && c.rate <= 16000 {
		return 16000
	}
	return listener
}

// sound is the clip at one of the rates. The first time it may take a while.
func (c *Clip) sound(rate int) []int16 {
	if rate == c.rate {
		return c.pcm
	}
	at := &c.at[slices.Index(rates[:], rate)]
	at.once.Do(func() { at.pcm = codec.Resample(c.pcm, c.rate, rate) })
	return at.pcm
}

// length is how many samples the clip has at a rate.
func (c *Clip) length(rate int) int64 {
	if c.rate <= 0 {
		return 0
	}
	return int64(len(c.pcm)) * int64(rate) / int64(c.rate)
}

// payload is the encoded sound, nil if it has not been prepared: it never waits.
func (c *Clip) payload(of codec.Codec) []byte {
	if b := c.encoded[of].Load(); b != nil {
		return *b
	}
	return nil
}

// durationOf is how long n samples last.
func durationOf(n int64, rate int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(rate)
}

// samplesIn is how many samples there are in d, rounded down.
func samplesIn(d time.Duration, rate int) int64 {
	return int64(d)/int64(time.Second)*int64(rate) + int64(d)%int64(time.Second)*int64(rate)/int64(time.Second)
}
