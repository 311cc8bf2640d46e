// Package measure tells how well sound came through: it compares what was heard
// with what was said, looks a tone over, and makes speech to try things with. It is
// for tests and for the figures in the documents; nothing of it is fast.
//
// Levels are in dBFS: 0 is a sine of full scale (AES17), so 0 dBov is +3.01 dBFS
// and the 0 dBm0 of G.711 is -3.14 dBFS in A-law and -3.17 in µ-law.
package measure

import "math"

const (
	// fullScale is the power of a sine of full scale.
	fullScale = 32768 * 32768 / 2.0

	// silent, in dBFS: quieter than that, nothing was said. It is some 30 dB below
	// speech, and 10 dB above the noise G.711 makes of a quiet line.
	silent = -50.0

	// faintest is the level of no sound at all.
	faintest = -120.0
)

// Level is the root mean square of pcm in dBFS, at least -120.
func Level(pcm []int16) float64 {
	return decibel(power(pcm) / fullScale)
}

// ActiveLevel is the level of the parts of pcm in which something is said, in dBFS:
// of the segments of 20 ms not more than 25 dB below the loudest one. It is a
// simple stand-in for ITU-T P.56, from which it differs by 1 dB or so.
func ActiveLevel(pcm []int16, rate int) float64 {
	powers := make([]float64, 0, len(pcm)*50/rate)
	loudest := 0.0
	for n := rate / 50; len(pcm) >= n; pcm = pcm[n:] {
		powers = append(powers, power(pcm[:n]))
		loudest = max(loudest, powers[len(powers)-1])
	}
	sum, n := 0.0, 0
	for _, p := range powers {
		if p >= loudest/316 {
			sum += p
			n++
		}
	}
	return decibel(sum / float64(max(1, n)) / fullScale)
}

func power(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(1, len(pcm)))
}

// decibel is a ratio of powers in dB.
func decibel(ratio float64) float64 {
	return max(faintest, 10*math.Log10(ratio))
}
