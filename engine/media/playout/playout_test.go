package playout

import (
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestCleanStreamComesThroughWhole(t *testing.T) {
	b, err := New(codec.PCMU, Options{})
	if err != nil {
		t.Fatal(err)
	}
	payload := make([]byte, 160)
	pcm := make([]int16, 160)
	next := byte(0)
	started := false
	for i := range 100 {
		for j := range payload {
			payload[j] = byte(i)
		}
		now := int64(1000 + 4*i)
		b.Put(&Packet{Seq: uint16(65500 + i), Timestamp: uint32(1<<32 - 8000 + 160*i), SSRC: 7, Payload: payload}, now)
		switch b.Frame(pcm, now) {
		case Sound:
			started = true
			var want [1]int16
			codec.PCMU.Decode(want[:], []byte{next})
			for _, v := range pcm {
				if v != want[0] {
					t.Fatalf("frame %d has sample %d, want %d all through", i, v, want[0])
				}
			}
			next++
		default:
			if started {
				t.Fatalf("frame %d is not sound", i)
			}
		}
	}
	if next < 95 {
		t.Errorf("%d of 100 packets were played", next)
	}
}
