package measure

import (
	"math"
	"math/cmplx"
	"slices"
	"time"
)

// ToneReport is what Tone found.
type ToneReport struct {
	Level          float64       // of the tone, dBFS: of a typical 100 ms
	THDN           float64       // all that is not the tone against the tone, dB: of a typical 100 ms, so that gaps do not count
	FrequencyError float64       // Hz above what was asked for
	Start          time.Duration // when it begins
	Length         time.Duration // from its beginning to its end
	Gaps           int           // how often it was half as strong or less for 1 ms or longer
	LongestGap     time.Duration
	Jumps          int // how often its phase leapt by more than a twelfth of a period, gaps aside: sound left out, put in or repeated
}

// Tone looks over a steady tone of hz, in a recording that may have silence at
// both ends. It should be there for half a second or longer, from 300 Hz to 0.45 of
// the rate. A tone with a whole number of periods in 20 ms hides lost packets:
// 1013 Hz does not. With no tone the Level is -120 and all else zero.
func Tone(pcm []int16, rate int, hz float64) ToneReport {
	none := ToneReport{Level: faintest}
	// A moving average of a few whole periods, 2 ms or longer, leaves of the
	// demodulated signal what the tone did: twice its amplitude is its strength.
	periods := math.Ceil(hz / 500)
	window := int(math.Round(periods * float64(rate) / hz))
	block := rate / 10
	if len(pcm) < 3*block {
		return none
	}
	envelope := demodulate(pcm, rate, hz, window)
	strength := make([]float64, len(envelope))
	for i, v := range envelope {
		strength[i] = cmplx.Abs(v)
	}
	// The tone is what lies between the first and last strong sample.
	sorted := slices.Sorted(slices.Values(strength))
	half := sorted[len(sorted)*9/10] / 2
	if 20*math.Log10(4*half/32768+1e-9) < silent-20 {
		return none
	}
	strong := func(s float64) bool { return s >= half }
	first := slices.IndexFunc(strength, strong)
	last := len(strength) - 1
	for !strong(strength[last]) {
		last--
	}
	if last-first < 3*block {
		return none
	}
	// strength[i] covers pcm[i:i+window], and is half where an edge is in the middle of that.
	begin, end := first+window/2, last+window/2+1
	if first == 0 {
		begin = 0
	}
	if last == len(strength)-1 {
		end = len(pcm)
	}
	r := ToneReport{Start: duration(begin, rate), Length: duration(end-begin, rate)}
	envelope, strength = envelope[first:last+1], strength[first:last+1]
	r.gaps(strength, half, rate)
	r.FrequencyError = frequencyError(envelope, rate, window)
	r.jumps(envelope, strength, half, rate, window)
	for range 2 { // the second time with the frequency as the first found it
		r.fit(pcm[first+window:min(len(pcm), last+1)], rate, hz, block)
	}
	return r
}

// demodulate turns pcm by -hz and averages it over window.
func demodulate(pcm []int16, rate int, hz float64, window int) []complex128 {
	turned := make([]complex128, len(pcm))
	for i, v := range pcm {
		turned[i] = cmplx.Rect(float64(v), -2*math.Pi*math.Mod(hz*float64(i)/float64(rate), 1))
	}
	out := make([]complex128, len(pcm)-window+1)
	var sum complex128
	for i, v := range turned {
		sum += v
		if i >= window {
			sum -= turned[i-window]
		}
		if i >= window-1 {
			out[i-window+1] = sum / complex(float64(window), 0)
		}
	}
	return out
}

func (r *ToneReport) gaps(strength []float64, half float64, rate int) {
	run := 0
	for _, s := range strength { // it begins and ends strong
		if s < half {
			run++
			continue
		}
		if d := duration(run, rate); d >= time.Millisecond {
			r.Gaps++
			r.LongestGap = max(r.LongestGap, d)
		}
		run = 0
	}
}

// frequencyError is how fast the phase turns, to some hundredths of a hertz: first over
// one window, then over some; medians, so that jumps and gaps do not count.
func frequencyError(envelope []complex128, rate, window int) float64 {
	turning := func(span int, hz float64) float64 {
		expected := cmplx.Rect(1, -2*math.Pi*hz*float64(span)/float64(rate))
		var phases []float64
		for i := 0; i+span < len(envelope); i += max(1, window/2) {
			phases = append(phases, cmplx.Phase(envelope[i+span]*cmplx.Conj(envelope[i])*expected))
		}
		return hz + median(phases)*float64(rate)/(2*math.Pi*float64(span))
	}
	return turning(5*window, turning(window, 0))
}

// jumps counts where the phase after a window differs from what it was before.
func (r *ToneReport) jumps(envelope []complex128, strength []float64, half float64, rate, window int) {
	for i := 0; i+2*window < len(envelope); i++ {
		if slices.Min(strength[i:i+2*window]) < half {
			i += window
			continue
		}
		turn := cmplx.Rect(1, -2*math.Pi*r.FrequencyError*float64(2*window)/float64(rate))
		if math.Abs(cmplx.Phase(envelope[i+2*window]*cmplx.Conj(envelope[i])*turn)) > math.Pi/6 {
			r.Jumps++
			i += 3 * window
		}
	}
}

// fit takes the best sine, by least squares, out of every block, and sees from how
// its phase goes on what the frequency is.
func (r *ToneReport) fit(pcm []int16, rate int, hz float64, block int) {
	var levels, ratios, turns []float64
	var before complex128
	hz += r.FrequencyError
	turn := cmplx.Rect(1, 2*math.Pi*math.Mod(hz*float64(block)/float64(rate), 1))
	for ; len(pcm) >= block; pcm = pcm[block:] {
		var cc, ss, cs, xc, xs float64
		for i, v := range pcm[:block] {
			sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
			cc, ss, cs = cc+cos*cos, ss+sin*sin, cs+cos*sin
			xc, xs = xc+float64(v)*cos, xs+float64(v)*sin
		}
		determinant := cc*ss - cs*cs
		a, b := (xc*ss-xs*cs)/determinant, (xs*cc-xc*cs)/determinant
		tone, rest := 0.0, 0.0
		for i, v := range pcm[:block] {
			sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
			fitted := a*cos + b*sin
			tone += fitted * fitted
			rest += (float64(v) - fitted) * (float64(v) - fitted)
		}
		phasor := complex(a, -b)
		if before != 0 {
			turns = append(turns, cmplx.Phase(phasor*cmplx.Conj(before*turn)))
		}
		before = phasor
		levels = append(levels, decibel(tone/float64(block)/fullScale))
		ratios = append(ratios, decibel(rest/(tone+1e-9)))
	}
	r.Level, r.THDN = median(levels), median(ratios)
	r.FrequencyError += median(turns) * float64(rate) / float64(block) / (2 * math.Pi)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func duration(samples, rate int) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(rate)
}
