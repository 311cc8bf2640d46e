package codec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sounds are two seconds each of sounds that try every part of a codec.
func sounds(rate int) map[string][]int16 {
	r := rand.New(rand.NewPCG(7, 22))
	n, f := 2*rate, float64(rate)
	all := map[string][]int16{
		"1 kHz": sine(rate, 1000, 12000, 2), "high": sine(rate, 0.375*f, 12000, 2),
		"silence": make([]int16, n), "sudden": append(make([]int16, n/4), sine(rate, 440, 30000, 1.5)...),
	}
	for _, name := range []string{"noise", "square", "quiet", "sweep", "speech"} {
		all[name] = make([]int16, n)
	}
	var formants [24]float64 // how loud each harmonic of a voice of 120 Hz is
	for h := range formants {
		hertz := 120 * float64(h+1)
		formants[h] = math.Exp(-math.Pow((hertz-500)/250, 2)) + 0.5*math.Exp(-math.Pow((hertz-1500)/300, 2)) + 0.2*math.Exp(-math.Pow((hertz-2500)/400, 2))
	}
	phase := 0.0
	for i := range n {
		at := float64(i) / f
		all["noise"][i] = int16(r.IntN(40000) - 20000)
		all["quiet"][i] = int16(r.IntN(7) - 3)
		all["square"][i] = int16(12000 - 24000*(i*400/rate%2))
		all["sweep"][i] = int16(14000 * math.Sin(math.Pi*(50+f/2*at/2)*at))
		// A voice: a pitch that wanders, formants, syllables.
		phase += 2 * math.Pi * (120 + 15*math.Sin(5*at)) / f
		var v float64
		for h, loud := range formants {
			v += loud * math.Sin(float64(h+1)*phase)
		}
		all["speech"][i] = int16(4000*v*math.Min(1, math.Max(0, 0.3+math.Sin(2*math.Pi*2.5*at))) + float64(r.IntN(21)-10))
	}
	return all
}

func encodeAll(t testing.TB, c Codec, pcm []int16) [][]byte {
	t.Helper()
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	frame := c.SampleRate() / 50
	for at := 0; at+frame <= len(pcm); at += frame {
		b := make([]byte, c.FrameBytes())
		n := e.Encode(b, pcm[at:][:frame])
		if n == 0 {
			t.Fatalf("%v: the frame at %d became nothing", c, at)
		}
		all = append(all, b[:n])
	}
	return all
}

// decoders are all there are, by name.
func decoders(t testing.TB) map[string]Decoder {
	t.Helper()
	all := map[string]Decoder{}
	for c := PCMU; c.Valid(); c++ {
		d, err := NewDecoder(c)
		if err != nil {
			t.Fatal(err)
		}
		all[c.Name()] = d
	}
	pion, err := newPionDecoder()
	if err != nil {
		t.Fatal(err)
	}
	all["opus by pion"] = pion
	return all
}

func TestStreamsAllocateNothing(t *testing.T) {
	for c := PCMU; c.Valid(); c++ {
		if !c.CanEncode() {
			continue // the tests of libopus say that it is missing
		}
		e, err := NewEncoder(c)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(c)
		if err != nil {
			t.Fatal(err)
		}
		pcm, b, out := sine(c.SampleRate(), 440, 8000, 0.02), make([]byte, c.FrameBytes()), make([]int16, 5760)
		n := 0
		if allocs := testing.AllocsPerRun(100, func() {
			n = e.Encode(b, pcm)
			d.Decode(out, b[:n])
			d.Conceal(out[:len(pcm)])
			if r, ok := d.(Recoverer); ok {
				r.Recover(out[:len(pcm)], b[:n])
			}
		}); allocs != 0 && !(raceDetector && c == Opus) {
			t.Errorf("%v: %v allocations", c, allocs)
		}
	}
}

func TestSenselessPayloads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, d := range decoders(t) {
		pcm := make([]int16, 5760)
		for i := range 3000 {
			payload := make([]byte, r.IntN(300))
			for j := range payload {
				payload[j] = byte(r.Uint32())
			}
			if n := d.Decode(pcm, payload); n < 0 || n > len(pcm) {
				t.Fatalf("%s: %x became %d samples", name, payload, n)
			}
			if rec, ok := d.(Recoverer); ok && i%3 == 0 {
				rec.Recover(pcm[:960], payload)
			}
			d.Conceal(pcm[:160])
		}
		if n := d.Decode(pcm, nil); n != 0 {
			t.Errorf("%s: nothing became %d samples", name, n)
		}
		if n := d.Decode(nil, []byte{1, 2, 3}); n != 0 {
			t.Errorf("%s: %d samples in no room", name, n)
		}
		d.Conceal(nil)
	}
}

// similarity is the normalised correlation of two sounds: 1 for the same.
func similarity(a, b []int16) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(max(aa*bb, 1))
}

// firstDifference is where a and b, of one length, differ first, or -1.
func firstDifference[T comparable](a, b []T) int {
	for i, v := range a {
		if v != b[i] {
			return i
		}
	}
	return -1
}
