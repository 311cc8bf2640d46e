package dtmf_test

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/dtmf"
	"github.com/belfry-pbx/belfry/engine/media/measure"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/stdlib"
)

const (
	ms   = time.Millisecond
	keys = "123A456B789C*0#D"
)

var (
	rates = []int{8000, 16000, 48000}
	rows  = []float64{697, 770, 852, 941}
	cols  = []float64{1209, 1336, 1477, 1633}
)

// A signal is one press as a telephone sends it.
type signal struct {
	key            byte
	length         time.Duration
	row, col       float64 // dBm0
	rowOff, colOff float64 // of the frequency, in parts of it
	phase          float64
}

func plain(key byte) signal { return signal{key: key, length: 60 * ms, row: -10, col: -10} }

func samples(rate int, d time.Duration) int { return int(d * time.Duration(rate) / time.Second) }

func (s signal) at(rate int) []int16 {
	i := strings.IndexByte(keys, s.key)
	row, col := rows[i/4]*(1+s.rowOff), cols[i%4]*(1+s.colOff)
	// 0 dBm0 is 3.14 dB below a sine of full scale.
	a, b := 32768*math.Pow(10, (s.row-3.14)/20), 32768*math.Pow(10, (s.col-3.14)/20)
	pcm := make([]int16, samples(rate, s.length))
	for i := range pcm {
		t := 2 * math.Pi * float64(i) / float64(rate)
		v := a*math.Sin(row*t+s.phase) + b*math.Sin(col*t+2.7*s.phase)
		pcm[i] = int16(min(max(math.Round(v), math.MinInt16), math.MaxInt16))
	}
	return pcm
}

func quiet(rate int, d time.Duration) []int16 { return make([]int16, samples(rate, d)) }

type press struct {
	key      byte
	duration time.Duration
}

// hear gives a new detector the sound in frames of 20 ms, and silence after it.
func hear(rate int, pcm ...[]int16) []press {
	d := dtmf.New(rate)
	var found []press
	all := slices.Concat(append(pcm, quiet(rate, 100*ms))...)
	for frame := range slices.Chunk(all, rate/50) {
		if key, duration := d.Hear(frame); key != 0 {
			found = append(found, press{key, duration})
		}
	}
	return found
}

func pressed(found []press) string {
	var s []byte
	for _, p := range found {
		s = append(s, p.key)
	}
	return string(s)
}

// everyway calls try with signals of every key, and with the silence to put before
// them so that they begin anywhere in a block and in a frame.
func everyway(rate int, try func(s signal, before []int16)) {
	for i := range keys {
		for step := range 12 {
			s := plain(keys[i])
			s.phase = float64(step)
			try(s, quiet(rate, 10*ms+time.Duration(step)*1730*time.Microsecond))
		}
	}
}

func TestEveryKeyAtEveryRate(t *testing.T) {
	for _, rate := range rates {
		everyway(rate, func(s signal, before []int16) {
			found := hear(rate, before, s.at(rate))
			if pressed(found) != string(s.key) {
				t.Fatalf("%d Hz: key %c is heard as %q", rate, s.key, pressed(found))
			}
			if off := found[0].duration - s.length; off.Abs() > 5*ms {
				t.Fatalf("%d Hz: key %c held %v is heard for %v", rate, s.key, s.length, found[0].duration)
			}
		})
	}
}

