package codec

import (
	"fmt"
	"math"
	"testing"
)

// lossy encodes pcm and decodes it with some frames lost: sound is what was heard, whole what would have been heard
// without loss.
func lossy(t testing.TB, c Codec, newDecoder func() Decoder, pcm []int16, lost func(frame int) bool) (sound, whole []int16) {
	t.Helper()
	a, b := newDecoder(), newDecoder()
	frame := c.SampleRate() / 50
	for i, payload := range encodeAll(t, c, pcm) {
		x, y := make([]int16, 6*frame), make([]int16, 6*frame)
		if n := a.Decode(x, payload); n != frame {
			t.Fatalf("%v: a payload became %d samples", c, n)
		}
		if lost(i) {
			b.Conceal(y[:frame])
		} else {
			b.Decode(y, payload)
		}
		whole, sound = append(whole, x[:frame]...), append(sound, y[:frame]...)
	}
	return sound, whole
}

// concealing are the codecs whose losses are concealed by G.711 Appendix I.
func concealing(t testing.TB) map[string]func() Decoder {
	t.Helper()
	all := map[string]func() Decoder{}
	if Opus.CanEncode() { // the tests of libopus say if it is missing
		all["opus by pion"] = func() Decoder {
			d, err := newPionDecoder()
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
	for _, c := range []Codec{PCMU, PCMA, G722} {
		all[c.Name()] = func() Decoder {
			d, err := NewDecoder(c)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
	return all
}

func codecOf(name string) Codec {
	if c, ok := ByName(name); ok {
		return c
	}
	return Opus
}

// ratio of a sound's energy to that of its difference from another, in dB.
func snr(want, got []int16) float64 {
	var sound, noise float64
	for i, v := range want {
		d := float64(v) - float64(got[i])
		sound, noise = sound+float64(v)*float64(v), noise+d*d
	}
	return 10 * math.Log10((sound+1)/(noise+1))
}

func TestAGapInAVowelIsFilled(t *testing.T) {
	for name, newDecoder := range concealing(t) {
		c := codecOf(name)
		rate := c.SampleRate()
		// A steady voice of 130 Hz, whose period is not a whole number of samples.
		pcm := make([]int16, rate/2)
		for i := range pcm {
			for h := 1.0; h <= 20; h++ {
				pcm[i] += int16(6000 / (h + 1) * math.Sin(2*math.Pi*130*h*float64(i)/float64(rate)))
			}
		}
		sound, whole := lossy(t, c, newDecoder, pcm, func(i int) bool { return i == 12 })
		frame := rate / 50
		gap := snr(whole[12*frame:12*frame+frame/2], sound[12*frame:12*frame+frame/2])
		after := snr(whole[14*frame:], sound[14*frame:])
		t.Logf("%s: the first 10 ms are %.1f dB above the error, what follows the gap %.1f dB", name, gap, after)
		// G.711 keeps nothing. Of the others, those whose state went another way come back to it slowly.
		wanted := map[Codec]float64{PCMU: 90, PCMA: 90, G722: 15, Opus: 5}[c]
		if gap < 10 || after < wanted {
			t.Errorf("%s: the first 10 ms are %.1f dB above the error, what follows the gap %.1f dB", name, gap, after)
		}
	}
}

func TestAGapBecomesSilenceAndEndsWithoutAClick(t *testing.T) {
	for name, newDecoder := range concealing(t) {
		c := codecOf(name)
		rate := c.SampleRate()
		pcm := sine(rate, 400, 10000, 1)
		sound, _ := lossy(t, c, newDecoder, pcm, func(i int) bool { return i >= 20 && i < 25 })
		frame := rate / 50
		for i, v := range sound[23*frame : 25*frame] {
			if v != 0 {
				t.Fatalf("%s: %v ms into the gap a sample is %d", name, 60+float64(i)*1000/float64(rate), v)
			}
		}
		levels := make([]float64, 6)
		for i := range levels {
			levels[i] = level(append(make([]int16, rate/100), append(append([]int16(nil), sound[20*frame+i*frame/2:][:frame/2]...), make([]int16, rate/100)...)...), rate, 10000)
			if i > 1 && levels[i] > levels[i-1]-1 {
				t.Errorf("%s: the gap does not grow quieter: %.1f", name, levels)
			}
		}
		// No step is higher than those of the tone itself, nearly.
		limit := 1.5 * 10000 * 2 * math.Pi * 400 / float64(rate)
		for i := 1; i < len(sound); i++ {
			if step := math.Abs(float64(sound[i]) - float64(sound[i-1])); step > limit && i > 3*frame {
				t.Errorf("%s: a click at %.1f ms: %d after %d", name, float64(i)*1000/float64(rate), sound[i], sound[i-1])
				break
			}
		}
		if l := level(sound[27*frame:], rate, 10000); math.Abs(l) > 1 {
			t.Errorf("%s: two frames after the gap the tone is at %.1f dB", name, l)
		}
	}
}

func TestNothingHeardConcealsAsSilence(t *testing.T) {
	for name, d := range decoders(t) {
		pcm := sine(8000, 400, 10000, 0.02)
		d.Conceal(pcm)
		for _, v := range pcm {
			if v != 0 {
				t.Fatalf("%s: %v", name, pcm)
			}
		}
	}
}

func TestConcealedInPieces(t *testing.T) {
	whole, pieces := newConcealer(8000), newConcealer(8000)
	pcm := sounds(8000)["speech"][1000:3000]
	whole.heard(append([]int16(nil), pcm...))
	for len(pcm) > 0 { // 2.5 ms at a time
		n := min(20, len(pcm))
		pieces.heard(append([]int16(nil), pcm[:n]...))
		pcm = pcm[n:]
	}
	a, b := make([]int16, 480), make([]int16, 480)
	whole.conceal(a)
	for i := 0; i < len(b); i += 40 {
		pieces.conceal(b[i:][:40])
	}
	if i := firstDifference(a, b); i >= 0 {
		t.Errorf("sample %d is %d in one piece, %d in pieces", i, a[i], b[i])
	}
	if a[0] == 0 && a[1] == 0 && a[2] == 0 {
		t.Error("nothing was concealed")
	}
}

func BenchmarkDecoder(b *testing.B) {
	for c := PCMU; c.Valid(); c++ {
		payloads := encodeAll(b, c, sounds(c.SampleRate())["speech"])
		for _, what := range []string{"decode", "conceal"} {
			b.Run(fmt.Sprintf("%v/%s", c, what), func(b *testing.B) {
				d, err := NewDecoder(c)
				if err != nil {
					b.Fatal(err)
				}
				pcm, frame, at := make([]int16, 5760), c.SampleRate()/50, 0
				b.ReportAllocs()
				for b.Loop() {
					if what == "conceal" && at%3 != 0 { // two lost of every three
						d.Conceal(pcm[:frame])
					} else {
						d.Decode(pcm, payloads[at%len(payloads)])
					}
					at++
				}
			})
		}
	}
}
