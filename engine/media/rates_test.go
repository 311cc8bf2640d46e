package media

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Who listens in wideband hears what a prompt has above 4 kHz; who does not hears
// nothing of it, not even its image.
func TestPlayersAtTheListenersRate(t *testing.T) {
	for _, c := range []struct {
		codec codec.Codec
		clip  int
		high  bool // 6 kHz comes through
	}{
		{codec.PCMU, 16000, false}, {codec.PCMA, 48000, false}, {codec.G722, 16000, true}, {codec.G722, 48000, true}, {codec.G722, 8000, false},
	} {
		for _, volume := range []float64{0, -6} {
			w := newWorld(t, Options{})
			p := newPhone(t, w.e, SessionOptions{}, c.codec, nil)
			pcm := toneAt(c.clip, 1000, 4000, c.clip*6/10)
			if c.clip > 8000 {
				for i, v := range toneAt(c.clip, 6000, 4000, len(pcm)) {
					pcm[i] += v
				}
			}
			player := NewPlayer([]*Clip{NewClip(c.clip, pcm)}, PlayOptions{Volume: volume})
			p.session.Play(player)
			w.frames(35)
			receive(t, player.Done())
			packets := p.hears(30)
			oneStream(t, packets)
			if len(packets) != 30 {
				t.Fatalf("%v: 600 ms became %d packets", c, len(packets))
			}
			got, rate := decode(c.codec, packets), c.codec.SampleRate()
			middle := got[len(got)/4 : len(got)*3/4]
			if db := decibels(amplitudeAt(rate, middle, 1000), 4000) - volume; db < -1 || db > 1 {
				t.Errorf("%v at %v dB: 1 kHz comes at %.1f dB", c, volume, db)
			}
			db := decibels(amplitudeAt(rate, middle, min(6000, float64(rate)-6000)), 4000) - volume
			if c.high && (db < -2 || db > 1) || !c.high && db > -35 {
				t.Errorf("%v at %v dB: 6 kHz, or its image, comes at %.1f dB", c, volume, db)
			}
		}
	}
}

// A player goes on where the codec changes under it, at the place where it was.
func TestPlayerAcrossCodecs(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	player := NewPlayer([]*Clip{NewClip(16000, toneAt(16000, 1000, 8000, 16000))}, PlayOptions{})
	p.session.Play(player)
	w.frames(10)
	p.codec = codec.G722
	if err := p.session.SetFormat(p.format()); err != nil {
		t.Fatal(err)
	}
	w.frames(45)
	receive(t, player.Done())
	packets := p.hears(50)
	oneStream(t, packets)
	if len(packets) != 50 || packets[9].PayloadType != 0 || packets[10].PayloadType != 9 || !packets[10].Marker {
		t.Errorf("%d packets; %v follows %v", len(packets), packets[10].Header, packets[9].Header)
	}
	if db := decibels(amplitudeAt(16000, decode(codec.G722, packets)[1600:8000], 1000), 8000); db < -1 || db > 1 {
		t.Errorf("after the change the tone is at %.1f dB", db)
	}
}

func TestRecordingOfAnyCodecAtAnyRate(t *testing.T) {
	for _, from := range []codec.Codec{codec.PCMU, codec.PCMA, codec.G722} {
		for _, rate := range []int{0, 8000, 16000, 48000} {
			w := newWorld(t, Options{})
			p := newPhone(t, w.e, SessionOptions{}, from, nil)
			var heard taken
			r := NewRecorder(RecordOptions{Write: heard.write, Rate: rate})
			p.session.Record(r)
			w.commands()
			rate = max(rate, 8000)
			talker, frame := newTalker(t, from), from.SampleRate()/50
			pcm := toneAt(from.SampleRate(), 1000, 8000, 50*frame)
			for i := range 50 {
				p.says(talker.frame(pcm[i*frame:][:frame]))
				w.arrived(1)
				w.frames(1)
			}
			r.Stop()
			got := heard.all()
			if len(got) != rate || r.Length() != time.Second {
				t.Errorf("%v at %d Hz: a second became %d samples, %v", from, rate, len(got), r.Length())
				continue
			}
			if db := decibels(amplitudeAt(rate, got[rate/4:rate*3/4], 1000), 8000); db < -0.5 || db > 0.5 {
				t.Errorf("%v at %d Hz: the tone is at %.1f dB", from, rate, db)
			}
		}
	}
}

// A recording that changes its codec goes on without a break.
func TestRecordingAcrossCodecs(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) {
		f.Receives = []Payload{{0, codec.PCMU}, {9, codec.G722}}
	})
	var heard taken
	r := NewRecorder(RecordOptions{Write: heard.write, Rate: 16000})
	p.session.Record(r)
	w.commands()
	for i := range 20 {
		p.codec = codec.PCMU
		if i >= 10 {
			p.codec = codec.G722
		}
		rate := p.codec.SampleRate()
		p.says(newTalker(t, p.codec).frame(toneAt(rate, 1000, 8000, rate/50)))
		w.arrived(1)
		w.frames(1)
	}
	r.Stop()
	if n := len(heard.all()); n != 20*320 {
		t.Errorf("20 frames became %d samples", n)
	}
}

func TestChunkQueue(t *testing.T) {
	q := newChunkQueue()
	var out chunk
	var scratch []byte
	written, read := 0, 0
	for round := range 50 {
		for range 7 + round {
			payload := make([]byte, written*37%1489)
			for i := range payload {
				payload[i] = byte(written + i)
			}
			if !q.put(&chunk{tick: int64(written), payload: payload}) {
				break
			}
			written++
		}
		for range 8 + round/2 {
			var ok bool
			if scratch, ok = q.take(&out, scratch); !ok {
				break
			}
			if out.tick != int64(read) || len(out.payload) != read*37%1489 {
				t.Fatalf("chunk %d came as %d, %d bytes", read, out.tick, len(out.payload))
			}
			for i, b := range out.payload {
				if b != byte(read+i) {
					t.Fatalf("chunk %d, byte %d is %d", read, i, b)
				}
			}
			read++
		}
	}
	if written-read > chunkLimit || written < 500 || read < 500 {
		t.Errorf("%d went in, %d came out", written, read)
	}
}

// A recorder that follows keeps next to nothing.
func TestChunkQueueStaysSmall(t *testing.T) {
	q := newChunkQueue()
	var out chunk
	var scratch []byte
	for range 1000 {
		q.put(&chunk{codec: codec.PCMU, payload: make([]byte, 160)})
		scratch, _ = q.take(&out, scratch)
	}
	if len(q.bytes) > bytesFirst || len(q.chunks) > chunksFirst || len(scratch) != 160 {
		t.Errorf("room for %d bytes in %d chunks", len(q.bytes), len(q.chunks))
	}
}
