package gain_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/gain"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

func between(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s is %.2f, want %.2f to %.2f", what, got, low, high)
	}
}

// speech is d of speech with that active level.
func speech(rate int, dBFS float64, d time.Duration) []int16 {
	pcm := measure.Speech(rate, d)
	factor := math.Pow(10, (dBFS-measure.ActiveLevel(pcm, rate))/20)
	for i, v := range pcm {
		pcm[i] = int16(min(max(math.Round(float64(v)*factor), math.MinInt16), math.MaxInt16))
	}
	return pcm
}

func noise(dBFS float64, samples int) []int16 {
	pcm, r := make([]int16, samples), rand.New(rand.NewPCG(1, 1))
	for i := range pcm {
		pcm[i] = int16(math.Round(r.NormFloat64() * 32768 / math.Sqrt2 * math.Pow(10, dBFS/20)))
	}
	return pcm
}

// controlled is what becomes of pcm, frame by frame, and the gains of the frames
// loud enough to tell, in dB.
func controlled(c *gain.Control, rate int, pcm []int16) (out []int16, gains []float64) {
	out = slices.Clone(pcm)
	for at := 0; at+rate/50 <= len(pcm); at += rate / 50 {
		frame := out[at : at+rate/50]
		before := measure.Level(frame)
		c.Apply(frame)
		if before > -58 {
			gains = append(gains, measure.Level(frame)-before)
		}
	}
	return out, gains
}

func TestTalkersComeToOneLevel(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, c := range []struct{ level, low, high float64 }{
			{-45, -34, -32}, // 12 dB is the most
			{-40, -29, -27},
			{-30, -20.5, -17.5},
			{-25, -20.5, -17.5},
			{-20, -20.5, -17.5},
			{-15, -20.5, -17.5},
			{-10, -20.5, -17.5},
		} {
			out, _ := controlled(gain.New(rate), rate, speech(rate, c.level, 25*time.Second))
			between(t, "the level", measure.ActiveLevel(out[10*rate:], rate), c.low, c.high)
		}
	}
}

func TestGainIsSteady(t *testing.T) {
	for _, level := range []float64{-40, -30, -20, -10} {
		_, gains := controlled(gain.New(8000), 8000, speech(8000, level, 40*time.Second))
		gains = gains[len(gains)/3:]
		spread := slices.Max(gains) - slices.Min(gains)
		between(t, "the gain's range", spread, 0, 5)
		for i := 50; i < len(gains); i++ { // in the frames of a second of speech
			if change := math.Abs(gains[i] - gains[i-50]); change > 3.2 {
				t.Fatalf("speech at %v dBFS: the gain goes by %.1f dB in a second", level, change)
			}
		}
	}
}

func TestNoiseIsNotLifted(t *testing.T) {
	for _, level := range []float64{-65, -55, -45, -35, -25} {
		_, gains := controlled(gain.New(8000), 8000, noise(level, 20*8000))
		for _, g := range gains {
			if math.Abs(g) > 0.2 {
				t.Fatalf("noise of %v dBFS is changed by %.1f dB", level, g)
			}
		}
	}
	// A microphone is switched on in a noisy room, where nobody speaks.
	c := gain.New(8000)
	c.Apply(make([]int16, 10*8000))
	_, gains := controlled(c, 8000, noise(-45, 10*8000))
	between(t, "the gain at first", slices.Max(gains), -1, 5)
	between(t, "the gain after five seconds", slices.Max(gains[250:]), -0.2, 0.2)
	// A quiet talker in a noisy room is lifted, but his room is not above -50 dBFS.
	quiet := speech(8000, -32, 20*time.Second)
	for i, v := range noise(-55, len(quiet)) {
		quiet[i] += v
	}
	out, gains := controlled(gain.New(8000), 8000, slices.Concat(quiet, noise(-55, 5*8000)))
	between(t, "the quiet talker", measure.ActiveLevel(out[10*8000:20*8000], 8000), -29, -25)
	between(t, "the room", measure.Level(out[20*8000:]), -55, -49.5)
	between(t, "the room's gain", slices.Max(gains[len(gains)-200:]), 0, 5.5)
}

func TestAShoutIsTurnedDownAtOnce(t *testing.T) {
	c := gain.New(8000)
	controlled(c, 8000, speech(8000, -35, 20*time.Second)) // now 12 dB up
	out, _ := controlled(c, 8000, speech(8000, -8, 2*time.Second))
	for at := 160; at+160 <= len(out); at += 160 {
		between(t, "a frame's level", measure.Level(out[at:at+160]), -120, -4.5)
	}
}

func TestGainMovesWithoutSteps(t *testing.T) {
	level := slices.Repeat([]int16{20000}, 8000) // what comes out is the gain itself
	c := gain.New(8000)
	controlled(c, 8000, speech(8000, -35, 20*time.Second)) // now 12 dB up
	out, _ := controlled(c, 8000, level)
	steepest := 0.0
	for i := 1; i < len(out); i++ {
		steepest = max(steepest, math.Abs(float64(out[i])-float64(out[i-1])))
	}
	between(t, "the steepest step", steepest, 0, 4000)
	between(t, "the level after 20 ms", measure.Level(out[160:320]), -6.2, -5.8)
}

func TestAnyLengthWillDo(t *testing.T) {
	pcm := speech(8000, -35, 10*time.Second)
	whole := slices.Clone(pcm)
	gain.New(8000).Apply(whole)
	frames, _ := controlled(gain.New(8000), 8000, pcm)
	if !slices.Equal(whole, frames) {
		t.Error("one long frame differs from many of 20 ms")
	}
	c := gain.New(8000)
	c.Apply(nil)
	for chunk := range slices.Chunk(pcm, 37) {
		c.Apply(chunk)
	}
	between(t, "the level in odd frames", measure.ActiveLevel(pcm[5*8000:], 8000), -29, -19)
}

func TestControlAllocatesNothing(t *testing.T) {
	c, pcm := gain.New(8000), speech(8000, -30, time.Second)
	if n := testing.AllocsPerRun(100, func() { c.Apply(pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkApply(b *testing.B) {
	pcm := speech(8000, -30, 10*time.Second)
	c, frame, at := gain.New(8000), make([]int16, 160), 0
	b.ReportAllocs()
	for b.Loop() {
		copy(frame, pcm[at:])
		c.Apply(frame)
		if at += 160; at == len(pcm) {
			at = 0
		}
	}
}
