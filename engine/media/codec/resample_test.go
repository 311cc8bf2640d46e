package codec

import (
	"math"
	"testing"
)

func sine(rate int, hertz, amplitude float64, seconds float64) []int16 {
	pcm := make([]int16, int(float64(rate)*seconds))
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate))))
	}
	return pcm
}

// level is the sound's RMS in dB relative to a sine of that amplitude, without
// the first and last 10 ms, where the filter looks over the edge.
func level(pcm []int16, rate int, amplitude float64) float64 {
	pcm = pcm[rate/100 : len(pcm)-rate/100]
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10((sum/float64(len(pcm))+1e-9)/(amplitude*amplitude/2))
}

func TestResampleKeepsSpeechAndStopsAliases(t *testing.T) {
	for _, rate := range []int{16000, 22050, 32000, 44100, 48000} {
		for _, c := range []struct {
			hertz    float64
			min, max float64 // dB
		}{
			{300, -0.1, 0.1}, {1000, -0.1, 0.1}, {3000, -0.3, 0.3}, {3400, -1, 0.3},
			{4500, -200, -45}, {5000, -200, -50}, {7000, -200, -50},
		} {
			out := Resample(sine(rate, c.hertz, 10000, 0.5), rate, 8000)
			if len(out) != 4000 {
				t.Fatalf("half a second at %d Hz became %d samples", rate, len(out))
			}
			if l := level(out, 8000, 10000); l < c.min || l > c.max {
				t.Errorf("%d Hz: a tone of %v Hz comes out at %.1f dB", rate, c.hertz, l)
			}
		}
	}
}

func TestResampleUp(t *testing.T) {
	out := Resample(sine(8000, 1000, 10000, 0.5), 8000, 48000)
	want := sine(48000, 1000, 10000, 0.5)
	for i := 480; i < len(out)-480; i++ {
		if math.Abs(float64(out[i])-float64(want[i])) > 60 {
			t.Fatalf("sample %d is %d, want %d", i, out[i], want[i])
		}
	}
}

func TestResampleLoudSoundDoesNotWrap(t *testing.T) {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/80%2 == 0 {
			pcm[i] = math.MinInt16
		}
	}
	for i, v := range Resample(pcm, 16000, 8000) {
		if loud := i/40%2 == 1; i%40 > 8 && i%40 < 32 && (v > 0) != loud {
			t.Fatalf("sample %d of a full-scale square wave is %d", i, v)
		}
	}
}

func TestResampleEdges(t *testing.T) {
	short := []int16{5}
	if got := Resample(short, 8000, 8000); len(got) != 1 || got[0] != 5 {
		t.Errorf("the same rate gave %v", got)
	}
	if got := Resample(short, 0, 8000); len(got) != 1 {
		t.Errorf("no rate gave %v", got)
	}
	if got := Resample(nil, 16000, 8000); len(got) != 0 {
		t.Errorf("nothing gave %v", got)
	}
	if got := Resample(short, 8000, 16000); len(got) != 2 {
		t.Errorf("one sample gave %v", got)
	}
}

func BenchmarkResampleSecondOf48k(b *testing.B) {
	pcm := sine(48000, 1000, 10000, 1)
	for b.Loop() {
		Resample(pcm, 48000, 8000)
	}
}
