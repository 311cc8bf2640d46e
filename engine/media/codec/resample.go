package codec

import "math"

const (
	clipLobes  = 16   // of the kernel each side of its centre, in periods of the lower rate
	clipCutoff = 0.92 // of the lower rate's half: the band between is where the filter falls
	clipBeta   = 7.0  // of Kaiser's window: about 70 dB of stop band
	maxRatio   = 4096 // phases: keeps the kernel's table small
)

// Resample brings pcm from one rate to another, in Hz, through a low-pass filter
// that keeps out what the lower rate cannot hold (a polyphase windowed sinc, with
// no delay). It allocates the result; equal or senseless rates return pcm itself.
func Resample(pcm []int16, from, to int) []int16 {
	if from == to || from <= 0 || to <= 0 || len(pcm) == 0 {
		return pcm
	}
	divisor := gcd(from, to)
	up, down := to/divisor, from/divisor
	if up > maxRatio {
		return pcm
	}
	phases, reach := kernel(up, down, clipLobes, clipCutoff, clipBeta)
	out := make([]int16, int(int64(len(pcm))*int64(up)/int64(down)))
	for i := range out {
		at := i * down // in 1/up samples of the input
		first, taps := at/up-reach+1, phases[at%up]
		skip := max(0, -first)
		end := min(len(taps), len(pcm)-first)
		var sum float32
		if skip < end {
			window := pcm[first+skip : first+end]
			for k, tap := range taps[skip:end] {
				sum += tap * float32(window[k])
			}
		}
		out[i] = int16(min(max(math.Round(float64(sum)), math.MinInt16), math.MaxInt16))
	}
	return out
}

// kernel makes the filter for each of up positions between two input samples.
// Taps k of a phase belong to input samples centre-reach+1+k. It has so many lobes each side,
// its cutoff is relative to the lower rate's half, and beta is Kaiser's.
func kernel(up, down, lobes int, cutoff, beta float64) (phases [][]float32, reach int) {
	scale := min(1, float64(up)/float64(down)) // the lower rate over the input's
	reach = int(math.Ceil(float64(lobes) / scale))
	phases = make([][]float32, up)
	for p := range phases {
		taps, total := make([]float32, 2*reach), 0.0
		for k := range taps {
			x := float64(k-reach+1) - float64(p)/float64(up) // distance in input samples
			v := sinc(x*scale*cutoff) * kaiser(x/float64(reach), beta)
			taps[k] = float32(v)
			total += v
		}
		for k := range taps { // unity gain at 0 Hz in every phase
			taps[k] = float32(float64(taps[k]) / total)
		}
		phases[p] = taps
	}
	return phases, reach
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window at x, from -1 to 1.
func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