// ITU-T Q.24 table A-1: what must be accepted, and what must not.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*signal)
		accepted bool
	}{
		{"1.5 % too high", func(s *signal) { s.rowOff, s.colOff = 0.015, 0.015 }, true},
		{"1.5 % too low", func(s *signal) { s.rowOff, s.colOff = -0.015, -0.015 }, true},
		{"1.5 % apart", func(s *signal) { s.rowOff, s.colOff = 0.015, -0.015 }, true},
		{"1.5 % together", func(s *signal) { s.rowOff, s.colOff = -0.015, 0.015 }, true},
		{"row 3.5 % too high", func(s *signal) { s.rowOff = 0.035 }, false},
		{"row 3.5 % too low", func(s *signal) { s.rowOff = -0.035 }, false},
		{"column 3.5 % too high", func(s *signal) { s.colOff = 0.035 }, false},
		{"column 3.5 % too low", func(s *signal) { s.colOff = -0.035 }, false},
		{"column 4 dB stronger", func(s *signal) { s.col = s.row + 4 }, true},
		{"column 8 dB weaker", func(s *signal) { s.col = s.row - 8 }, true},
		{"column 4 dB stronger, 1.5 % off", func(s *signal) { s.col, s.rowOff, s.colOff = s.row+4, 0.015, -0.015 }, true},
		{"column 8 dB weaker, 1.5 % off", func(s *signal) { s.col, s.rowOff, s.colOff = s.row-8, -0.015, 0.015 }, true},
		{"column 8 dB weaker, 3.5 % too high", func(s *signal) { s.col, s.colOff = s.row-8, 0.035 }, false},
		{"column 8 dB weaker, 3.5 % too low", func(s *signal) { s.col, s.colOff = s.row-8, -0.035 }, false},
		{"column 10 dB stronger", func(s *signal) { s.col, s.row = -10, -20 }, false},
		{"column 14 dB weaker", func(s *signal) { s.row, s.col = -8, -22 }, false},
		{"row alone", func(s *signal) { s.col = -90 }, false},
		{"column alone", func(s *signal) { s.row = -90 }, false},
		{"-3 dBm0", func(s *signal) { s.row, s.col = -3, -3 }, true},
		{"0 dBm0, clipped", func(s *signal) { s.row, s.col = 0, 0 }, true},
		{"-29 dBm0", func(s *signal) { s.row, s.col = -29, -29 }, true},
		{"-25 and -29 dBm0", func(s *signal) { s.row, s.col = -29, -25 }, true},
		{"-40 dBm0", func(s *signal) { s.row, s.col = -40, -40 }, false},
		{"40 ms", func(s *signal) { s.length = 40 * ms }, true},
		{"40 ms, 1.5 % off, with twist", func(s *signal) { s.length, s.rowOff, s.colOff, s.col = 40*ms, 0.015, 0.015, s.row-8 }, true},
		{"23 ms", func(s *signal) { s.length = 23 * ms }, false},
		{"10 s", func(s *signal) { s.length = 10 * time.Second }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, rate := range rates {
				if rate > 8000 && testing.Short() {
					continue
				}
				wrong, tried := 0, 0
				everyway(rate, func(s signal, before []int16) {
					c.change(&s)
					want := ""
					if c.accepted {
						want = string(s.key)
					}
					tried++
					if got := pressed(hear(rate, before, s.at(rate))); got != want {
						wrong++
						t.Logf("%d Hz, key %c: heard %q", rate, s.key, got)
					}
				})
				if wrong > 0 {
					t.Errorf("%d Hz: %d of %d wrong", rate, wrong, tried)
				}
			}
		})
	}
}

func TestPausesAndInterruptions(t *testing.T) {
	for _, rate := range rates {
		everyway(rate, func(s signal, before []int16) {
			tone := s.at(rate)
			if got := pressed(hear(rate, before, tone, quiet(rate, 40*ms), tone)); got != string([]byte{s.key, s.key}) {
				t.Errorf("%d Hz: two presses of %c 40 ms apart are %q", rate, s.key, got)
			}
			found := hear(rate, before, tone, quiet(rate, 10*ms), tone)
			if pressed(found) != string(s.key) {
				t.Fatalf("%d Hz: a press of %c with a break of 10 ms is %q", rate, s.key, pressed(found))
			}
			if off := found[0].duration - 130*ms; off.Abs() > 10*ms {
				t.Errorf("%d Hz: %c held 130 ms with a break of 10 ms is heard for %v", rate, s.key, found[0].duration)
			}
			other := plain(keys[(strings.IndexByte(keys, s.key)+5)%16])
			if got := pressed(hear(rate, before, tone, other.at(rate))); got != string([]byte{s.key, other.key}) {
				t.Errorf("%d Hz: %c and at once %c are %q", rate, s.key, other.key, got)
			}
		})
	}
}

func TestNoise(t *testing.T) {
	const rate, presses = 8000, 3000
	r := rand.New(rand.NewPCG(1, 1))
	d, missed, want := dtmf.New(rate), 0, byte(0)
	listen := func(pcm []int16) {
		for frame := range slices.Chunk(pcm, 160) {
			if key, _ := d.Hear(frame); key != 0 {
				if key != want {
					t.Errorf("heard %c where %c was pressed", key, want)
				}
				want = 0
			}
		}
	}
	for i := range presses {
		s := plain(keys[i%16])
		s.length, s.phase = 50*ms, float64(i)
		s.rowOff, s.colOff = 0.015*(2*r.Float64()-1), 0.015*(2*r.Float64()-1)
		s.col = s.row + 12*r.Float64() - 8
		pcm := slices.Concat(quiet(rate, 40*ms), s.at(rate), quiet(rate, 50*ms+time.Duration(r.IntN(1000))*10*time.Microsecond))
		// 15 dB below the two tones, in the telephone band of 3.1 of 4 kHz.
		both := math.Pow(10, s.row/10) + math.Pow(10, s.col/10)
		deviation := 32768 / math.Sqrt2 * math.Sqrt(both/math.Pow(10, 1.814)*4/3.1)
		for k := range pcm {
			pcm[k] += int16(r.NormFloat64() * deviation)
		}
		want = s.key
		listen(pcm)
		if want != 0 {
			missed++
		}
	}
	if missed > 1 { // AT&T: one in 10,000
		t.Errorf("%d of %d presses were missed", missed, presses)
	}
}

