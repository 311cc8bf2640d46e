package media

import (
	"errors"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// piece is a chunk of n samples that all have one value. Its number is that of packets
// of 20 ms that have been sent since timestamp 100.
func piece(tick int64, ts uint32, v int16, n int) *chunk {
	c := &chunk{tick: tick, ssrc: 1, timestamp: ts, seq: uint16((ts - 100) / frameSamples), codec: codec.PCMU, payload: make([]byte, n)}
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = v
	}
	codec.PCMU.Encode(c.payload, pcm)
	return c
}

// numbered is a chunk with another number.
func numbered(seq uint16, c *chunk) *chunk {
	c.seq = seq
	return c
}

// These values survive µ-law.
const one, two, three, four = 8, 16, 24, 32

// concealment is what the decoder makes of it.
const concealment = -1

func TestTimeline(t *testing.T) {
	quiet := func(tick int64) *chunk { return &chunk{tick: tick} }
	other := piece(8, 77, two, 160)
	other.ssrc = 2
	for _, c := range []struct {
		name string
		in   []*chunk
		want []int16 // one value a frame
	}{
		{"in order", []*chunk{quiet(0), piece(4, 100, one, 160), piece(8, 260, two, 160)}, []int16{one, two}},
		{"out of order", []*chunk{quiet(0), piece(4, 100, one, 160), piece(5, 420, three, 160), piece(6, 260, two, 160), piece(12, 580, four, 160)}, []int16{one, two, three, four}},
		{"twice", []*chunk{quiet(0), piece(4, 100, one, 160), piece(4, 100, one, 160), piece(8, 260, two, 160)}, []int16{one, two}},
		{"twice while held", []*chunk{quiet(0), piece(4, 100, one, 160), piece(5, 420, three, 160), piece(5, 420, three, 160), piece(8, 260, two, 160)}, []int16{one, two, three}},
		{"a lost packet is concealed", []*chunk{quiet(0), piece(4, 100, one, 160), piece(12, 420, three, 160), piece(16, 580, four, 160), piece(40, 740, one, 160)}, []int16{one, concealment, three, four, one}},
		{"and comes too late", []*chunk{quiet(0), piece(4, 100, one, 160), piece(12, 420, three, 160), piece(40, 580, four, 160), piece(41, 260, two, 160)}, []int16{one, concealment, three, four}},
		{"silence suppression", []*chunk{quiet(0), piece(4, 100, one, 160), quiet(48), numbered(1, piece(48, 100+45*160/4, two, 160)), numbered(2, piece(80, 100+45*160/4+160, three, 160))}, nil},
		{"a delay makes the recording longer and loses nothing", []*chunk{quiet(0), piece(4, 100, one, 160), quiet(48), piece(50, 260, two, 160), piece(50, 420, three, 160)}, []int16{one, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, two, three}},
		{"a key in between", []*chunk{quiet(0), piece(4, 100, one, 160), {tick: 8, ssrc: 1, seq: 1, silent: true}, piece(12, 420, two, 160)}, []int16{one, 0, two}},
		{"another stream", []*chunk{quiet(0), piece(4, 1<<31, one, 160), other}, []int16{one, two}},
		{"timestamps wrap", []*chunk{quiet(0), piece(4, 1<<32-100, one, 160), numbered(0xffff&26843545, piece(8, 60, two, 160))}, []int16{one, two}},
		{"silence before the first word", []*chunk{quiet(0), quiet(40), piece(44, 9, one, 160)}, []int16{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, one}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int16
			line := timeline{rate: sampleRate, emit: func(pcm []int16) bool { got = append(got, pcm...); return true }}
			for _, in := range c.in {
				line.add(in)
			}
			line.flush()
			if c.want == nil { // 4 + 45 ticks from the first sample of one to that of two, whatever fills them
				if len(got) != 45*tickSamples+2*frameSamples || got[0] != one || got[45*tickSamples] != two || got[45*tickSamples-1] != 0 {
					t.Errorf("%d samples", len(got))
				}
				return
			}
			if len(got) != len(c.want)*frameSamples {
				t.Fatalf("%d samples, want %d frames", len(got), len(c.want))
			}
			for i, v := range got {
				want, before := c.want[i/frameSamples], c.want[max(0, i/frameSamples-1)]
				if want == concealment || before == concealment && i%frameSamples < frameSamples/2 { // which fades into what follows
					continue
				}
				if v != want {
					t.Fatalf("sample %d is %d, want %v", i, v, c.want)
				}
			}
		})
	}
}

