package dtmf

// A decimator brings a block of sound to 8000 Hz. It only keeps what would be
// mirrored onto the tones, 650 to 1700 Hz, 30 dB down; the rest of the band is as it may.
type decimator struct {
	factor  int
	history int       // samples before the block that it looks back on
	taps    []float32 // history+1 of them
}

func newDecimator(from int) decimator {
	// From 16 to 8 kHz: a half-band filter.
	taps, factor := []float32{-1. / 32, 0, 9. / 32, 16. / 32, 9. / 32, 0, -1. / 32}, 2
	switch from {
	case 48000: // to 16 kHz by twice the mean of three, and on by the half-band filter
		taps, factor = convolve(spread(taps, 3), []float32{1. / 9, 2. / 9, 3. / 9, 2. / 9, 1. / 9}), 6
	case 16000:
	default:
		taps, factor = []float32{1}, 1
	}
	return decimator{factor: factor, history: len(taps) - 1, taps: taps}
}

// spread puts n-1 zeros between the taps: the same filter at n times the rate.
func spread(taps []float32, n int) []float32 {
	wide := make([]float32, (len(taps)-1)*n+1)
	for i, v := range taps {
		wide[i*n] = v
	}
	return wide
}

func convolve(a, b []float32) []float32 {
	c := make([]float32, len(a)+len(b)-1)
	for i, v := range a {
		for j, w := range b {
			c[i+j] += v * w
		}
	}
	return c
}

// decimate makes a block of raw, which begins with the history.
func (d *decimator) decimate(x *[block]float32, raw []int16) {
	if d.factor == 1 {
		for i := range x {
			x[i] = float32(raw[i])
		}
		return
	}
	for i := range x {
		sum := float32(0)
		for k, v := range raw[i*d.factor:][:len(d.taps)] {
			sum += d.taps[k] * float32(v)
		}
		x[i] = sum
	}
}
