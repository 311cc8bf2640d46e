package gain_test

import (
	"math"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/gain"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

func TestLimitIsMonotoneAndNeverWraps(t *testing.T) {
	sum, pcm := make([]int32, 1), make([]int16, 1)
	last := int16(math.MinInt16)
	for v := -8 * 32768; v <= 8*32768; v++ {
		sum[0] = int32(v)
		gain.Limit(pcm, sum)
		if got := pcm[0]; got < last {
			t.Fatalf("%d becomes %d, less than what is less", v, got)
		} else if v >= -24576 && v <= 24576 && int(got) != v {
			t.Fatalf("%d becomes %d below the knee", v, got)
		}
		last = pcm[0]
	}
	sum[0] = math.MaxInt32
	if gain.Limit(pcm, sum); pcm[0] < 32700 {
		t.Errorf("the most becomes %d", pcm[0])
	}
	sum[0] = math.MinInt32
	if gain.Limit(pcm, sum); pcm[0] > -32700 {
		t.Errorf("the least becomes %d", pcm[0])
	}
}

// tones is a sum of full-scale sines, and takes them out of a sound again to tell
// what else is in it, in dB.
type tones []float64

func (hz tones) sum(seconds int) []int32 {
	sum := make([]int32, seconds*8000)
	for i := range sum {
		for _, f := range hz {
			sum[i] += int32(32767 * math.Sin(2*math.Pi*f*float64(i)/8000))
		}
	}
	return sum
}

func (hz tones) distortion(pcm []int16) float64 { // of whole seconds, and hz whole
	all, rest := 0.0, make([]float64, len(pcm))
	for i, v := range pcm {
		rest[i] = float64(v)
		all += rest[i] * rest[i]
	}
	for _, f := range hz {
		var a, b float64
		for i, v := range rest {
			sin, cos := math.Sincos(2 * math.Pi * f * float64(i) / 8000)
			a, b = a+v*sin*2/float64(len(rest)), b+v*cos*2/float64(len(rest))
		}
		for i := range rest {
			sin, cos := math.Sincos(2 * math.Pi * f * float64(i) / 8000)
			rest[i] -= a*sin + b*cos
		}
	}
	left := 0.0
	for _, v := range rest {
		left += v * v
	}
	return 10 * math.Log10(left/(all-left))
}

func ridden(l *gain.Limiter, sum []int32) []int16 {
	pcm := make([]int16, len(sum))
	for at := 0; at < len(sum); at += 160 {
		l.Limit(pcm[at:at+160], sum[at:at+160])
	}
	return pcm
}

func TestLoudTonesStayTones(t *testing.T) {
	for _, c := range []struct {
		hz                 tones
		alone, low, riding float64
	}{
		{tones{613, 1013}, -11, -6, -40},
		{tones{613, 1013, 1477, 811}, -7, -8, -28},
		{tones{613, 1013, 1477, 811, 1823, 577, 2111, 997}, -5, -10.5, -23},
	} {
		sum := c.hz.sum(2)
		soft := make([]int16, len(sum))
		gain.Limit(soft, sum)
		pcm := ridden(new(gain.Limiter), sum)[8000:]
		bent, clean := c.hz.distortion(soft[8000:]), c.hz.distortion(pcm)
		t.Logf("%d tones of full scale: THD+N %.1f dB bent, %.1f dB turned down", len(c.hz), bent, clean)
		between(t, "the distortion of tones that are bent", bent, -30, c.alone)
		between(t, "the distortion of tones that are turned down", clean, -100, c.riding)
		between(t, "their level", measure.Level(pcm), c.low, -3)
	}
}

func TestLoudVoicesStayVoices(t *testing.T) {
	const talkers = 8
	sum := make([]int32, 10*8000)
	for k := range talkers {
		for i, v := range measure.Talker(8000, uint64(k), 10*time.Second) {
			sum[i] += 3 * int32(v) // -10 dBFS
		}
	}
	pcm, soft := ridden(new(gain.Limiter), sum), make([]int16, len(sum))
	gain.Limit(soft, sum)
	between(t, "the loud voices' shape, turned down", shape(sum, pcm), 33, 35)
	between(t, "and bent only", shape(sum, soft), 10, 25)
}

// shape is a segmental SNR in which every segment may have its own gain: how much
// the waveform was bent.
func shape(sum []int32, pcm []int16) float64 {
	total, n := 0.0, 0
	for at := 0; at+160 <= len(sum); at += 160 {
		var ss, pp, sp float64
		for i := at; i < at+160; i++ {
			s, p := float64(sum[i]), float64(pcm[i])
			ss, pp, sp = ss+s*s, pp+p*p, sp+s*p
		}
		if ss > 160*1000*1000 {
			total += min(35, 10*math.Log10(pp/max(1, pp-sp*sp/ss)))
			n++
		}
	}
	return total / float64(n)
}

func TestLimiterLeavesAloneWhatIsNotTooLoud(t *testing.T) {
	var l gain.Limiter
	sum := make([]int32, 8000)
	for i, v := range measure.Speech(8000, time.Second) {
		sum[i] = int32(v)
	}
	for i, v := range ridden(&l, sum) {
		if int32(v) != sum[i] {
			t.Fatalf("sample %d of quiet speech is %d, was %d", i, v, sum[i])
		}
	}
	// After something loud it comes back, in a second or so.
	ridden(&l, tones{613, 1013}.sum(1))
	out := ridden(&l, append(make([]int32, 3*8000), sum...))[3*8000:]
	for i, v := range out {
		if int32(v) != sum[i] {
			t.Fatalf("three seconds later, sample %d is %d, was %d", i, v, sum[i])
		}
	}
}

func TestLimitersAllocateNothing(t *testing.T) {
	var l gain.Limiter
	sum, pcm := tones{613, 1013}.sum(1)[:160], make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() {
		gain.Limit(pcm, sum)
		l.Limit(pcm, sum)
		l.Limit(nil, sum)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLimit(b *testing.B) {
	pcm := make([]int16, 160)
	for name, level := range map[string]int32{"quiet": 1, "loud": 3} {
		sum := make([]int32, 160)
		for i := range sum {
			sum[i] = level * int32(20000*math.Sin(float64(i)/3))
		}
		b.Run("bending/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				gain.Limit(pcm, sum)
			}
		})
		b.Run("turning down/"+name, func(b *testing.B) {
			var l gain.Limiter
			b.ReportAllocs()
			for b.Loop() {
				l.Limit(pcm, sum)
			}
		})
	}
}