// Whatever a stranger writes into timestamps, or however fast it sends, a recording
// grows no faster than time and a second.
func TestTimelineIsBounded(t *testing.T) {
	for _, step := range []uint32{160, 9 * sampleRate, 1 << 31, 11 * sampleRate, 1<<32 - 160} {
		n := 0
		line := timeline{rate: sampleRate, emit: func(pcm []int16) bool { n += len(pcm); return true }}
		line.add(&chunk{tick: 0})
		ts := uint32(0)
		const ticks = 400 // 2 s
		for tick := range int64(ticks) {
			for range 10 {
				line.add(piece(tick, ts, one, 160))
				ts += step
			}
		}
		line.flush()
		if limit := ticks*tickSamples + aheadOfTime*sampleRate + 2*frameSamples; n > limit {
			t.Errorf("steps of %d: %d samples in two seconds", step, n)
		}
		if len(line.held) != 0 || cap(line.held) > 4*heldChunks {
			t.Errorf("steps of %d: %d chunks held, room for %d", step, len(line.held), cap(line.held))
		}
	}
}

func FuzzTimeline(f *testing.F) {
	f.Add([]byte{0, 0, 0, 160, 4, 0, 160, 80})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, tick := 0, int64(0)
		line := timeline{rate: sampleRate, emit: func(pcm []int16) bool { n += len(pcm); return true }}
		for ; len(b) >= 4; b = b[4:] {
			tick += int64(b[0])
			c := &chunk{tick: tick, ssrc: uint32(b[0] & 1), timestamp: uint32(b[1])<<24 | uint32(b[2])<<8, seq: uint16(b[2]), payload: make([]byte, b[3]%161)}
			if b[3]%5 != 0 {
				c.codec = codec.Codec(1 + b[3]%3)
			}
			line.add(c)
		}
		line.flush()
		if int64(n) > (tick+4)*tickSamples+aheadOfTime*sampleRate+2*frameSamples {
			t.Errorf("%d samples in %d ticks", n, tick)
		}
	})
}

func TestRecordingEndsInSilence(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	var heard taken
	r := NewRecorder(RecordOptions{Write: heard.write, Silence: time.Second})
	p.session.Record(r)
	w.commands()
	payload := make([]byte, frameSamples)
	for i := range 50 { // speech, then a hum at -50 dBFS
		level := 8000.0
		if i >= 25 {
			level = 100
		}
		codec.PCMU.Encode(payload, tone(400, level, i*frameSamples, frameSamples))
		p.says(payload)
		w.arrived(1)
		w.frames(1)
	}
	eventually(t, "all has been written", func() bool { return r.Length() == time.Second })
	if s := r.TrailingSilence(); s != 500*time.Millisecond {
		t.Errorf("half a second of hum is %v of silence", s)
	}
	w.frames(100) // then nothing at all comes any more
	receive(t, r.Done())
	if r.Reason() != Silent || r.Length() < 1500*time.Millisecond || r.Length() > 1550*time.Millisecond {
		t.Errorf("it ended %v after %v", r.Reason(), r.Length())
	}
	w.frames(1)
	if len(p.session.recorders) != 0 {
		t.Error("the session still has it")
	}
}

