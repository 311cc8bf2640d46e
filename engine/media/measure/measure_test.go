package measure_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

var rates = []int{8000, 16000, 48000}

func between(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s is %.2f, want %.2f to %.2f", what, got, low, high)
	}
}

func g711(pcm []int16, c codec.Codec) []int16 {
	b, out := make([]byte, len(pcm)), make([]int16, len(pcm))
	c.Encode(b, pcm)
	c.Decode(out, b)
	return out
}

// lost is pcm with a share of its packets of 20 ms replaced by fill(the place).
func lost(pcm []int16, rate int, share float64, fill func(packet, before []int16)) []int16 {
	out, n, r := slices.Clone(pcm), rate/50, rand.New(rand.NewPCG(1, 1))
	for at := n; at+n <= len(out); at += n {
		if r.Float64() < share {
			fill(out[at:at+n], out[at-n:at])
		}
	}
	return out
}

func silence(packet, _ []int16)     { clear(packet) }
func repeat(packet, before []int16) { copy(packet, before) }

func noisy(pcm []int16, dBFS float64) []int16 {
	out, r := slices.Clone(pcm), rand.New(rand.NewPCG(2, 2))
	for i := range out {
		out[i] += int16(math.Round(r.NormFloat64() * 32768 / math.Sqrt2 * math.Pow(10, dBFS/20)))
	}
	return out
}

// The reference values of the README.
func TestWhatTheDistancesMean(t *testing.T) {
	const rate = 8000
	said := measure.Speech(rate, 10*time.Second)
	louder := slices.Clone(said)
	for i := range louder {
		louder[i] /= 2
	}
	for _, c := range []struct {
		name           string
		got            []int16
		snr, snrSpread float64
		distance       float64
	}{
		{"itself", said, 35, 0.001, 0},
		{"G.711 A-law", g711(said, codec.PCMA), 34.3, 0.3, 0.15},
		{"G.711 µ-law", g711(said, codec.PCMU), 34.6, 0.3, 0.15},
		{"silence for 1 %", lost(said, rate, 0.01, silence), 34.8, 0.2, 0.02},
		{"silence for 5 %", lost(said, rate, 0.05, silence), 33, 0.4, 0.25},
		{"silence for 10 %", lost(said, rate, 0.1, silence), 31.1, 0.6, 0.5},
		{"the packet before for 10 %", lost(said, rate, 0.1, repeat), 30.1, 0.6, 0.4},
		{"noise of -60 dBFS", noisy(said, -60), 31.9, 0.4, 0.14},
		{"noise of -40 dBFS", noisy(said, -40), 15, 0.5, 4.2},
		{"half as loud", louder, 6, 0.1, 4.5},
		{"somebody else", measure.Talker(rate, 2, 10*time.Second), -2, 0.7, 10.2},
		{"nothing", make([]int16, len(said)), 0, 0.1, 15.3},
	} {
		snr, distance := measure.SegmentalSNR(said, c.got, rate), measure.SpectralDistance(said, c.got, rate)
		t.Logf("%-28s %5.1f dB %5.2f dB", c.name, snr, distance)
		between(t, c.name+": segmental SNR", snr, c.snr-c.snrSpread, c.snr+c.snrSpread)
		between(t, c.name+": spectral distance", distance, c.distance*0.8-0.05, c.distance*1.2+0.05)
	}
}

func TestDelayIsNoDifference(t *testing.T) {
	for _, rate := range rates {
		said := measure.Speech(rate, 3*time.Second)
		late := slices.Concat(make([]int16, rate/7), said, make([]int16, rate/3))
		between(t, "the delay", measure.Delay(said, late), float64(rate/7)-0.02, float64(rate/7)+0.02)
		between(t, "late sound's SNR", measure.SegmentalSNR(said, late, rate), 34.9, 35)
		between(t, "late sound's distance", measure.SpectralDistance(said, late, rate), 0, 0.01)
		between(t, "the delay of what begins earlier", measure.Delay(late, said), float64(-rate/7)-0.02, float64(-rate/7)+0.02)
		// The end is missing: half is as good as before, half is silence.
		between(t, "half a sound's SNR", measure.SegmentalSNR(said, said[:len(said)/2], rate), 14, 21)
	}
}

func TestPartOfASampleIsNoDifference(t *testing.T) {
	fine := measure.Speech(48000, 4*time.Second)
	early := codec.Resample(fine, 48000, 8000)
	late := codec.Resample(slices.Concat(make([]int16, 3), fine), 48000, 8000) // half a sample
	between(t, "the delay", measure.Delay(early, late), 0.48, 0.52)
	between(t, "the SNR", measure.SegmentalSNR(early, late, 8000), 30, 35)
}

// What an adaptive jitter buffer does must not look as bad as what it sounds like.
func TestSpectralDistanceFollowsAMovingDelay(t *testing.T) {
	const rate = 8000
	said := measure.Speech(rate, 6*time.Second)
	var shortened []int16 // by 10 ms every second
	for at := 0; at < len(said); at += rate {
		shortened = append(shortened, said[at:at+rate-rate/100]...)
	}
	between(t, "the SNR", measure.SegmentalSNR(said, shortened, rate), -10, 10)
	between(t, "the distance", measure.SpectralDistance(said, shortened, rate), 0, 0.2)
	paused := slices.Concat(said[:3*rate], make([]int16, rate/2), said[3*rate:])
	between(t, "the distance after half a second's break", measure.SpectralDistance(said, paused, rate), 0, 1)
	backwards := slices.Clone(said)
	slices.Reverse(backwards)
	between(t, "the distance of nonsense", measure.SpectralDistance(said, backwards, rate), 6, 20)
}

