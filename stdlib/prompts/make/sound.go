package main

import (
	"errors"
	"math"
)

// Levels are in dBFS: dB below a square wave of full scale, so a sine of full
// scale has an RMS of -3 dBFS.
const (
	rate        = 16000 // Hz, of every shipped sound
	speechLevel = -24.0 // dBFS, RMS of the parts where somebody speaks
	peakLevel   = -3.5  // dBFS, no sample above it
	toneLevel   = -18.0 // dBFS, RMS
	musicLevel  = -26.0 // dBFS, RMS

	frame      = rate / 100 // 10 ms, for finding where speech begins and ends
	lead       = rate * 40 / 1000
	trail      = rate * 90 / 1000
	pause      = rate * 350 / 1000 // between two sentences
	floorBelow = 38.0              // dB below the loudest frame, that is silence
)

// finish joins sentences into one prompt: each trimmed, pauses between, the
// band gently limited, the level set.
func finish(sentences [][]float64) ([]int16, error) {
	var out []float64
	for i, s := range sentences {
		s = bandLimit(s)
		from, to, ok := active(s)
		if !ok {
			return nil, errors.New("nothing was spoken")
		}
		if i > 0 {
			out = append(out, make([]float64, pause-lead-trail)...)
		}
		out = append(out, fade(around(s, from-lead, to+trail))...)
	}
	setLevel(out, speechLevel)
	return toPCM(out), nil
}

// active finds the first and the end of the last frame that is not silence.
func active(s []float64) (from, to int, ok bool) {
	levels := frames(s, frame)
	loudest := math.Inf(-1)
	for _, l := range levels {
		loudest = max(loudest, l)
	}
	from = -1
	for i, l := range levels {
		if l > loudest-floorBelow {
			if from < 0 {
				from = i * frame
			}
			to = (i + 1) * frame
		}
	}
	return from, to, from >= 0 && loudest > -80
}

// around copies s from one place to another, with silence where it has ended.
func around(s []float64, from, to int) []float64 {
	out := make([]float64, to-from)
	for i := range out {
		if at := from + i; at >= 0 && at < len(s) {
			out[i] = s[at]
		}
	}
	return out
}

// fade lets 10 ms at the start and 40 ms at the end come from and go to nothing.
func fade(s []float64) []float64 {
	in, out := rate/100, rate/25
	for i := 0; i < in && i < len(s); i++ {
		s[i] *= float64(i) / float64(in)
	}
	for i := 0; i < out && i < len(s); i++ {
		s[len(s)-1-i] *= float64(i) / float64(out)
	}
	return s
}

// setLevel scales s so that its active frames have the RMS wanted, or less
// where a peak would pass peakLevel.
func setLevel(s []float64, wanted float64) {
	gain := math.Pow(10, (wanted-activeLevel(s))/20)
	peak := 0.0
	for _, v := range s {
		peak = max(peak, math.Abs(v))
	}
	gain = min(gain, math.Pow(10, peakLevel/20)/peak)
	for i := range s {
		s[i] *= gain
	}
}

// activeLevel is the RMS, in dBFS, of the 20 ms frames within 25 dB of the loudest.
func activeLevel(s []float64) float64 {
	levels := frames(s, 2*frame)
	loudest := math.Inf(-1)
	for _, l := range levels {
		loudest = max(loudest, l)
	}
	sum, n := 0.0, 0
	for _, l := range levels {
		if l > loudest-25 {
			sum += math.Pow(10, l/10)
			n++
		}
	}
	return 10 * math.Log10(sum/float64(n))
}

// frames gives the RMS in dBFS of each stretch of n samples; a rest at the end
// counts as a stretch of its own.
func frames(s []float64, n int) []float64 {
	var levels []float64
	for len(s) > 0 {
		part := s[:min(n, len(s))]
		s = s[len(part):]
		levels = append(levels, rms(part))
	}
	return levels
}

func rms(s []float64) float64 {
	sum := 0.0
	for _, v := range s {
		sum += v * v
	}
	return 10 * math.Log10(sum/float64(len(s))+1e-12)
}

// bandLimit takes away rumble below 100 Hz and hiss above 7 kHz, 12 dB an octave.
func bandLimit(s []float64) []float64 {
	return biquad(biquad(s, 100, true), 7000, false)
}

// biquad is a Butterworth filter of second order: high pass or low pass at hertz.
func biquad(s []float64, hertz float64, high bool) []float64 {
	w := 2 * math.Pi * hertz / rate
	cos, alpha := math.Cos(w), math.Sin(w)/math.Sqrt2
	b0, b1 := (1-cos)/2, 1-cos
	if high {
		b0, b1 = (1+cos)/2, -(1 + cos)
	}
	a0, a1, a2 := 1+alpha, -2*cos, 1-alpha
	out := make([]float64, len(s))
	var x1, x2, y1, y2 float64
	for i, x := range s {
		y := (b0*x + b1*x1 + b0*x2 - a1*y1 - a2*y2) / a0
		x1, x2, y1, y2 = x, x1, y, y1
		out[i] = y
	}
	return out
}

func toFloat(pcm []int16) []float64 {
	out := make([]float64, len(pcm))
	for i, v := range pcm {
		out[i] = float64(v) / 32768
	}
	return out
}

func toPCM(s []float64) []int16 {
	out := make([]int16, len(s))
	for i, v := range s {
		out[i] = int16(math.Round(max(-1, min(32767.0/32768, v)) * 32768))
	}
	return out
}
