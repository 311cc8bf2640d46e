package playout

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/fakenet"
)

const (
	interval = 20 * time.Millisecond
	firstTS  = 1<<32 - 9000 // so that timestamps wrap
	firstSeq = 65400        // and numbers
)

// A said is speech in packets, and what a decoder makes of it where all arrive.
type said struct {
	codec    codec.Codec
	payloads [][]byte
	clean    []int16
}

// say encodes pcm, at the codec's rate, in packets of 20 ms.
func say(t testing.TB, c codec.Codec, pcm []int16, prepare func(codec.Encoder)) said {
	t.Helper()
	e, err := codec.NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(e)
	}
	d := newDecoder(t, c)
	s := said{codec: c, clean: make([]int16, 0, len(pcm))}
	n := c.SampleRate() / 50
	payload, heard := make([]byte, c.FrameBytes()), make([]int16, n)
	for ; len(pcm) >= n; pcm = pcm[n:] {
		made := e.Encode(payload, pcm[:n])
		s.payloads = append(s.payloads, append([]byte(nil), payload[:made]...))
		d.Decode(heard, payload[:made])
		s.clean = append(s.clean, heard...)
	}
	return s
}

// packet is the i-th of s.
func (s *said) packet(i int) *Packet {
	return &Packet{
		Seq: uint16(firstSeq + i), Timestamp: firstTS + uint32(i*s.codec.ClockRate()/50),
		SSRC: 1, Marker: i == 0, Payload: s.payloads[i],
	}
}

// A receiver makes sound of packets.
type receiver interface {
	put(s *said, i int, now int64)
	frame(pcm []int16, now int64)
	// delay is the time since the sender had what is heard now, in ms, and how much was made up, in percent.
	figures() (delay, concealed float64)
}

// receive has r hear s through the net, and returns what it makes of it, with r's figures
// as of the last packet's sending.
func receive(s *said, net fakenet.Net, r receiver) (out []int16, delay, concealed float64) {
	arrivals := net.Carry(len(s.payloads), interval)
	n := s.codec.SampleRate() / 50
	out = make([]int16, 0, len(s.clean)+n*50)
	pcm := make([]int16, n)
	const phase = 3  // of the frames against the packets, in ticks
	const rest = 100 // ticks, in which what is on its way comes out
	end := int64(len(s.payloads)) * 4
	for now := range end + rest {
		if now == end {
			delay, concealed = r.figures()
		}
		for len(arrivals) > 0 && arrivals[0].At <= time.Duration(now)*Tick {
			r.put(s, arrivals[0].Index, now)
			arrivals = arrivals[1:]
		}
		if now%4 == phase {
			r.frame(pcm, now)
			out = append(out, pcm...)
		}
	}
	return out, delay, concealed
}

// ours is the Buffer as a receiver.
type ours struct {
	*Buffer
	first  int // packet
	primed bool
	sum    float64 // of delays, ms
	n      int
	worst  float64
}

func (o *ours) put(s *said, i int, now int64) {
	if !o.primed {
		o.first, o.primed = i, true
	}
	o.Put(s.packet(i), now)
}

func (o *ours) frame(pcm []int16, now int64) {
	o.Frame(pcm, now)
	if !o.idle {
		// Of the frame's beginning; a packet is said 20 ms after its first sample.
		place := float64(o.cursor-int64(o.sound.len()))/float64(o.rate)*1000 - 20 + float64(o.first*20)
		d := float64(now*5) - place
		o.sum += d
		o.worst = max(o.worst, d)
		o.n++
	}
}

func (o *ours) figures() (delay, concealed float64) {
	s := o.Stats()
	return o.sum / float64(max(1, o.n)), 100 * s.Concealed.Seconds() / (float64(s.Frames) / 50)
}

func newOurs(t testing.TB, c codec.Codec) *ours {
	t.Helper()
	b, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &ours{Buffer: b}
}
