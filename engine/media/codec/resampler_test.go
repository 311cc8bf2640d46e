package codec

import "testing"

func BenchmarkResampler(b *testing.B) {
	for _, c := range []struct {
		name     string
		from, to int
	}{{"8to48", 8000, 48000}, {"8to16", 8000, 16000}, {"16to48", 16000, 48000}, {"48to8", 48000, 8000}, {"48to16", 48000, 16000}, {"16to8", 16000, 8000}} {
		b.Run(c.name, func(b *testing.B) {
			r := NewResampler(c.from, c.to)
			src, dst := sine(c.from, 1000, 10000, 0.02), make([]int16, 960)
			b.ReportAllocs()
			for b.Loop() {
				r.Resample(dst, src)
			}
		})
	}
}
