package codec

import (
	"math"
	"math/rand/v2"
)

const (
	noiseRate  = 8000 // Hz: that of the clock of payload type 13, and of the noise the coefficients describe
	noiseBlock = noiseRate / 100
	noiseOrder = 16 // coefficients that are heeded; G.711 Appendix II, which they come from, has 10
)

// Noise makes comfort noise of what a peer says of the noise around it (RFC 3389): of a
// level, and of the shape of its spectrum if that is sent too. What it makes at 16 and
// 48 kHz is the same sound, which ends at 4 kHz. It is silent until it is told a level. It
// is not for concurrent use and allocates nothing after NewNoise.
type Noise struct {
	reflection [noiseOrder]float32 // k1, k2 …
	order      int                 // how many of them there are
	delayed    [noiseOrder]float32 // what the lattice filter sent backwards, a sample ago
	excitation float32             // what its input is to be multiplied with, for the level
	now        float32             // and is: it follows within some ms, so that nothing clicks
	random     uint32

	up    *Resampler
	block [noiseBlock]int16
	out   []int16 // a block at the rate that was asked for
	left  []int16 // what of it is not used yet
}

// NewNoise makes a generator of noise at 8000, 16000 or 48000 Hz.
func NewNoise(rate int) *Noise {
	return &Noise{
		random: rand.Uint32() | 1, // not the same for all: what is the same adds up in a conference
		up:     NewResampler(noiseRate, rate),
		out:    make([]int16, noiseBlock*rate/noiseRate),
	}
}

// Set takes the payload of a packet: a level in -dBov, 0 to 127 (0 dBov is a square wave of full
// scale), and one byte a coefficient. An empty one changes nothing; coefficients beyond the 16th
// are left out, which the RFC permits.
func (n *Noise) Set(payload []byte) {
	if len(payload) == 0 {
		return
	}
	rms := 32768 * math.Pow(10, -float64(payload[0]&0x7f)/20)
	order := min(len(payload)-1, noiseOrder)
	clear(n.reflection[order:])
	clear(n.delayed[order:])
	for i, v := range payload[1 : 1+order] {
		// Section 3.2. Nearer to 1, the filter would ring on and on.
		k := min(max(258*(float64(v)-127)/32768, -0.99), 0.99)
		n.reflection[i] = float32(k)
		rms *= math.Sqrt(1 - k*k) // what the filter makes louder
	}
	n.order = order
	n.excitation = float32(rms * math.Sqrt(3)) // of a uniform distribution from -1 to 1
}

// Fill makes the next samples, of any number.
func (n *Noise) Fill(pcm []int16) {
	for len(pcm) > 0 {
		if len(n.left) == 0 {
			n.make()
		}
		k := copy(pcm, n.left)
		pcm, n.left = pcm[k:], n.left[k:]
	}
}

// make makes a block: white noise through an all-pole lattice filter.
func (n *Noise) make() {
	reflection, delayed := n.reflection[:n.order], n.delayed[:n.order]
	for i := range n.block {
		// xorshift (Marsaglia, 2003): all 32 bits but zero, in turn.
		n.random ^= n.random << 13
		n.random ^= n.random >> 17
		n.random ^= n.random << 5
		n.now += (n.excitation - n.now) / 64 // 8 ms
		v := n.now * float32(int32(n.random)) / (1 << 31)
		for m := len(reflection) - 1; m >= 0; m-- {
			v -= reflection[m] * delayed[m]
			if m+1 < len(delayed) {
				delayed[m+1] = delayed[m] + reflection[m]*v
			}
		}
		if len(delayed) > 0 {
			delayed[0] = v
		}
		v = min(max(v, math.MinInt16), math.MaxInt16)
		n.block[i] = int16(int32(v+32768.5) - 32768) // to the nearest
	}
	n.up.Resample(n.out, n.block[:])
	n.left = n.out
}