func TestRecordingEndsAtMaxLength(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMA, nil)
	var heard taken
	r := NewRecorder(RecordOptions{Write: heard.write, MaxLength: 505 * time.Millisecond})
	p.session.Record(r)
	w.commands()
	for range 30 {
		p.says(make([]byte, 160))
		w.arrived(1)
		w.frames(1)
	}
	receive(t, r.Done())
	if r.Reason() != MaxLength || r.Length() != 505*time.Millisecond || len(heard.all()) != 4040 {
		t.Errorf("it ended %v after %v, %d samples", r.Reason(), r.Length(), len(heard.all()))
	}
}

func TestRecordingFails(t *testing.T) {
	full := errors.New("disk full")
	for name, write := range map[string]func([]int16) error{
		"error": func([]int16) error { return full },
		"panic": func([]int16) error { panic(full) },
	} {
		w := newWorld(t, Options{})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		r := NewRecorder(RecordOptions{Write: write})
		p.session.Record(r)
		w.commands()
		p.says(make([]byte, 160))
		w.arrived(1)
		receive(t, r.Done())
		if r.Reason() != Failed || r.Err() == nil || name == "error" && !errors.Is(r.Err(), full) {
			t.Errorf("%s: it ended %v with %v", name, r.Reason(), r.Err())
		}
		r.Stop()
	}
}

// While the disk stalls, sound is kept; what is too much is lost, and counted, but
// its time is not.
func TestRecordingThroughAStalledDisk(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	var heard taken
	goOn := make(chan struct{})
	r := NewRecorder(RecordOptions{Write: func(pcm []int16) error { <-goOn; return heard.write(pcm) }})
	p.session.Record(r)
	w.commands()
	payload := make([]byte, frameSamples)
	codec.PCMU.Encode(payload, tone(400, 8000, 0, frameSamples))
	speak := func(n int) {
		for range n {
			p.says(payload)
			w.arrived(1)
			w.frames(1)
		}
	}
	speak(chunkLimit + 50)
	if n := r.Overflow(); n < 40 || n > 52 { // the queue holds a mark or two besides, and Write a packet
		t.Errorf("%d packets were too many", n)
	}
	close(goOn)
	eventually(t, "the disk has caught up", func() bool { return r.Length() >= 5*time.Second })
	speak(20)
	eventually(t, "all has been written", func() bool { return r.Length() >= (chunkLimit+70)*20*time.Millisecond })
	p.session.StopRecord(r)
	if n := len(heard.all()); n != (chunkLimit+70)*frameSamples {
		t.Errorf("%d packets became %d frames", chunkLimit+70, n/frameSamples)
	}
	silent := 0
	for i := 0; i < len(heard.all()); i += frameSamples {
		if peak(heard.all()[i:i+frameSamples]) == 0 {
			silent++
		}
	}
	if lost := int(r.Overflow()); silent > lost || silent < lost-3*concealed { // there may be a gap or two more where the disk took a chunk
		t.Errorf("%d frames are silent, %d were lost", silent, r.Overflow())
	}
}

func TestRecorderThatNeverBegan(t *testing.T) {
	r := NewRecorder(RecordOptions{})
	r.Stop()
	receive(t, r.Done())
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Record(r)
	w.ticks(2)
	if len(p.session.recorders) != 0 {
		t.Error("a recorder that has ended was taken")
	}
	if Silent.String() != "silent" || StopReason(9).String() != "unknown" {
		t.Error("reasons have no names")
	}
}

// Packets of another length than 20 ms are taken whole.
func TestRecordingOfLongPackets(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	var heard taken
	r := NewRecorder(RecordOptions{Write: heard.write})
	p.session.Record(r)
	w.commands()
	payload := make([]byte, 480)
	for i := range 10 {
		codec.PCMU.Encode(payload, tone(1000, 8000, i*480, 480))
		p.says(payload)
		w.arrived(1)
		w.frames(3)
	}
	r.Stop()
	got := heard.all()
	if len(got) != 4800 {
		t.Fatalf("600 ms became %d samples", len(got))
	}
	if db := decibels(amplitude(got, 1000), 8000); db < -0.5 || db > 0.5 {
		t.Errorf("the tone is at %.1f dB", db)
	}
}
