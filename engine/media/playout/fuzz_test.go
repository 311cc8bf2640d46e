package playout

import (
	"encoding/binary"
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// FuzzPackets reads packets and times from the input: a byte of what to do, a number, a timestamp and
// a payload of up to 255 bytes each.
func FuzzPackets(f *testing.F) {
	f.Add(byte(codec.PCMU), []byte{0, 0, 1, 0, 0, 0, 160, 4, 1, 2, 3, 4})
	f.Add(byte(codec.Opus), []byte{4, 0, 1, 0, 0, 3, 192, 3, 0x78, 2, 3, 21, 0, 3, 0, 0, 7, 128, 2, 0x0b, 5})
	f.Fuzz(func(t *testing.T, which byte, in []byte) {
		c := codec.Codec(which)
		if !c.Valid() {
			return
		}
		b, err := New(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, c.SampleRate()/50)
		var now int64
		for len(in) >= 8 {
			what := in[0]
			n := min(int(in[7]), len(in)-8)
			b.Put(&Packet{
				Seq: binary.BigEndian.Uint16(in[1:]), Timestamp: binary.BigEndian.Uint32(in[3:]), SSRC: uint32(what >> 7),
				Marker: what&64 != 0, Noise: what&32 != 0, Payload: in[8 : 8+n],
			}, now)
			now += int64(what & 7)
			if what&24 != 0 {
				checkFrame(t, b, pcm, now)
			}
			in = in[8+n:]
		}
	})
}
