package codec

import (
	"bytes"
	"math"
	"testing"
)

// Values of G.711 tables 1a, 1b, 2a and 2b, on a 16-bit scale.
func TestKnownValues(t *testing.T) {
	for _, c := range []struct {
		codec   Codec
		payload byte
		sample  int16
	}{
		{PCMU, 0xff, 0}, {PCMU, 0x7f, 0}, {PCMU, 0x80, 32124}, {PCMU, 0x00, -32124}, {PCMU, 0xfe, 8}, {PCMU, 0x8f, 16764}, {PCMU, 0xef, 132},
		{PCMA, 0xd5, 8}, {PCMA, 0x55, -8}, {PCMA, 0xaa, 32256}, {PCMA, 0x2a, -32256}, {PCMA, 0xd4, 24}, {PCMA, 0xc5, 264}, {PCMA, 0xa5, 16896},
	} {
		var pcm [1]int16
		c.codec.Decode(pcm[:], []byte{c.payload})
		if pcm[0] != c.sample {
			t.Errorf("%v %#02x decodes to %d, want %d", c.codec, c.payload, pcm[0], c.sample)
		}
	}
}

func TestEveryCodeSurvivesDecodingAndEncoding(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		for i := range 256 {
			if c == PCMU && i == 0x7f {
				continue // negative zero is sent as positive zero
			}
			var pcm [1]int16
			var out [1]byte
			c.Decode(pcm[:], []byte{byte(i)})
			c.Encode(out[:], pcm[:])
			if out[0] != byte(i) {
				t.Errorf("%v %#02x became %#02x by way of %d", c, i, out[0], pcm[0])
			}
		}
	}
}

func TestErrorStaysWithinOneInterval(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			var b [1]byte
			var back [1]int16
			c.Encode(b[:], []int16{int16(v)})
			c.Decode(back[:], b[:])
			diff := math.Abs(float64(v) - float64(back[0]))
			if limit := math.Abs(float64(v))/32 + 16; diff > limit && math.Abs(float64(v)) < 32636 {
				t.Fatalf("%v: %d came back as %d", c, v, back[0])
			}
			if diff > 700 {
				t.Fatalf("%v: %d came back as %d", c, v, back[0])
			}
		}
	}
}

func TestTranscode(t *testing.T) {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(9000 * math.Sin(float64(i)/5))
	}
	for _, from := range []Codec{PCMU, PCMA} {
		to := PCMU + PCMA - from
		payload, want := make([]byte, 160), make([]int16, 160)
		from.Encode(payload, pcm)
		from.Decode(want, payload)
		Transcode(payload, from, to)
		got := make([]int16, 160)
		to.Decode(got, payload)
		for i := range got {
			if math.Abs(float64(got[i])-float64(want[i])) > math.Abs(float64(want[i]))/32+16 {
				t.Fatalf("%v to %v: sample %d is %d, was %d", from, to, i, got[i], want[i])
			}
		}
	}
	same := []byte{1, 2, 3}
	Transcode(same, PCMU, PCMU)
	Transcode(same, None, PCMA)
	Transcode(same, PCMU, None)
	if !bytes.Equal(same, []byte{1, 2, 3}) {
		t.Errorf("a transcoding that should do nothing made %v", same)
	}
}

func TestSilenceIsSilent(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		b, pcm := make([]byte, 4), make([]int16, 4)
		c.Silence(b)
		c.Decode(pcm, b)
		for _, v := range pcm {
			if v > 8 || v < -8 {
				t.Errorf("%v silence decodes to %v", c, pcm)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"PCMU", "pcma", "Pcmu"} {
		if c, ok := ByName(name); !ok || !c.Valid() || c.ClockRate() != 8000 {
			t.Errorf("ByName(%q) = %v, %v", name, c, ok)
		}
	}
	if c, ok := ByName("G729"); ok || c != None || c.String() != "none" || c.Encode(make([]byte, 1), make([]int16, 1)) != 0 {
		t.Errorf("an unknown codec is %v, %v", c, ok)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	pcm, b := make([]int16, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		PCMU.Encode(b, pcm)
		PCMU.Decode(pcm, b)
		Transcode(b, PCMU, PCMA)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	pcm, out := make([]int16, 160), make([]byte, 160)
	for i := range pcm {
		pcm[i] = int16(i * 177)
	}
	b.ReportAllocs()
	for b.Loop() {
		PCMA.Encode(out, pcm)
	}
}

func BenchmarkDecode(b *testing.B) {
	pcm, in := make([]int16, 160), make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		PCMU.Decode(pcm, in)
	}
}
