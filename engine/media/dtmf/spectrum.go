package dtmf

import (
	"math"
	"time"
)

const (
	rate      = 8000 // Hz, of the analysis
	block     = 80   // samples
	blockTime = 10 * time.Millisecond
)

// Limits of Q.24 table A-1, as AT&T has them where administrations differ, and the
// lines this detector draws between "must" and "must not".
const (
	// Tones 1.5 % off their frequency are valid, those 3.5 % off are not.
	mostOff = 0.023

	// The column's tone may be 4 dB stronger than the row's, or 8 dB weaker. 2.5 dB
	// more are for the block's edges and tones that are off.
	mostTwist  = 4.45
	leastTwist = 0.089

	// The tones may be as weak as -29 dBm0, -32 dBFS; this is -36 dBFS, A²/2 of
	// samples.
	weakest = 32768 * 32768 / 2 * 0.000251

	// At a signal-to-noise ratio of 15 dB the tones are 97 % of the power. Less is
	// found where they are off their frequency, and where they do not fill the block.
	leastShare = 0.65

	// And what is left without the two sines that fit best is 3 % of it. More may be
	// left of a tone that was clipped or is not quite steady; much more is of speech.
	mostRest = 0.08
)

// frequencies of Q.23 in Hz: four rows, four columns.
func frequencies() [8]float64 { return [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633} }

// phasors are the strength and phase of the eight tones in a block.
type phasors [8]complex64

// power of a key's two tones, in squared samples.
func (p *phasors) power(key int) float32 {
	return square(p[key/4]) + square(p[4+key%4])
}

func square(c complex64) float32 { return real(c)*real(c) + imag(c)*imag(c) }

// spectrum looks at one block after another.
type spectrum struct {
	x, past     [block]float32 // this block and the one before
	now, before phasors

	coefficient [8]float32      // of the Goertzel filters: 2 cos ω
	phase       [8]complex64    // e^-jω
	turn        [8]complex64    // what undoes a tone's turning in a block
	mostOff     [8]float32      // cosine of the widest angle it may be off after that
	leak        [8][8]complex64 // what of the second tone is found at the first
}

func newSpectrum() spectrum {
	var s spectrum
	for i, f := range frequencies() {
		angle := 2 * math.Pi * f / rate
		s.coefficient[i] = float32(2 * math.Cos(angle))
		s.phase[i] = unit(-angle)
		s.turn[i] = unit(-angle * block)
		// 1633 Hz and 3.5 % are 206° off, which looks like -154°.
		s.mostOff[i] = float32(math.Cos(min(angle*block*mostOff, 2.1)))
		for k, other := range frequencies() {
			turn := unit(angle - 2*math.Pi*other/rate)
			for at, n := complex64(1), 0; n < block; n++ {
				s.leak[i][k] += at / block
				at *= turn
			}
		}
	}
	return s
}

func unit(angle float64) complex64 {
	sin, cos := math.Sincos(angle)
	return complex(float32(cos), float32(sin))
}

// next makes room for the next block.
func (s *spectrum) next() { s.past, s.before = s.x, s.now }

// key is which key the block may be of, and the power of its tones; -1: of none.
func (s *spectrum) key() (key int, power float32) {
	var energy float32
	for _, v := range s.x {
		energy += v * v
	}
	if energy < weakest*block {
		s.now = phasors{}
		return -1, 0
	}
	s.goertzel(0)
	s.goertzel(4)
	row, col := strongest(s.now[:4]), strongest(s.now[4:])
	key = 4*row + col
	power = s.now.power(key)
	rowPower, colPower := square(s.alone(&s.now, row, 4+col)), square(s.alone(&s.now, 4+col, row))
	// A tone of amplitude A has a phasor of A·N/2 and an energy of A²·N/2.
	const scale = 2.0 / block
	switch {
	case power*scale < leastShare*energy,
		min(rowPower, colPower)*scale < weakest*block,
		colPower > mostTwist*rowPower,
		colPower < leastTwist*rowPower:
		return -1, 0
	}
	return key, power
}

