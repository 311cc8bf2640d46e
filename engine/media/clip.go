package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Clip is sound that does not change: 16-bit mono PCM, shared by all who play it.
// What playing needs, the sound at 8 kHz and encoded, is made once, when it is
// first wanted.
type Clip struct {
	rate int
	pcm  []int16

	narrowOnce sync.Once
	narrow     []int16 // at sampleRate

	encodeMu sync.Mutex
	encoded  [codec.Count]atomic.Pointer[[]byte]
}

// NewClip makes a clip of samples at a rate, in Hz, from 8000 to 48000. It keeps pcm.
func NewClip(rate int, pcm []int16) *Clip { return &Clip{rate: rate, pcm: pcm} }

// Duration is how long the clip plays.
func (c *Clip) Duration() time.Duration {
	if c.rate <= 0 {
		return 0
	}
	return time.Duration(len(c.pcm)) * time.Second / time.Duration(c.rate)
}

// Rate is the sampling rate, in Hz.
func (c *Clip) Rate() int { return c.rate }

// PCM is the sound itself: not to be written to.
func (c *Clip) PCM() []int16 { return c.pcm }

// Prepare makes what playing on such a codec needs, which otherwise happens when
// the clip is first played: a few milliseconds for each second of 48 kHz sound.
func (c *Clip) Prepare(to codec.Codec) {
	c.narrowband()
	if !to.Valid() || c.encoded[to].Load() != nil {
		return
	}
	c.encodeMu.Lock()
	defer c.encodeMu.Unlock()
	if c.encoded[to].Load() == nil {
		b := make([]byte, len(c.narrow))
		to.Encode(b, c.narrow)
		c.encoded[to].Store(&b)
	}
}

// narrowband is the sound at 8 kHz.
func (c *Clip) narrowband() []int16 {
	c.narrowOnce.Do(func() { c.narrow = codec.Resample(c.pcm, c.rate, sampleRate) })
	return c.narrow
}

// payload is the encoded sound, nil if it has not been prepared: it never waits.
func (c *Clip) payload(of codec.Codec) []byte {
	if b := c.encoded[of].Load(); b != nil {
		return *b
	}
	return nil
}
