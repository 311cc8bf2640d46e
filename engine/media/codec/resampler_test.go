package codec

import (
	"math"
	"testing"
)

var ratePairs = [][2]int{{8000, 16000}, {8000, 48000}, {16000, 8000}, {16000, 48000}, {48000, 8000}, {48000, 16000}}

// resampled is pcm at another rate, frame by frame.
func resampled(pcm []int16, from, to int) []int16 {
	r := NewResampler(from, to)
	var all []int16
	for frame := from / 50; len(pcm) >= frame; pcm = pcm[frame:] {
		out := make([]int16, frame*to/from)
		all = append(all, out[:r.Resample(out, pcm[:frame])]...)
	}
	return all
}

// split tells how loud a tone is in pcm and how loud all the rest, in dB relative to a sine of that amplitude.
func split(pcm []int16, rate int, hertz, amplitude float64) (tone, rest float64) {
	n := len(pcm) - len(pcm)%(rate/50) // whole periods of 50 Hz
	var re, im, all float64
	for i, v := range pcm[:n] {
		s, c := math.Sincos(2 * math.Pi * hertz * float64(i) / float64(rate))
		re, im, all = re+c*float64(v), im+s*float64(v), all+float64(v)*float64(v)
	}
	level := func(energy float64) float64 {
		return 10 * math.Log10(max(energy, 1e-9)/(float64(n)*amplitude*amplitude/2))
	}
	own := 2 * (re*re + im*im) / float64(n)
	return level(own), level(all - own)
}

func TestResamplerIsFlatAndMakesNoImages(t *testing.T) {
	const amplitude = 16000
	for _, pair := range ratePairs {
		from, to := pair[0], pair[1]
		low := min(from, to)
		flat := 3400.0
		if low == 16000 {
			flat = 7000
		}
		worst, loudest := 0.0, -200.0
		for hertz := 50.0; hertz < float64(from)/2; hertz += 50 {
			if hertz > flat && hertz < float64(low)-flat {
				continue // where the filter falls
			}
			out := resampled(sine(from, hertz, amplitude, 0.1), from, to)
			if len(out) != to/10 {
				t.Fatalf("%d to %d Hz: 100 ms became %d samples", from, to, len(out))
			}
			tone, rest := split(out[to/50:], to, hertz, amplitude)
			if hertz <= flat {
				worst, loudest = max(worst, math.Abs(tone)), max(loudest, rest)
			} else {
				loudest = max(loudest, level(out[to/100:], to, amplitude))
			}
		}
		t.Logf("%d to %d Hz: flat within %.3f dB to %.0f Hz, all else at %.1f dB or less", from, to, worst, flat, loudest)
		if worst > 0.5 || loudest > -60 {
			t.Errorf("%d to %d Hz: flat within %.2f dB to %.0f Hz, and something at %.1f dB", from, to, worst, flat, loudest)
		}
	}
}

func TestResamplerInFramesOfAnyLength(t *testing.T) {
	for _, pair := range ratePairs {
		from, to := pair[0], pair[1]
		pcm := sounds(from)["speech"][:from]
		whole, pieces := make([]int16, to), make([]int16, 0, to)
		if n := NewResampler(from, to).Resample(whole, pcm); n != to {
			t.Fatalf("%d to %d Hz: a second became %d samples", from, to, n)
		}
		r := NewResampler(from, to)
		for n := 6; len(pieces) < to; n = (n+54)%1500 + 6 {
			n -= n % 6
			at := len(pieces) * from / to
			out := make([]int16, 6*1600)
			pieces = append(pieces, out[:r.Resample(out, pcm[at:min(at+n, from)])]...)
		}
		if i := firstDifference(whole, pieces); i >= 0 {
			t.Errorf("%d to %d Hz: sample %d is %d, in pieces %d", from, to, i, whole[i], pieces[i])
		}
		if similarity(whole[to/100:], whole[:to-to/100]) > 0.999 {
			t.Errorf("%d to %d Hz: no speech came out", from, to)
		}
	}
}

func TestResamplerDelay(t *testing.T) {
	for _, pair := range ratePairs {
		from, to := pair[0], pair[1]
		pcm := make([]int16, from/10)
		pcm[0] = 20000
		peak, out := 0, resampled(pcm, from, to)
		for i, v := range out {
			if v > out[peak] {
				peak = i
			}
		}
		limit := 2000
		if min(from, to) == 16000 {
			limit = 1000
		}
		if delay := peak * 1000000 / to; delay > limit || delay == 0 {
			t.Errorf("%d to %d Hz delays by %d µs", from, to, delay)
		}
	}
}

func TestResamplerLimits(t *testing.T) {
	for _, pair := range ratePairs {
		from, to := pair[0], pair[1]
		pcm := make([]int16, from)
		for i := range pcm {
			pcm[i] = math.MaxInt16
			if i*200/from%2 == 0 {
				pcm[i] = math.MinInt16
			}
		}
		delay := to / 500
		for i, v := range resampled(pcm, from, to)[delay:] {
			if at := i * 200 % to; at > to/2 && at < to*3/4 && (v > 0) != (i*200/to%2 == 1) {
				t.Fatalf("%d to %d Hz: sample %d of a full-scale square wave is %d", from, to, i, v)
			}
		}
		r, out := NewResampler(from, to), make([]int16, 960)
		if n := testing.AllocsPerRun(10, func() { r.Resample(out, pcm[:from/50]) }); n != 0 {
			t.Errorf("%d to %d Hz: %v allocations", from, to, n)
		}
	}
}

func TestResamplerOfEqualRatesCopies(t *testing.T) {
	out := make([]int16, 3)
	if n := NewResampler(16000, 16000).Resample(out, []int16{1, 2, 3}); n != 3 || out[2] != 3 {
		t.Errorf("%d samples: %v", n, out)
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, c := range []struct {
		name     string
		from, to int
	}{{"8to48", 8000, 48000}, {"8to16", 8000, 16000}, {"16to48", 16000, 48000}, {"48to8", 48000, 8000}, {"48to16", 48000, 16000}, {"16to8", 16000, 8000}} {
		b.Run(c.name, func(b *testing.B) {
			r := NewResampler(c.from, c.to)
			src, dst := sine(c.from, 1000, 10000, 0.02), make([]int16, 960)
			b.ReportAllocs()
			for b.Loop() {
				r.Resample(dst, src)
			}
		})
	}
}
