package prompt

import (
	"math"
	"slices"
	"testing"
	"time"
)

// goertzel measures how much of a frequency is in pcm: the RMS of that sine in
// dB below a square wave of full scale.
func goertzel(pcm []int16, rate, hertz float64) float64 {
	w := 2 * math.Pi * hertz / rate
	var s1, s2 float64
	for _, v := range pcm {
		s1, s2 = float64(v)/32768+2*math.Cos(w)*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - 2*math.Cos(w)*s1*s2
	amplitude := 2 * math.Sqrt(power) / float64(len(pcm))
	return 20 * math.Log10(amplitude/math.Sqrt2+1e-9)
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10*math.Log10(sum/float64(len(pcm))+1e-9) - 20*math.Log10(32768)
}

// cadence gives the lengths of sound and silence by turns, to 5 ms.
func cadence(pcm []int16, rate int) []time.Duration {
	const window = 5 * time.Millisecond
	n := int(window) * rate / int(time.Second)
	var lengths []time.Duration
	on := false
	for at := 0; at+n <= len(pcm); at += n {
		if sounds := rms(pcm[at:at+n]) > -40; sounds != on || at == 0 {
			lengths, on = append(lengths, 0), sounds
		}
		lengths[len(lengths)-1] += window
	}
	return lengths
}

func TestTonesAsTheUnitedKingdomHasThem(t *testing.T) {
	const ms = time.Millisecond
	for name, want := range map[string]struct {
		hertz   []float64
		cadence []time.Duration
		level   float64 // dB, of the first burst
	}{
		"dial":         {[]float64{350, 440}, []time.Duration{2000 * ms}, -23.15},
		"ringing":      {[]float64{400, 450}, []time.Duration{400 * ms, 200 * ms, 400 * ms, 2000 * ms}, -23.15},
		"busy":         {[]float64{400}, []time.Duration{375 * ms, 375 * ms}, -23.15},
		"congestion":   {[]float64{400}, []time.Duration{400 * ms, 350 * ms, 225 * ms, 525 * ms}, -23.15},
		"unobtainable": {[]float64{400}, []time.Duration{2000 * ms}, -23.15},
		"beep":         {[]float64{1000}, []time.Duration{400 * ms}, -18},
	} {
		t.Run(name, func(t *testing.T) {
			s, ok := Tone(name)
			if !ok || len(s.Clips) != 1 {
				t.Fatalf("Tone: %v, %v", s, ok)
			}
			if s.Loop != (name != "beep") {
				t.Errorf("Loop = %v", s.Loop)
			}
			pcm, rate := s.Clips[0].PCM(), s.Clips[0].Rate()
			if got := cadence(pcm, rate); !slices.EqualFunc(got, want.cadence, near) {
				t.Errorf("cadence %v, want %v", got, want.cadence)
			}
			// The middle of the first burst, in which the edges play no part.
			first := int(want.cadence[0]) * rate / int(time.Second)
			burst := pcm[first/2-rate/10 : first/2+rate/10]
			if got := rms(burst); math.Abs(got-want.level) > 0.5 {
				t.Errorf("level %.1f dB, want %.1f", got, want.level)
			}
			each := want.level - 10*math.Log10(float64(len(want.hertz)))
			for _, f := range []float64{300, 350, 400, 440, 450, 480, 620, 1000} {
				got := goertzel(burst, float64(rate), f)
				if slices.Contains(want.hertz, f) {
					if math.Abs(got-each) > 0.5 {
						t.Errorf("%v Hz at %.1f dB, want %.1f", f, got, each)
					}
				} else if got > each-25 {
					t.Errorf("%v Hz at %.1f dB: does not belong", f, got)
				}
			}
		})
	}
	if _, ok := Tone("engaged"); ok {
		t.Error("a tone that is not there was found")
	}
}

func near(a, b time.Duration) bool { return (a - b).Abs() <= 5*time.Millisecond }

func TestSecondBurstOfCongestionIsSixDecibelsLouder(t *testing.T) {
	s, _ := Tone("congestion")
	pcm := s.Clips[0].PCM()
	first, second := pcm[800:2400], pcm[6200:7600] // within 0-0.4 s and 0.75-0.975 s
	if more := rms(second) - rms(first); math.Abs(more-6) > 0.3 {
		t.Errorf("%.1f dB louder", more)
	}
}

func TestTonesLoopWithoutAClick(t *testing.T) {
	for name := range tones() {
		s, _ := Tone(name)
		pcm := s.Clips[0].PCM()
		largest := 0
		for i := 1; i < len(pcm); i++ {
			largest = max(largest, step(pcm[i], pcm[i-1]))
		}
		if seam := step(pcm[0], pcm[len(pcm)-1]); seam > largest {
			t.Errorf("%s: a step of %d at the seam, %d elsewhere", name, seam, largest)
		}
	}
}

func step(a, b int16) int {
	if a < b {
		a, b = b, a
	}
	return int(a) - int(b)
}