func TestThroughCodecs(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.PCMA} {
		everyway(8000, func(s signal, before []int16) {
			s.row, s.col = -25, -29
			pcm := slices.Concat(before, s.at(8000), quiet(8000, 50*ms))
			b := make([]byte, len(pcm))
			c.Encode(b, pcm)
			c.Decode(pcm, b)
			if got := pressed(hear(8000, pcm)); got != string(s.key) {
				t.Errorf("%v: %c is heard as %q", c, s.key, got)
			}
		})
	}
}

func TestAnyFrameLength(t *testing.T) {
	pcm := slices.Concat(quiet(8000, 30*ms), plain('7').at(8000), quiet(8000, 40*ms), plain('#').at(8000), quiet(8000, 100*ms))
	for _, length := range []int{1, 20, 33, 160, 960, len(pcm)} {
		d := dtmf.New(8000)
		got := ""
		for frame := range slices.Chunk(pcm, length) {
			if key, _ := d.Hear(frame); key != 0 {
				got += string(key)
			}
		}
		if key, _ := d.Hear(nil); key != 0 {
			got += string(key)
		}
		if got != "7#" {
			t.Errorf("in frames of %d samples: %q", length, got)
		}
	}
}

// noKeys complains of every key heard where none was pressed.
func noKeys(t *testing.T, what string, rate int, pcm []int16) {
	t.Helper()
	at, d := 0, dtmf.New(rate)
	for frame := range slices.Chunk(pcm, rate/50) {
		if key, duration := d.Hear(frame); key != 0 {
			t.Errorf("%s: %c for %v before %v", what, key, duration, time.Duration(at)*20*ms)
		}
		at++
	}
}

func TestSpeechIsNoKey(t *testing.T) {
	minutes := 30 * time.Minute
	if testing.Short() {
		minutes /= 10
	}
	noKeys(t, "synthetic speech", 8000, measure.Speech(8000, minutes))
	noKeys(t, "synthetic speech", 16000, measure.Talker(16000, 2, minutes/10))
	noKeys(t, "synthetic speech", 48000, measure.Talker(48000, 3, minutes/10))
	noise := make([]int16, 60*8000)
	for i := range noise {
		noise[i] = int16(rand.NormFloat64() * 3000)
	}
	noKeys(t, "noise", 8000, noise)
}

func TestPromptsAndMusicAreNoKeys(t *testing.T) {
	library := prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}})
	names := library.Names("en")
	var heard time.Duration
	listen := func(name string, sound prompt.Sound, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, clip := range sound.Clips {
			pcm := clip.PCM()
			noKeys(t, name, clip.Rate(), pcm)
			noKeys(t, name+" at 8 kHz", 8000, codec.Resample(pcm, clip.Rate(), 8000))
			heard += clip.Duration()
		}
	}
	for _, name := range names {
		sound, err := library.Sound(t.Context(), name, "en")
		listen(name, sound, err)
	}
	music, err := library.Music("")
	listen("hold music", music, err)
	for _, name := range []string{"dial", "ringing", "busy", "congestion", "unobtainable", "beep"} {
		tone, _ := prompt.Tone(name)
		tone.Clips = slices.Repeat(tone.Clips, 5)
		listen(name, tone, nil)
	}
	if len(names) < 500 || heard < 10*time.Minute {
		t.Errorf("only %d prompts, %v were heard", len(names), heard)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, rate := range rates {
		d, pcm := dtmf.New(rate), slices.Concat(plain('5').at(rate), quiet(rate, 60*ms))
		if n := testing.AllocsPerRun(100, func() {
			for frame := range slices.Chunk(pcm, rate/50) {
				d.Hear(frame)
			}
		}); n != 0 {
			t.Errorf("%d Hz: %v allocations", rate, n)
		}
	}
}

func BenchmarkHear(b *testing.B) {
	for _, rate := range rates {
		for name, pcm := range map[string][]int16{
			"speech": measure.Speech(rate, 10*time.Second), "silence": quiet(rate, time.Second), "tone": signal{key: '5', row: -10, col: -10, length: time.Second}.at(rate),
		} {
			b.Run(fmt.Sprintf("%s/%d", name, rate), func(b *testing.B) {
				d, at := dtmf.New(rate), 0
				b.ReportAllocs()
				for b.Loop() {
					d.Hear(pcm[at : at+rate/50])
					if at += rate / 50; at == len(pcm) {
						at = 0
					}
				}
			})
		}
	}
}
