package media

import "github.com/belfry-pbx/belfry/engine/media/codec"

const (
	cushionSize   = 4096              // samples, a power of two: half a second
	cushionStart  = frameSamples      // how long the first sound waits
	cushionLimit  = 10 * frameSamples // beyond 200 ms late, it is a new beginning
	cushionReview = 100               // frames, 2 s, after which a cushion that is too thick gets thinner
	quietLevel    = 300               // peak below which a frame may go missing unheard
)

// cushion takes the jitter out of sound that is to be mixed: it is put in by
// timestamp and taken out by the clock. It is as thick as the packets' unevenness
// asks: late packets push it back by a frame, a surplus that lasts is cut out of a
// pause. That also makes up for clocks that run apart.
type cushion struct {
	ring   [cushionSize]int16 // by timestamp; silence where nothing is
	next   uint32             // timestamp of the sample to take next
	end    uint32             // after the newest sample
	synced bool
	ssrc   uint32
	empty  int32  // samples that passed since there was nothing left
	late   bool   // a packet came too late: wait a frame
	spare  uint32 // the least margin of this review, in samples
	frames int    // of this review
	pcm    [cushionSize / 4]int16
}

func (c *cushion) put(p *packet, from codec.Codec) {
	n := from.Decode(c.pcm[:], p.payload())
	ahead := int32(p.timestamp - c.next)
	if !c.synced || c.ssrc != p.ssrc || ahead < -cushionLimit || int(ahead)+n > cushionSize {
		c.restart(p)
		ahead = cushionStart
	}
	if ahead < 0 && -ahead <= c.empty {
		c.next, ahead = p.timestamp, 0 // nothing is lost by going back
	}
	c.empty = 0
	if ahead < 0 {
		c.late = true
		c.spare = 0
	} else {
		c.spare = min(c.spare, uint32(ahead))
	}
	for i, v := range c.pcm[:n] {
		if at := p.timestamp + uint32(i); int32(at-c.next) >= 0 {
			c.ring[at%cushionSize] = v
		}
	}
	if end := p.timestamp + uint32(n); int32(end-c.end) > 0 {
		c.end = end
	}
}

func (c *cushion) restart(p *packet) {
	clear(c.ring[:])
	c.synced, c.ssrc, c.late, c.empty = true, p.ssrc, false, 0
	c.next, c.end = p.timestamp-cushionStart, p.timestamp
	c.spare, c.frames = cushionSize, 0
}

// take moves the next frame to pcm, silence where nothing has come, and tells
// whether there is any sound in it.
func (c *cushion) take(pcm *[frameSamples]int16) bool {
	switch {
	case !c.synced:
		clear(pcm[:])
		return false
	case c.late:
		c.late = false
		clear(pcm[:])
		return false
	case int32(c.end-c.next) <= 0:
		c.next += frameSamples // time passes in silence too
		c.empty = min(c.empty+frameSamples, cushionLimit)
		clear(pcm[:])
		return false
	}
	sound := c.move(pcm)
	c.frames++
	if c.frames < cushionReview {
		return sound
	}
	if c.spare >= 2*frameSamples && c.spare < cushionSize {
		if peak(pcm[:]) > quietLevel && c.frames < 4*cushionReview {
			return sound // wait for a pause
		}
		sound = c.move(pcm) // instead of the frame just taken
	}
	c.spare, c.frames = cushionSize, 0
	return sound
}

func (c *cushion) move(pcm *[frameSamples]int16) bool {
	sound := false
	for i := range pcm {
		at := (c.next + uint32(i)) % cushionSize
		pcm[i] = c.ring[at]
		sound = sound || pcm[i] != 0
		c.ring[at] = 0
	}
	c.next += frameSamples
	return sound
}

func peak(pcm []int16) int32 {
	var top int32
	for _, v := range pcm {
		top = max(top, int32(v), -int32(v))
	}
	return top
}
