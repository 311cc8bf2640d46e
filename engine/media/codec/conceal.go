package codec

import "math"

const aheadRoom = qmfHistory // samples: more is not asked for

// A concealer guesses what was lost from what was heard before, at any rate: ITU-T G.711 Appendix I. The
// last pitch period is said again and again, after 10 ms the last two, after 20 ms the
// last three; from 10 ms on it grows quieter, and after 60 ms it is silent. Unlike
// there, nothing is delayed: the joint where a gap begins is smoothed inside the gap.
type concealer struct {
	rate int     // Hz
	ring []int16 // what was heard or said last
	at   int     // where the ring's oldest sample is

	// While something is missing:
	missing int     // samples said so far
	history []int16 // the ring as it was when the gap began, in order
	period  int     // of the pitch, in samples
	loop    []int16 // what is repeated: the last periods of history, its end blended so that it leads to its beginning
	next    int     // of loop
	fading  []int16 // what goes on from before, while the loop takes over
	faded   int     // how many of fading are over
	made    []int16 // ahead of being said, in room
	room    [aheadRoom]int16
}

func newConcealer(rate int) *concealer {
	longest := rate * 15 / 1000
	reach := 3*longest + longest/4 // 48.75 ms: three periods, and a quarter to blend with
	return &concealer{
		rate:    rate,
		ring:    make([]int16, reach),
		history: make([]int16, reach),
		loop:    make([]int16, 0, reach),
		fading:  make([]int16, 0, longest/4),
	}
}

// heard takes what was decoded. After a gap its beginning is blended with what the gap would have said, in place.
func (c *concealer) heard(pcm []int16) {
	if c.missing > 0 {
		// A quarter of a period, and 4 ms for each 10 ms of gap, but 10 ms at most.
		n := min(c.period/4+4*c.missing/10, c.rate/100, len(pcm))
		for i, v := range pcm[:n] {
			pcm[i] = blend(c.say(), v, i+1, n+1)
		}
		c.missing, c.made = 0, nil
	}
	c.keep(pcm)
}

// conceal fills pcm with what probably was missed.
func (c *concealer) conceal(pcm []int16) {
	for i := range pcm {
		pcm[i] = c.say()
	}
	c.keep(pcm)
}

// keep writes pcm into the ring.
func (c *concealer) keep(pcm []int16) {
	if len(pcm) > len(c.ring) {
		pcm = pcm[len(pcm)-len(c.ring):]
	}
	n := copy(c.ring[c.at:], pcm)
	c.at += n
	if n < len(pcm) || c.at == len(c.ring) {
		c.at = copy(c.ring, pcm[n:])
	}
}

// say gives the next sample of a gap.
func (c *concealer) say() int16 {
	if len(c.made) == 0 {
		return c.sample()
	}
	v := c.made[0]
	c.made = c.made[1:]
	return v
}

// ahead is what will be said next, if the gap goes on. n is at most aheadRoom.
func (c *concealer) ahead(n int) []int16 {
	c.made = c.room[:copy(c.room[:], c.made)]
	for len(c.made) < n {
		c.made = append(c.made, c.sample())
	}
	return c.made
}

// sample makes a sample of a gap.
func (c *concealer) sample() int16 {
	ten := c.rate / 100
	span, into := c.missing/ten, c.missing%ten
	if span >= 6 {
		return 0
	}
	if into == 0 {
		switch span {
		case 0:
			c.begin()
		case 1, 2:
			c.repeat(span + 1)
		}
	}
	c.missing++
	v := c.step()
	if c.faded < len(c.fading) {
		c.faded++
		v = blend(c.fading[c.faded-1], v, c.faded, len(c.fading)+1)
	}
	if span > 0 { // a fifth quieter every 10 ms
		v = int16(int(v) * (6*ten - c.missing) / (5 * ten))
	}
	return v
}

// step is the next sample of the loop.
func (c *concealer) step() int16 {
	v := c.loop[c.next]
	if c.next++; c.next == len(c.loop) {
		c.next = 0
	}
	return v
}

// begin looks at what was heard and prepares to say its last period again.
func (c *concealer) begin() {
	n := copy(c.history, c.ring[c.at:])
	copy(c.history[n:], c.ring[:c.at])
	c.period = pitch(c.history, c.rate)
	c.loop, c.fading, c.next = c.loop[:0], c.fading[:0], 0
	c.repeat(1)
	// The loop begins a period ago, at another height than where the sound broke off: that much fades away.
	end := len(c.history) - 1
	jump := int32(c.history[end]) - int32(c.history[end-c.period])
	c.fading, c.faded = c.fading[:c.period/4], 0
	for i := range c.fading {
		c.fading[i] = int16(saturate(int32(c.loop[i]) + jump))
	}
}

// repeat makes a loop of the last n periods and goes over to it, in phase, within a quarter of a period.
func (c *concealer) repeat(n int) {
	quarter := c.period / 4
	if len(c.loop) > 0 {
		next := c.next
		c.fading, c.faded = c.fading[:quarter], 0
		for i := range c.fading {
			c.fading[i] = c.step()
		}
		c.next = next % c.period
	}
	c.loop = append(c.loop[:0], c.history[len(c.history)-n*c.period:]...)
	end := c.loop[len(c.loop)-quarter:]
	before := c.history[len(c.history)-n*c.period-quarter:]
	for i := range end {
		end[i] = blend(end[i], before[i], i+1, quarter+1)
	}
}

// pitch is the period of the sound at x's end, in samples: where it is most like itself 5 to 15 ms earlier, by
// normalised cross-correlation over 20 ms, first at 4 kHz and then around what was found.
func pitch(x []int16, rate int) int {
	const coarse = 4000
	shortest, longest, step := rate/200, rate*15/1000, rate/coarse
	best, likeness := shortest, math.Inf(-1)
	for lag := shortest; lag <= longest; lag += step {
		if l := correlation(x, lag, rate/50, step); l > likeness {
			best, likeness = lag, l
		}
	}
	first, last := max(shortest, best-step+1), min(longest, best+step-1)
	likeness = math.Inf(-1)
	for lag := first; lag <= last; lag++ {
		if l := correlation(x, lag, rate/50, max(1, step/4)); l > likeness {
			best, likeness = lag, l
		}
	}
	return best
}

// correlation compares every step-th of the last n samples with those lag earlier.
func correlation(x []int16, lag, n, step int) float64 {
	now, then := x[len(x)-n:], x[len(x)-n-lag:]
	var product, energy float32
	for i := 0; i < len(now); i += step {
		a, b := float32(now[i]), float32(then[i])
		product += a * b
		energy += b * b
	}
	return float64(product) / math.Sqrt(max(float64(energy), 1))
}

// blend is a way of part/whole from one sample to the other.
func blend(from, to int16, part, whole int) int16 {
	return int16((int(from)*(whole-part) + int(to)*part) / whole)
}
