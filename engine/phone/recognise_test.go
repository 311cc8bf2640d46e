package phone

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// part is a stretch of sound: sine waves of these frequencies, or noise shaped like
// speech when it has none and is not silent.
type part struct {
	length time.Duration
	hz     []float64
	speech bool
}

func ms(n int, hz ...float64) part { return part{length: time.Duration(n) * time.Millisecond, hz: hz} }
func speech(n int) part            { return part{length: time.Duration(n) * time.Millisecond, speech: true} }

func count(d time.Duration) int { return int(d * sampleRate / time.Second) }

func sound(parts ...part) (pcm []int16) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range parts {
		low := 0.0
		for range count(p.length) {
			t := float64(len(pcm)) / sampleRate
			v := 0.0
			for _, hz := range p.hz {
				v += 4000 * math.Sin(2*math.Pi*hz*t)
			}
			if p.speech {
				// A pitch of 120 Hz with its harmonics, syllables of 5 Hz, and breath.
				low = 0.7*low + 0.3*r.NormFloat64()
				for h := 1; h < 12; h++ {
					v += 1500 / float64(h) * math.Sin(2*math.Pi*120*float64(h)*t+float64(h*h))
				}
				v = (v + 1500*low) * (0.55 + 0.45*math.Sin(2*math.Pi*5*t))
			}
			pcm = append(pcm, int16(v))
		}
	}
	return pcm
}

func repeat(n int, parts ...part) (all []part) {
	for range n {
		all = append(all, parts...)
	}
	return all
}

func TestSoundsAreRecognised(t *testing.T) {
	ringing := repeat(2, ms(400, 400, 450), ms(200), ms(400, 400, 450), ms(2000))
	for _, test := range []struct {
		name  string
		parts []part
		want  []SoundKind
	}{
		{"silence", []part{ms(2000)}, nil},
		{"dial tone", []part{ms(1500, 350, 450)}, []SoundKind{DialTone}},
		{"ringing is one sound over its pauses", ringing, []SoundKind{RingingTone}},
		{"busy", repeat(4, ms(375, 400), ms(375)), []SoundKind{BusyTone}},
		{"congestion", repeat(3, ms(400, 400), ms(350), ms(225, 400), ms(525)), []SoundKind{CongestionTone}},
		{"number unobtainable", []part{ms(300), ms(3000, 400)}, []SoundKind{UnobtainableTone}},
		{"one tone, though the line drops out", []part{ms(1200, 400), ms(260), ms(400, 400), ms(60), ms(1500, 400)}, []SoundKind{UnobtainableTone}},
		{"a beep", []part{ms(500), ms(250, 1000), ms(500)}, []SoundKind{Beep}},
		{"a long tone", []part{ms(4000, 1004)}, []SoundKind{Tone}},
		{"speech", []part{ms(300), speech(2500), ms(1500)}, []SoundKind{Voice}},
		{"speech with a breath in it", []part{speech(1000), ms(400), speech(1000), ms(1000)}, []SoundKind{Voice}},
		{"two sentences", []part{speech(1000), ms(1500), speech(1000)}, []SoundKind{Voice, Voice}},
		{"a greeting and its beep", []part{speech(2000), ms(100), ms(300, 1400), ms(2000)}, []SoundKind{Voice, Beep}},
		{"ringing, then somebody", append(ringing, speech(1500)), []SoundKind{RingingTone, Voice}},
		{"a click is nothing", []part{ms(500), speech(20), ms(500)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l listener
			pcm := sound(test.parts...)
			for len(pcm) > 0 { // in pieces of no particular size
				n := min(len(pcm), 231)
				l.hear(pcm[:n])
				pcm = pcm[n:]
			}
			l.flush()
			var got []SoundKind
			for _, s := range l.all() {
				got = append(got, s.Kind)
			}
			if len(got) != len(test.want) {
				t.Fatalf("heard %v, want %v", l.all(), test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("heard %v, want %v", l.all(), test.want)
				}
			}
		})
	}
}

func TestASoundIsToldAsItBeginsAndAsItEnds(t *testing.T) {
	var l listener
	l.hear(sound(ms(500, 350, 450)))
	if n := l.takeNews(); len(n) != 1 || n[0].ended || n[0].sound.Kind != DialTone {
		t.Fatalf("while it sounds: %v", n)
	}
	l.hear(sound(ms(1000)))
	n := l.takeNews()
	if len(n) != 1 || !n[0].ended {
		t.Fatalf("after it ended: %v", n)
	}
	if d := n[0].sound.Length() - 500*time.Millisecond; d < -40*time.Millisecond || d > 40*time.Millisecond {
		t.Errorf("the tone of 500 ms lasted %v", n[0].sound.Length())
	}
}

func TestLevel(t *testing.T) {
	h := &Hearing{rate: sampleRate, pcm: sound(ms(1000, 1000), ms(1000))}
	// A sine of amplitude 4000 is 20*log10(4000/32768) - 3 dB.
	if got := h.Level(0, time.Second); math.Abs(got-(-21.3)) > 0.2 {
		t.Errorf("level of the tone: %.1f dBFS", got)
	}
	if got := h.Level(time.Second, 2*time.Second); got != -96 {
		t.Errorf("level of silence: %.1f dBFS", got)
	}
	if got := h.Level(5*time.Second, 9*time.Second); got != -96 {
		t.Errorf("level of what was not heard: %.1f dBFS", got)
	}
}

func BenchmarkHear(b *testing.B) {
	pcm := sound(speech(1000))
	for b.Loop() {
		var l listener
		l.hear(pcm)
	}
}
