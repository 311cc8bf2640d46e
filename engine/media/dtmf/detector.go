// Package dtmf hears the keys of a telephone in the sound of a call: the pairs of
// tones of ITU-T Q.23, within the limits of ITU-T Q.24.
package dtmf

import (
	"time"
)

const (
	// A tone of 40 ms is valid, one of 23 ms is not. The former fills 3 blocks.
	leastLength = 3.0 // blocks
	leastHits   = 3
	// A pause of 40 ms leaves 3 blocks empty; an interruption of 10 ms spoils 2.
	mostMisses = 2
)

const keys = "123A456B789C*0#D" // row by row

// Detector hears the keys in one stream of sound. It is not for concurrent use.
type Detector struct {
	decimator decimator
	raw       []int16 // the block being filled, at the stream's rate, after the samples the decimator looks back on
	filled    int
	spectrum  spectrum

	run   run
	press press
	ended [4]press // those over and not yet told
	count int
}

// A run is a key in one block after another.
type run struct {
	key       int
	hits      int       // blocks; 0: there is no run
	row, col  complex64 // how the phases of its tones went on, summed up
	before    float32   // power of its tones in the block before the first,
	first     float32   // in the first
	power     float32   // and in the latest
	length    float32   // how many blocks the tones filled before the latest
	lastShare float32   // and how much of that
}

// A press is a run that was accepted, and what came after it.
type press struct {
	run
	misses int     // blocks since the latest of the run
	tail   float32 // how much of the first of these had the tones
}

// New makes a detector for sound of 8000, 16000 or 48000 Hz.
func New(rate int) *Detector {
	d := &Detector{decimator: newDecimator(rate), spectrum: newSpectrum()}
	d.raw = make([]int16, d.decimator.history+block*d.decimator.factor)
	d.filled = d.decimator.history
	return d
}

// Hear takes the next sound, of any length, and tells of a press that is over: its
// key, 0 if there is none, and how long it was held, to within 10 ms. Every press is
// told once, some 30 ms after its end, when no interruption can explain the silence
// any more; where two are over by then, the later with the next call.
func (d *Detector) Hear(pcm []int16) (key byte, duration time.Duration) {
	for len(pcm) > 0 {
		n := copy(d.raw[d.filled:], pcm)
		pcm = pcm[n:]
		if d.filled += n; d.filled == len(d.raw) {
			d.spectrum.next()
			d.decimator.decimate(&d.spectrum.x, d.raw)
			d.filled = copy(d.raw, d.raw[len(d.raw)-d.decimator.history:])
			d.analyse()
		}
	}
	if d.count == 0 {
		return 0, 0
	}
	p := d.ended[0]
	copy(d.ended[:], d.ended[1:])
	d.count--
	return keys[p.key], time.Duration(p.length * float32(blockTime))
}

// analyse takes a block into the run and the press.
func (d *Detector) analyse() {
	s := &d.spectrum
	key, power := s.key()
	switch r := &d.run; {
	case key < 0:
		r.hits = 0
	case r.hits > 0 && key == r.key:
		row, col := s.advance(key)
		r.row, r.col = r.row+row, r.col+col
		r.extend(power, 1)
	default:
		*r = run{key: key, hits: 1, before: s.before.power(key), first: power, power: power}
	}

	p := &d.press
	if p.hits > 0 {
		if key == p.key {
			p.extend(power, p.misses+1)
			p.misses, p.tail = 0, 0
			return
		}
		if p.misses == 0 {
			p.tail = share(s.now.power(p.key), p.power)
		}
		if p.misses++; p.misses <= mostMisses {
			return
		}
		d.end()
	}
	if s.convinces(&d.run) {
		*p = press{run: d.run}
	}
}

// extend makes a run longer, by as many blocks. Each block's power is held against
// that of the one before, as a tone may slowly become weaker or stronger.
func (r *run) extend(power float32, blocks int) {
	if r.hits == 1 {
		r.length = share(r.before, power) + share(r.first, power)
		r.lastShare = 1
	} else {
		r.length += float32(blocks)
		r.lastShare = share(power, r.power)
	}
	r.hits += blocks
	r.power = power
}

// end keeps the press to be told, unless it was too short.
func (d *Detector) end() {
	p := &d.press
	if p.length += p.lastShare + p.tail; p.length >= leastLength && d.count < len(d.ended) {
		d.ended[d.count] = *p
		d.count++
	}
	*p = press{}
}
