package playout

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// A frame of a clean stream: a packet put in, and 20 ms taken out.
func BenchmarkFrame(b *testing.B) {
	for _, c := range codecs() {
		b.Run(c.Name(), func(b *testing.B) {
			s := say(b, c, measure.Speech(c.SampleRate(), 4*time.Second), nil)
			buf, err := New(c, Options{})
			if err != nil {
				b.Fatal(err)
			}
			pcm := make([]int16, c.SampleRate()/50)
			step := uint32(c.ClockRate() / 50)
			p := Packet{SSRC: 1}
			now := int64(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p.Payload = s.payloads[i%len(s.payloads)]
				buf.Put(&p, now)
				buf.Frame(pcm, now+3)
				p.Seq++
				p.Timestamp += step
				now += 4
			}
		})
	}
}
