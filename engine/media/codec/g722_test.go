package codec

import "testing"

func BenchmarkG722Encode(b *testing.B) {
	pcm, out := sine(16000, 440, 10000, 1), make([]byte, 160)
	e, at := newG722Encoder(), 0
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(out, pcm[at:][:320])
		at = (at + 320) % len(pcm)
	}
}

func BenchmarkG722Decode(b *testing.B) {
	payload := make([]byte, 8000)
	newG722Encoder().Encode(payload, sine(16000, 440, 10000, 1))
	d, at, pcm := newG722Decoder(), 0, make([]int16, 320)
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(pcm, payload[at:][:160])
		at = (at + 160) % len(payload)
	}
}