func TestSilenceAgainstSilence(t *testing.T) {
	quiet := make([]int16, 8000)
	if s := measure.SegmentalSNR(quiet, quiet, 8000); s != 35 {
		t.Errorf("the SNR is %v", s)
	}
	if d := measure.SpectralDistance(quiet, quiet, 8000); d != 0 {
		t.Errorf("the distance is %v", d)
	}
	measure.SegmentalSNR(nil, nil, 8000)
	measure.SpectralDistance(nil, quiet, 8000)
}

func sine(rate int, hz, dBFS float64, d time.Duration) []int16 {
	pcm := make([]int16, int(d*time.Duration(rate)/time.Second))
	for i := range pcm {
		pcm[i] = int16(math.Round(32767 * math.Pow(10, dBFS/20) * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return pcm
}

func TestTone(t *testing.T) {
	for _, rate := range rates {
		for _, hz := range []float64{300, 997, 1013, 3400} {
			clean := measure.Tone(sine(rate, hz+0.3, -10, 2*time.Second), rate, hz)
			between(t, "the level", clean.Level, -10.02, -9.98)
			between(t, "the distortion", clean.THDN, -120, -80)
			between(t, "the frequency error", clean.FrequencyError, 0.299, 0.301)
			between(t, "the length", clean.Length.Seconds(), 1.999, 2.001)
			if clean.Gaps != 0 || clean.Jumps != 0 || clean.Start != 0 {
				t.Errorf("a clean tone of %v Hz is %+v", hz, clean)
			}
		}
	}
}

func TestToneFindsWhatIsWrong(t *testing.T) {
	const rate, hz = 8000, 1013
	clean := sine(rate, hz, -10, 2*time.Second)

	gap := slices.Concat(make([]int16, 800), clean, make([]int16, 4000))
	clear(gap[4000:4160])
	clear(gap[8000:8016])
	r := measure.Tone(gap, rate, hz)
	if r.Gaps != 2 || r.Jumps != 0 {
		t.Errorf("a tone with two gaps is %+v", r)
	}
	between(t, "the start", r.Start.Seconds(), 0.099, 0.101)
	between(t, "the length", r.Length.Seconds(), 1.999, 2.001)
	between(t, "the longest gap", r.LongestGap.Seconds(), 0.0195, 0.0205)
	between(t, "the distortion between the gaps", r.THDN, -120, -60)

	cut := slices.Concat(clean[:4000], clean[4160:8000], clean[8000:8160], clean[8000:])
	if r := measure.Tone(cut, rate, hz); r.Jumps != 2 || r.Gaps != 0 {
		t.Errorf("a tone with 20 ms left out and 20 ms repeated is %+v", r)
	}

	square := slices.Clone(clean)
	for i := range square { // the third harmonic at -20 dB
		square[i] += int16(1036 * math.Sin(2*math.Pi*3*hz*float64(i)/rate))
	}
	between(t, "the distortion", measure.Tone(square, rate, hz).THDN, -20.2, -19.8)
	between(t, "the distortion of G.711", measure.Tone(g711(clean, codec.PCMA), rate, hz).THDN, -41, -36)
	between(t, "noise against the tone", measure.Tone(noisy(clean, -40), rate, hz).THDN, -30.3, -29.7)

	if r := measure.Tone(make([]int16, 8000), rate, hz); r != (measure.ToneReport{Level: -120}) {
		t.Errorf("silence is %+v", r)
	}
}

func TestLevels(t *testing.T) {
	between(t, "the level of a full sine", measure.Level(sine(8000, 1000, 0, time.Second)), -0.01, 0.01)
	half := append(sine(8000, 1000, -20, time.Second), make([]int16, 8000)...)
	between(t, "the level of a tone and silence", measure.Level(half), -23.1, -22.9)
	between(t, "its active level", measure.ActiveLevel(half, 8000), -20.1, -19.9)
	between(t, "the level of nothing", measure.Level(nil), -120, -120)
}

func TestSpeechIsLikeSpeech(t *testing.T) {
	for _, rate := range rates {
		for seed := range uint64(4) {
			pcm := measure.Talker(rate, seed, 20*time.Second)
			between(t, "the active level", measure.ActiveLevel(pcm, rate), -21.5, -18)
			active, longestPause, pause, peak := 0, 0, 0, 0
			for at := 0; at < len(pcm); at += rate / 50 {
				if measure.Level(pcm[at:at+rate/50]) > -40 {
					active, pause = active+1, 0
				} else {
					pause++
					longestPause = max(longestPause, pause)
				}
			}
			for _, v := range pcm {
				peak = max(peak, int(v), -int(v))
			}
			between(t, "the share of speech", float64(active)/1000, 0.55, 0.85)
			between(t, "the longest pause in s", float64(longestPause)/50, 0.5, 1.5)
			between(t, "the peak", float64(peak), 8000, 32000)
		}
	}
}

func TestSpeechIsTheSameEveryTime(t *testing.T) {
	long, short := measure.Speech(8000, 5*time.Second), measure.Speech(8000, 2*time.Second)
	if len(long) != 40000 || len(short) != 16000 || !slices.Equal(short, long[:16000]) {
		t.Error("two seconds are not the beginning of five")
	}
	if slices.Equal(short, measure.Talker(8000, 2, 2*time.Second)) {
		t.Error("two talkers say the same")
	}
}

func BenchmarkSpeechSecond(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		measure.Speech(8000, time.Second)
	}
}

func BenchmarkSegmentalSNRSecond(b *testing.B) {
	said := measure.Speech(8000, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		measure.SegmentalSNR(said, said, 8000)
	}
}
