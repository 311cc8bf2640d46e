package codec_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// noiseOf is seconds of noise after half of one, in frames of 20 ms.
func noiseOf(rate int, payload []byte, seconds int) []int16 {
	n := codec.NewNoise(rate)
	n.Set(payload)
	pcm := make([]int16, rate/2+seconds*rate)
	for at := 0; at < len(pcm); at += rate / 50 {
		n.Fill(pcm[at : at+rate/50])
	}
	return pcm[rate/2:]
}

// reflections are what of the sound's autocorrelation the recursion of Levinson and Durbin
// makes: what an encoder would send.
func reflections(pcm []int16, order int) []float64 {
	r := make([]float64, order+1)
	for lag := range r {
		for i := lag; i < len(pcm); i++ {
			r[lag] += float64(pcm[i]) * float64(pcm[i-lag])
		}
	}
	a, k, rest := []float64{1}, make([]float64, order), r[0]
	for m := range k {
		sum := 0.0
		for i, v := range a {
			sum += v * r[m+1-i]
		}
		k[m] = -sum / rest
		next := append(append([]float64{}, a...), 0)
		for i := range a {
			next[m+1-i] += k[m] * a[i]
		}
		a, rest = next, rest*(1-k[m]*k[m])
	}
	return k
}

func TestNoiseHasItsLevel(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, level := range []byte{15, 30, 45, 60, 75} {
			for _, shape := range [][]byte{nil, {40}, {30, 200, 100}, {20, 220, 90, 150, 127, 127, 140, 110, 127, 130}} {
				pcm := noiseOf(rate, append([]byte{level}, shape...), 5)
				// Level is in dBFS, 3.01 dB above dBov.
				if got := measure.Level(pcm) - 3.01; math.Abs(got+float64(level)) > 1 {
					t.Errorf("%d Hz: noise of -%d dBov with %d coefficients has %.1f", rate, level, len(shape), got)
				}
			}
		}
	}
	if got := measure.Level(noiseOf(8000, []byte{127}, 1)); got > -90 {
		t.Errorf("noise of -127 dBov is heard at %.1f dBFS", got)
	}
}

func TestNoiseHasItsSpectrum(t *testing.T) {
	for _, indices := range [][]byte{{127, 127, 127}, {30}, {220}, {30, 200, 100}, {20, 220, 90, 150, 127, 127, 140, 110, 127, 130}} {
		pcm := noiseOf(8000, append([]byte{30}, indices...), 20)
		for i, k := range reflections(pcm, len(indices)) {
			want := 258 * (float64(indices[i]) - 127) / 32768
			if math.Abs(k-want) > 0.02 {
				t.Errorf("coefficient %d of %v is %.3f, want %.3f", i+1, indices, k, want)
			}
		}
	}
}

func TestNoiseIsTheSameSoundAtEveryRate(t *testing.T) {
	payload := []byte{30, 30, 200, 100}
	for _, rate := range []int{16000, 48000} {
		n, down := codec.NewNoise(rate), codec.NewResampler(rate, 8000)
		n.Set(payload)
		frame, narrow := make([]int16, rate/50), make([]int16, 160)
		var pcm []int16
		for range 20 * 50 {
			n.Fill(frame)
			down.Resample(narrow, frame)
			pcm = append(pcm, narrow...)
		}
		for i, k := range reflections(pcm, 3) {
			want := 258 * (float64(payload[i+1]) - 127) / 32768
			if math.Abs(k-want) > 0.1 {
				t.Errorf("%d Hz: coefficient %d is %.3f at 8 kHz, want %.3f", rate, i+1, k, want)
			}
		}
	}
}

func TestNoiseChangesSmoothly(t *testing.T) {
	n := codec.NewNoise(8000)
	pcm := make([]int16, 8000)
	n.Fill(pcm)
	if measure.Level(pcm) != -120 {
		t.Error("it is heard before it was told a level")
	}
	n.Set([]byte{20})
	n.Fill(pcm)
	first := measure.Level(pcm[:8])
	if later := measure.Level(pcm[4000:]); first > later-12 {
		t.Errorf("its first millisecond has %.1f dBFS, later it has %.1f", first, later)
	}
	n.Set(nil) // says nothing
	n.Fill(pcm)
	if got := measure.Level(pcm); got < -18 || got > -16 {
		t.Errorf("after an empty payload it has %.1f dBFS", got)
	}
	n.Set([]byte{0x80 | 40}) // the first bit has no meaning
	n.Fill(pcm)
	n.Fill(pcm)
	if got := measure.Level(pcm); got < -38 || got > -36 {
		t.Errorf("at -40 dBov it has %.1f dBFS", got)
	}
}

func TestNoisesDiffer(t *testing.T) {
	a, b := noiseOf(8000, []byte{30}, 5), noiseOf(8000, []byte{30}, 5)
	for i := range a {
		a[i] += b[i]
	}
	// What is the same would be 6 dB louder.
	if got := measure.Level(a) - 3.01; got < -28 || got > -26 {
		t.Errorf("two noises of -30 dBov are %.1f together", got)
	}
}

func TestNoiseAllocatesNothing(t *testing.T) {
	payload := []byte{40, 30, 200, 100}
	for _, rate := range []int{8000, 16000, 48000} {
		n, pcm := codec.NewNoise(rate), make([]int16, rate/50)
		if allocs := testing.AllocsPerRun(100, func() {
			n.Set(payload)
			n.Fill(pcm)
		}); allocs != 0 {
			t.Errorf("%d Hz: %v allocations", rate, allocs)
		}
	}
}

func FuzzNoise(f *testing.F) {
	f.Add([]byte{0, 0, 254, 255, 0, 254})
	f.Add([]byte{60, 127, 127})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		n := codec.NewNoise(8000)
		pcm := make([]int16, 8000)
		n.Fill(pcm[:77])
		n.Set(payload)
		n.Fill(pcm)
		n.Set(payload)
		n.Fill(pcm)
		// A filter that rings much has no steady level, but none that is far off.
		if len(payload) > 0 && measure.Level(pcm) > 3.01-float64(payload[0]&0x7f)+12 && measure.Level(pcm) > -80 {
			t.Errorf("%v makes noise of %.1f dBFS", payload, measure.Level(pcm))
		}
	})
}

func BenchmarkNoise(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, payload := range [][]byte{{40}, {40, 20, 220, 90, 150, 127, 127, 140, 110, 127, 130}} {
			b.Run(fmt.Sprintf("%d/%d", rate, len(payload)-1), func(b *testing.B) {
				n, pcm := codec.NewNoise(rate), make([]int16, rate/50)
				n.Set(payload)
				b.ReportAllocs()
				for b.Loop() {
					n.Fill(pcm)
				}
			})
		}
	}
}
