package playout

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Whatever comes, and whenever frames are taken: a frame is there, what a Buffer holds is bounded, and nothing is
// played that waited longer than MaxDelay.
func TestWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]codec.Codec{codec.PCMU, codec.PCMA, codec.G722, codec.Opus}).Draw(t, "codec")
		limit := time.Duration(rapid.IntRange(0, 1200).Draw(t, "MaxDelay")) * time.Millisecond
		b, err := New(c, Options{MinDelay: time.Duration(rapid.IntRange(0, 100).Draw(t, "MinDelay")) * time.Millisecond, MaxDelay: limit})
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, c.SampleRate()/50)
		p := Packet{Seq: rapid.Uint16().Draw(t, "seq"), Timestamp: rapid.Uint32().Draw(t, "timestamp")}
		sizes := rapid.SampledFrom([]int{0, 1, 2, 20, 40, 80, 160, 240, 480, 960, 1400, 1600})
		steps := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 0, 2, 3, 20, 600, -1, -5, -99, -101, 5000})
		times := rapid.SampledFrom([]int{160, 160, 160, 160, 0, 80, 320, 8000, -160, 1 << 20, -1 << 30})
		waits := rapid.SampledFrom([]int64{0, 0, 1, 2, 4, 4, 4, 4, 8, 40, 400})
		now := int64(rapid.IntRange(0, 1<<30).Draw(t, "now"))
		for range rapid.IntRange(1, 300).Draw(t, "actions") {
			p.Payload = make([]byte, sizes.Draw(t, "size"))
			if len(p.Payload) > 0 {
				p.Payload[0] = rapid.Byte().Draw(t, "first")
			}
			p.Noise = rapid.IntRange(0, 20).Draw(t, "noise") == 0
			p.Marker = rapid.IntRange(0, 20).Draw(t, "marker") == 0
			p.Seq += uint16(steps.Draw(t, "step"))
			p.Timestamp += uint32(times.Draw(t, "time"))
			if rapid.IntRange(0, 50).Draw(t, "other") == 0 {
				p.SSRC++
			}
			b.Put(&p, now)
			now += waits.Draw(t, "wait")
			for range rapid.IntRange(0, 2).Draw(t, "frames") {
				checkFrame(t, b, pcm, now)
			}
		}
	})
}

func checkFrame(t interface{ Errorf(string, ...any) }, b *Buffer, pcm []int16, now int64) {
	pcm[0], pcm[len(pcm)-1] = 1, 1
	played, waiting := b.next, map[int64]int64{} // arrivals by number
	for _, p := range b.queue.slots {
		if p.full {
			waiting[p.seq] = p.arrived
		}
	}
	dropped := b.stats.Dropped
	kind := b.Frame(pcm, now)
	if kind == Silence {
		for _, v := range pcm {
			if v != 0 {
				t.Errorf("a frame of silence is not silent")
				break
			}
		}
	}
	if b.next < played {
		t.Errorf("the next packet was %d and is %d", played, b.next)
	}
	var old uint64
	for seq, arrived := range waiting {
		if seq < b.next && now-arrived > b.max {
			old++
		}
	}
	if b.stats.Dropped-dropped < old {
		t.Errorf("%d packets that waited longer than %v were played", old-b.stats.Dropped+dropped, time.Duration(b.max)*Tick)
	}
	if n := b.sound.len(); n > b.rate*(longest+pastTime+20)/1000 {
		t.Errorf("%d samples wait", n)
	}
	if b.queue.bytes > maxBytes || len(b.queue.slots) > maxSlots || len(b.sound.pcm) > b.rate/2 {
		t.Errorf("%d bytes of payload, %d slots and %d samples are held", b.queue.bytes, len(b.queue.slots), len(b.sound.pcm))
	}
	if d := b.Stats().Target; d > greatestMaxDelay {
		t.Errorf("the delay asked for is %v", d)
	}
}
