package playout

import "math"

const reviewTime = 5 // frames, 100 ms

// control compares the delay there is with the one there should be. The delay is measured where it counts, at the
// packet that a frame needs last. Since packets are needed once a frame, that
// moves in steps of a frame (or a packet, if that is shorter), and what is
// left over of the last packet waits for nothing.
type control struct {
	frames int // of this review
	lead   int // the least of it, in samples: of the packet needed last
	spare  int // the least left over before a frame that needed a packet
	step   int // samples

	delay   int  // samples, as of the last review: how long what needs the least transit waits
	want    int  // samples to be put in, or, below 0, to be taken out
	patient bool // there is time until the next pause
	rest    int  // frames until the next change
	heard   int  // frames that were measured, up to learning
	loud    int  // mean amplitude of the loudest frames lately
	floor   int  // and of the quietest
}

func (c *control) begin() { c.frames, c.lead, c.spare = 0, math.MaxInt, math.MaxInt }

// needed notes that a frame which spare samples were left over for needed a packet of n samples.
func (c *control) needed(lead, spare, n, frame int) {
	c.lead, c.spare, c.step = min(c.lead, lead), min(c.spare, spare), min(n, frame)
}

// due counts a frame and tells whether to review.
func (c *control) due() bool {
	c.frames++
	return c.frames >= reviewTime
}

// review decides what there is to put in or take out.
func (c *control) review(target int) {
	if c.lead != math.MaxInt {
		c.delay = max(0, c.lead+c.spare)
		if short := target - c.lead; short > 0 {
			c.want = (short+c.step-1)/c.step*c.step - c.spare
			c.patient = false
		} else {
			surplus := max(0, -short-target/8) // the more jitter, the less a frame matters
			c.want = -surplus / c.step * c.step
			if c.want < 0 || c.spare >= c.step/2 {
				c.want -= c.spare
			}
			c.patient = -c.want < c.step+c.step/2
		}
	}
	c.begin()
}

// measure notes how loud a frame is.
func (c *control) measure(pcm []int16) {
	level := meanAmplitude(pcm)
	c.loud = max(level, c.loud-c.loud/64)
	if c.heard == 0 {
		c.floor = level
	}
	c.heard = min(c.heard+1, learning)
	c.floor = min(level, c.floor+c.floor/32+1)
}

// quiet tells whether pcm is a pause: 24 dB below what is loud.
func (c *control) quiet(pcm []int16) bool {
	level := meanAmplitude(pcm)
	return level <= 16 || level*16 < c.loud
}

func meanAmplitude(pcm []int16) int {
	sum := 0
	for _, v := range pcm {
		sum += max(int(v), -int(v))
	}
	return sum / max(1, len(pcm))
}

// alike is how alike two periods must be, for a change of want samples: the more there is to do, the
// less it is asked.
func (b *Buffer) alike() float64 {
	switch want := max(b.control.want, -b.control.want); {
	case want >= b.rate/8:
		return 0
	case want >= b.rate/25:
		return 0.4
	}
	return 0.7
}

// adjust puts a period into the frame of n samples that waits, or takes one out of it.
func (b *Buffer) adjust(n int) {
	c := &b.control
	if c.rest > 0 || c.want == 0 {
		c.rest = max(0, c.rest-1)
		return
	}
	least := b.rate / 400
	add := c.want > 0
	longest := min(n, b.sound.past, c.want+b.rate/100)
	if !add {
		longest = min(n/2, -c.want)
		if !b.queue.has(b.next) { // nothing comes after what waits
			longest = min(longest, b.sound.len()-n)
		}
	}
	if longest < least {
		return
	}
	frame := b.sound.waiting(n)
	quiet := c.quiet(frame)
	if c.patient && !quiet {
		return
	}
	by := longest
	if !quiet {
		by = b.sound.period(add, least, longest, b.rate, b.alike())
	}
	switch {
	case by == 0:
		return
	case add:
		b.sound.insert(by)
		c.want -= by
		b.samples.stretched += int64(by)
	default:
		b.sound.cut(by)
		c.want += by
		b.samples.compressed += int64(by)
	}
	c.begin() // what was measured is no longer so
	if max(c.want, -c.want) < b.rate/25 {
		c.rest = 2
	}
}
