package measure

import "math"

const (
	worstSegment = -10.0 // dB: a segment of any other sound
	bestSegment  = 35.0  // dB: what is better is not heard
)

// SegmentalSNR is how well got carries reference, in dB: the mean, over those
// segments of 20 ms in which the reference is louder than -50 dBFS, of the ratio of
// the reference's energy to the difference's, each held within -10 and 35. Got is
// aligned first, to a fraction of a sample, by the greatest cross-correlation.
//
// What of the reference is missing from got, at its ends too, counts as silence: a
// segment of 0 dB. What got has beyond the reference counts nothing. The figure knows
// waveforms, not ears: sound that is only louder, or goes on a sample later after a
// gap, scores as badly as noise. Use SpectralDistance for sound that was stretched.
// With no sound in the reference it is 35.
func SegmentalSNR(reference, got []int16, rate int) float64 {
	heard := aligned(reference, got)
	sum, n := 0.0, 0
	segment := rate / 50
	for at := 0; at+segment <= len(reference); at += segment {
		said := reference[at : at+segment]
		if Level(said) < silent {
			continue
		}
		difference := 0.0
		for i, v := range said {
			d := float64(v) - heard[at+i]
			difference += d * d
		}
		ratio := decibel(power(said) * float64(segment) / (difference + 1e-9))
		sum += min(max(ratio, worstSegment), bestSegment)
		n++
	}
	if n == 0 {
		return bestSegment
	}
	return sum / float64(n)
}

// Delay is how many samples later than in reference its sound is found in got, by
// the greatest cross-correlation, to about a hundredth of a sample. Less than 0:
// got lacks the reference's beginning. It is 0 where either is silent.
func Delay(reference, got []int16) float64 {
	delay, _ := correlate(reference, got)
	return delay
}

// aligned is got moved so that reference[i] belongs to element i; it has the
// reference's length at least.
func aligned(reference, got []int16) []float64 {
	delay, spectrum := correlate(reference, got)
	n := len(spectrum)
	for k := range spectrum {
		signed := k
		if k > n/2 {
			signed = k - n
		}
		sin, cos := math.Sincos(2 * math.Pi * float64(signed) * delay / float64(n))
		spectrum[k] *= complex(cos, sin)
	}
	inverse(spectrum)
	heard := make([]float64, len(reference))
	for i := range heard {
		heard[i] = real(spectrum[i])
	}
	return heard
}

// correlate finds the delay, and returns got's spectrum, with room for any delay
// that leaves the two an overlap.
func correlate(reference, got []int16) (delay float64, spectrum []complex128) {
	n := 64
	for n < len(reference)+len(got) {
		n *= 2
	}
	said, heard := spectrumOf(reference, n), spectrumOf(got, n)
	product := make([]complex128, n)
	for k := range product {
		product[k] = heard[k] * complex(real(said[k]), -imag(said[k]))
	}
	inverse(product)
	best := 0
	for i := range product {
		if real(product[i]) > real(product[best]) {
			best = i
		}
	}
	if real(product[best]) <= 1e-6 {
		return 0, heard
	}
	delay = summit(product, best)
	if best > len(got) {
		delay -= float64(n)
	}
	return delay, heard
}

// summit is where the correlation, which is band-limited, has its greatest value
// between its samples near best.
func summit(correlation []complex128, best int) float64 {
	const reach = 24
	n := len(correlation)
	at := func(x float64) float64 { // x in samples from best
		sum := 0.0
		for k := -reach; k <= reach; k++ {
			d := x - float64(k)
			sum += real(correlation[(best+k+n)%n]) * sinc(d) * (0.5 + 0.5*math.Cos(math.Pi*d/(reach+1)))
		}
		return sum
	}
	low, high := -1.0, 1.0
	for high-low > 0.002 {
		third := (high - low) / 3
		if at(low+third) < at(high-third) {
			low += third
		} else {
			high -= third
		}
	}
	return float64(best) + (low+high)/2
}

func sinc(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
