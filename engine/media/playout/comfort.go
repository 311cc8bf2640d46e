package playout

import (
	"math"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// How long a pause is filled with noise.
const (
	agreedNoise = time.Minute     // that the sender described, or its codec goes on with
	learntNoise = 5 * time.Second // as was heard behind the speech: the sender may be gone

	learning    = 20 // reviews of sound, 2 s, after which what is behind the speech is known
	loudestRest = 45 // -dBov: what is louder is no background
	faintest    = 78 // -dBov: what is fainter is not heard
)

// comfort is what pauses sound like: as the sender says (RFC 3389), as its decoder goes on after discontinuous
// transmission (Opus), or as what was heard between words.
type comfort struct {
	noise   *codec.Noise // nil until there is a pause
	left    int          // samples to be made
	decoder bool         // the decoder makes them
}

// describe takes an RFC 3389 payload.
func (b *Buffer) describe(payload []byte) {
	c := &b.comfort
	if c.noise == nil {
		c.noise = codec.NewNoise(b.rate)
	}
	c.noise.Set(payload)
	c.left, c.decoder = b.samplesOf(agreedNoise), false
}

// pause begins a pause that nothing is known of.
func (b *Buffer) pause() {
	b.idle = true
	if b.comfort.left = 0; b.control.heard < learning || b.control.floor == 0 {
		return
	}
	const meanOfNoise = 1.25 // root mean square over mean amplitude, of noise
	level := int(20 * math.Log10(32768/(meanOfNoise*float64(b.control.floor))))
	if level > faintest {
		return
	}
	b.describe([]byte{byte(max(level, loudestRest))})
	b.comfort.left = b.samplesOf(learntNoise)
}

// rest adds n samples of a pause, or a few more.
func (b *Buffer) rest(n int) {
	c := &b.comfort
	switch {
	case c.left <= 0:
		clear(b.sound.room(n))
		b.kind = Silence
	case c.decoder:
		n = b.span(n)
		b.dec.Conceal(b.sound.room(n))
		b.kind = Noise
	default:
		c.noise.Fill(b.sound.room(n))
		b.kind = Noise
	}
	c.left -= n
	b.sound.add(n)
}