// goertzel works out four of the phasors, of which the first is i. Four at once keep
// the processor busy where one would wait for itself.
func (s *spectrum) goertzel(i int) {
	c0, c1, c2, c3 := s.coefficient[i], s.coefficient[i+1], s.coefficient[i+2], s.coefficient[i+3]
	var a0, a1, a2, a3, b0, b1, b2, b3 float32
	for _, v := range s.x {
		a0, b0 = c0*a0+(v-b0), a0
		a1, b1 = c1*a1+(v-b1), a1
		a2, b2 = c2*a2+(v-b2), a2
		a3, b3 = c3*a3+(v-b3), a3
	}
	for k, ab := range [4][2]float32{{a0, b0}, {a1, b1}, {a2, b2}, {a3, b3}} {
		s.now[i+k] = complex(ab[0], 0) - s.phase[i+k]*complex(ab[1], 0)
	}
}

func strongest(p []complex64) int {
	best := 0
	for i := range p {
		if square(p[i]) > square(p[best]) {
			best = i
		}
	}
	return best
}

// advance is how the phases of a key's tones differ from what they would be, were
// their frequencies exact.
func (s *spectrum) advance(key int) (row, col complex64) {
	r, c := key/4, 4+key%4
	return s.advanceOf(r, c), s.advanceOf(c, r)
}

func (s *spectrum) advanceOf(one, other int) complex64 {
	before := s.alone(&s.before, one, other)
	return s.alone(&s.now, one, other) * complex(real(before), -imag(before)) * s.turn[one]
}

// alone is one tone's phasor without what of the other is found there. A tone beside
// one that is 8 dB stronger could not be judged otherwise.
func (s *spectrum) alone(p *phasors, one, other int) complex64 {
	return p[one] - s.leak[one][other]*p[other]
}

// convinces tells whether the blocks of a run are of two tones of the right
// frequencies, and of hardly anything else.
func (s *spectrum) convinces(r *run) bool {
	row, col := r.key/4, 4+r.key%4
	return r.hits >= leastHits && within(r.row, s.mostOff[row]) && within(r.col, s.mostOff[col]) &&
		s.rest(s.actual(row, r.row), s.actual(col, r.col)) < mostRest
}

// within tells whether the angle of c has at least that cosine.
func within(c complex64, cosine float32) bool {
	return float64(real(c)) >= float64(cosine)*math.Sqrt(float64(square(c)))
}

// actual is the frequency of a tone whose phase went on by advance more than the
// exact one's, in radians a sample.
func (s *spectrum) actual(i int, advance complex64) float64 {
	exact := math.Acos(float64(s.coefficient[i]) / 2)
	return exact + math.Atan2(float64(imag(advance)), float64(real(advance)))/block
}

// rest is what share of the energy of the block before is not two sines of these
// frequencies: what is left when the best of them are taken out, by Gram and Schmidt.
// That block is the last that is sure to be full of a tone that is no longer there.
func (s *spectrum) rest(row, col float64) float32 {
	var waves [4][block]float32
	draw(&waves[0], &waves[1], row)
	draw(&waves[2], &waves[3], col)
	x := s.past
	energy := dot(&x, &x)
	for i := range waves {
		for k := range i {
			remove(&waves[i], &waves[k])
		}
		remove(&x, &waves[i])
	}
	return dot(&x, &x) / energy
}

// draw makes a cosine and a sine.
func draw(cosine, sine *[block]float32, angle float64) {
	turn, at := unit(angle), complex64(1)
	for i := range cosine {
		cosine[i], sine[i] = real(at), imag(at)
		at *= turn
	}
}

// remove takes out of x what it has of wave.
func remove(x, wave *[block]float32) {
	much := dot(x, wave) / dot(wave, wave)
	for i, v := range wave {
		x[i] -= much * v
	}
}

func dot(a, b *[block]float32) float32 {
	sum := float32(0)
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// share is how much of a block had the tones, by their power in it and in a full one.
func share(power, full float32) float32 {
	return float32(min(1, math.Sqrt(float64(power/full))))
}
