// Package gain looks after loudness in conferences: it brings talkers to one level
// and keeps loud voices together within the range of a sample.
//
// Levels are in dBFS, 0 being a sine of full scale.
package gain

import "math"

const (
	fullScale = 32768 * 32768 / 2 // power of 0 dBFS

	wanted   = fullScale * 12.59e-3 // -19 dBFS: the active level of a talker
	tooLoud  = fullScale * 251.2e-3 // -6 dBFS: no frame leaves louder
	faintest = fullScale * 3.16e-6  // -55 dBFS: nothing fainter is speech that 12 dB would help
	noisiest = fullScale * 10.0e-6  // -50 dBFS: no noise is made louder than this

	most     = 4.0  // 12 dB, either way
	contrast = 10.0 // 10 dB: what stands out of the noise that much is speech

	// Time constants. Up is slow, or every breath would be lifted; down is quicker,
	// as loud hurts.
	averaging = 3.0                   // s of speech that make a level
	rise      = 3 / 20. * math.Ln10   // per s: 3 dB
	fall      = 10 / 20. * math.Ln10  // 10 dB
	forget    = 0.5 / 20. * math.Ln10 // where nobody speaks: 0.5 dB
	slots     = 8                     // of the noise's memory,
	slotTime  = 0.2                   // of this many s each
)

// Control is automatic gain for one talker: slowly, by 12 dB at most either way,
// towards an active speech level of -19 dBFS. Only what stands out of the noise moves
// it, and noise is not lifted above -50 dBFS. It is not for concurrent use.
type Control struct {
	frame   int            // samples of 20 ms
	second  float64        // samples
	level   float64        // power of the speech, lately
	heard   float64        // s of speech that level comes from
	gain    float64        // now
	quiet   [slots]float64 // the least power in each slot of time; noise is the least of them
	slot    int
	elapsed float64 // s of the present slot
}

// New makes a control for sound at rate, in Hz, with a gain of 1.
func New(rate int) *Control {
	c := &Control{frame: rate / 50, second: float64(rate), level: wanted, heard: 1, gain: 1}
	for i := range c.quiet {
		c.quiet[i] = math.MaxFloat64
	}
	return c
}

// Apply brings pcm, the talker's next sound, of any length, to the level, in place. It
// thinks in frames of 20 ms, so those are the best to give it.
func (c *Control) Apply(pcm []int16) {
	for len(pcm) > 0 {
		n := min(c.frame, len(pcm))
		c.apply(pcm[:n])
		pcm = pcm[n:]
	}
}

func (c *Control) apply(pcm []int16) {
	time := float64(len(pcm)) / c.second
	power := power(pcm)
	before := c.gain
	noise := c.noise(power, time)
	target := c.gain
	switch {
	case power > faintest && power > contrast*noise:
		c.heard = min(c.heard+time, averaging)
		c.level += (power - c.level) * time / c.heard
		target = min(max(math.Sqrt(wanted/c.level), 1/most), most)
	case c.gain > 1:
		target = max(1, c.gain*(1-forget*time))
	}
	target = min(target, max(1, math.Sqrt(noisiest/noise)))
	c.gain = min(max(target, c.gain*(1-fall*time)), c.gain*(1+rise*time))
	if power*c.gain*c.gain > tooLoud {
		c.gain = max(1/most, math.Sqrt(tooLoud/power))
	}
	amplify(pcm, before, c.gain)
}

// noise is the least power of a frame in the last 1.6 s: between syllables, that is
// the room's.
func (c *Control) noise(power, time float64) float64 {
	if c.elapsed += time; c.elapsed > slotTime {
		c.elapsed = 0
		c.slot = (c.slot + 1) % slots
		c.quiet[c.slot] = power
	}
	c.quiet[c.slot] = min(c.quiet[c.slot], power)
	least := c.quiet[0]
	for _, p := range c.quiet[1:] {
		least = min(least, p)
	}
	return least
}

// power is the mean square, of every other sample: that is enough to know a level by.
func power(pcm []int16) float64 {
	sum, n := int64(0), 0
	for i := 0; i < len(pcm); i += 2 {
		sum += int64(pcm[i]) * int64(pcm[i])
		n++
	}
	return float64(sum) / float64(n)
}

// amplify goes from one gain to the other in the first eighth of pcm, and on with that.
func amplify(pcm []int16, from, to float64) {
	if from == 1 && to == 1 {
		return
	}
	const one = 1 << 24 // of the gain in fixed point
	ramp := len(pcm) / 8
	gain := int64(from * one)
	step := (int64(to*one) - gain) / int64(max(1, ramp))
	for i, v := range pcm[:ramp] {
		gain += step
		pcm[i] = soft(int32(int64(v) * gain >> 24))
	}
	gain = int64(to * one)
	for i, v := range pcm[ramp:] {
		pcm[ramp+i] = soft(int32(int64(v) * gain >> 24))
	}
}
