package codec

import (
	"math"
	"testing"
)

// throughG722 is pcm encoded and decoded, without the delay of the two filters.
func throughG722(t testing.TB, pcm []int16) []int16 {
	t.Helper()
	d := newG722Decoder()
	var all []int16
	for _, payload := range encodeAll(t, G722, pcm) {
		out := make([]int16, 320)
		all = append(all, out[:d.Decode(out, payload)]...)
	}
	return all[qmfHistory:]
}

func TestG722KeepsBothBands(t *testing.T) {
	for _, c := range []struct {
		hertz, snr float64 // dB: what ADPCM of 6 bits and of 2 bits can do
	}{{300, 30}, {1000, 30}, {3000, 30}, {5000, 12}, {6000, 12}, {7000, 12}} {
		got := throughG722(t, sine(16000, c.hertz, 10000, 1))[1600:]
		tone, rest := split(got, 16000, c.hertz, 10000)
		if math.Abs(tone) > 0.5 || tone-rest < c.snr {
			t.Errorf("a tone of %v Hz comes back at %.1f dB, with %.1f dB of all else", c.hertz, tone, rest)
		}
	}
}

func TestG722Speech(t *testing.T) {
	pcm := sounds(16000)["speech"]
	got := throughG722(t, pcm)
	if db := snr(pcm[:len(got)], got); db < 20 {
		t.Errorf("speech comes back %.1f dB above the error", db)
	}
}

func TestG722InPieces(t *testing.T) {
	pcm := sounds(16000)["speech"]
	whole, pieces := make([]byte, len(pcm)/2), make([]byte, 0, len(pcm)/2)
	if n := newG722Encoder().Encode(whole, pcm); n != len(whole) {
		t.Fatalf("%d samples became %d bytes", len(pcm), n)
	}
	e := newG722Encoder()
	for n := 2; len(pieces) < len(whole); n = (n+38)%500 + 2 { // more than a block, and less
		b := make([]byte, 1000)
		at := 2 * len(pieces)
		pieces = append(pieces, b[:e.Encode(b, pcm[at:min(at+n&^1, len(pcm))])]...)
	}
	if i := firstDifference(whole, pieces); i >= 0 {
		t.Errorf("byte %d differs when a sound is encoded in pieces", i)
	}
	a, b := make([]int16, len(pcm)), make([]int16, 0, len(pcm))
	newG722Decoder().Decode(a, whole)
	d := newG722Decoder()
	for n := 1; len(b) < len(a); n = (n+37)%400 + 1 {
		out := make([]int16, 1000)
		at := len(b) / 2
		b = append(b, out[:d.Decode(out, whole[at:min(at+n, len(whole))])]...)
	}
	if i := firstDifference(a, b); i >= 0 {
		t.Errorf("sample %d differs when payloads are decoded in pieces", i)
	}
}

func BenchmarkG722Encode(b *testing.B) {
	pcm, out := sounds(16000)["speech"], make([]byte, 160)
	e, at := newG722Encoder(), 0
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(out, pcm[at:][:320])
		at = (at + 320) % len(pcm)
	}
}
