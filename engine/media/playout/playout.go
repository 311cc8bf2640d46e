// Package playout turns a stream of RTP packets into sound by the clock: an adaptive
// jitter buffer that decodes, conceals what is lost, makes comfort noise and follows
// the sender's clock.
//
// A Buffer is fed packets as they come and gives 20 ms of sound whenever it is asked.
// The README tells how it decides.
package playout

import (
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Tick is the unit of the time that Put and Frame are told.
const Tick = 5 * time.Millisecond

const (
	ticksASecond     = int64(time.Second / Tick)
	defaultMaxDelay  = 500 * time.Millisecond
	greatestMaxDelay = time.Second
	maxPayload       = 1500 // bytes
)

// Options bound how long sound waits in a Buffer.
type Options struct {
	// MinDelay is how long sound waits at least, up to MaxDelay. 0: as the packets'
	// jitter asks, which on a clean net is only until the next frame is taken.
	MinDelay time.Duration
	// MaxDelay is how long a packet waits at most: what is older is not played.
	// At most a second; 0: 500 ms.
	MaxDelay time.Duration
}

// Packet is one RTP packet (RFC 3550 section 5.1) of the stream. An empty payload says that the
// packet was none of sound, a telephone-event say: its number is not missed, and
// no sound is expected for its time.
type Packet struct {
	Seq       uint16
	Timestamp uint32 // at the codec's ClockRate
	SSRC      uint32
	Marker    bool // a talk spurt begins (RFC 3551 section 4.1)
	Payload   []byte
	Noise     bool // the payload is comfort noise (RFC 3389)
}

// Kind tells what a frame is. A frame made of several is of the highest of them.
type Kind uint8

// The kinds of frames.
const (
	Silence   Kind = iota // nothing; every sample is zero
	Noise                 // comfort noise
	Concealed             // a guess at what was lost
	Sound                 // sound of the sender's
)

// Stats is what a Buffer has done since it was made.
type Stats struct {
	Delay  time.Duration // how long a packet of the least transit now waits before it is played
	Target time.Duration // the Delay that the jitter of the last seconds asks for

	Packets    uint64 // that were put in
	Frames     uint64 // that were taken
	Late       uint64 // packets that came after their time
	Lost       uint64 // packets that had not come by their time; some of them came Late
	Duplicates uint64
	Dropped    uint64 // packets not played: senseless, or older than MaxDelay
	Recovered  uint64 // lost packets of which the next had a copy (Opus FEC)
	Restarts   uint64 // new beginnings: of the SSRC, the numbers or the timestamps

	Concealed  time.Duration // sound made up for what was lost
	Stretched  time.Duration // sound added to let the delay grow
	Compressed time.Duration // sound taken out to let it shrink
}

// Buffer is one stream's way from packets to sound. It is not for concurrent use. It
// allocates nothing after New, but while it grows within its bounds: a second of
// packets, 64 KiB of payload.
type Buffer struct {
	codec codec.Codec
	dec   codec.Decoder
	rec   codec.Recoverer // dec, if it is one
	rate  int             // Hz
	frame int             // samples of 20 ms
	scale int             // samples a unit of the RTP clock
	tick  int64           // samples
	min   int             // samples: Options.MinDelay
	max   int64           // ticks: Options.MaxDelay

	line    timeline
	queue   queue
	transit transit
	sound   fifo
	control control
	comfort comfort

	// What is played. Places are samples on the sender's timeline.
	next   int64 // the packet due
	cursor int64 // the place after the last packet that was played
	filled int   // samples made up since then
	idle   bool  // nothing is expected before the next packet: a pause, or an end
	kind   Kind  // of what is being put into sound
	last   Kind  // of what was, but for silence
	hush   int   // samples of silence since
	spare  int   // samples left over before this frame

	samples counts
	stats   Stats
}

// counts are the samples behind the durations of Stats.
type counts struct{ concealed, stretched, compressed int64 }

// New makes the Buffer of one stream. The error is the decoder's: codec.ErrUnavailable.
func New(c codec.Codec, o Options) (*Buffer, error) {
	dec, err := codec.NewDecoder(c)
	if err != nil {
		return nil, fmt.Errorf("playout: %w", err)
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = defaultMaxDelay
	}
	o.MaxDelay = max(4*Tick, min(o.MaxDelay, greatestMaxDelay))
	o.MinDelay = max(0, min(o.MinDelay, o.MaxDelay))
	rate := c.SampleRate()
	b := &Buffer{
		codec: c, dec: dec, rate: rate, frame: rate / 50, scale: rate / c.ClockRate(), tick: int64(rate) / ticksASecond,
		max: int64(o.MaxDelay / Tick), idle: true,
	}
	b.min = b.samplesOf(o.MinDelay)
	b.rec, _ = dec.(codec.Recoverer)
	b.transit.init(b.tick, int(b.max))
	b.sound.init(rate)
	b.control.begin()
	return b, nil
}

// Put takes a packet that arrived in the tick now. It keeps nothing of p.
func (b *Buffer) Put(p *Packet, now int64) {
	b.stats.Packets++
	n, ok := b.length(p)
	if !ok {
		b.stats.Dropped++
		return
	}
	seq, at, place := b.line.place(p, n, b.scale, now*b.tick-b.transit.ref, now, b.tick)
	switch place {
	case strange:
		b.stats.Dropped++
		return
	case again:
		b.stats.Duplicates++
		return
	case begins:
		if b.stats.Packets > 1 {
			b.stats.Restarts++
		}
		b.queue.clear()
		b.next, b.idle = seq, true
		b.transit.anchor(now*b.tick - at - int64(n))
	}
	if n > 0 {
		b.transit.note(now*b.tick-at-int64(n), int64(n), now)
	}
	if seq < b.next {
		b.stats.Late++
		return
	}
	switch ahead := seq - b.next; {
	case ahead >= maxSlots: // nobody takes frames
		b.stats.Dropped += uint64(b.queue.clear())
		b.next, b.idle = seq, true
	case ahead >= startSlots && b.queue.count == 0 && b.idle: // the end of a long loss
		b.next = seq - startSlots/2
		b.stats.Lost += uint64(ahead - startSlots/2)
	}
	s, dropped := b.queue.add(b.next, seq, len(p.Payload))
	b.stats.Dropped += uint64(dropped)
	if s == nil {
		b.stats.Duplicates++
		return
	}
	s.at, s.samples, s.arrived, s.noise = at, n, now, p.Noise
	s.payload = append(s.payload[:0], p.Payload...)
}

// Frame fills pcm with the next 20 ms, at the codec's SampleRate, that are due in the tick now.
// A shorter pcm gets that much less.
func (b *Buffer) Frame(pcm []int16, now int64) Kind {
	b.stats.Frames++
	n := min(len(pcm), b.frame)
	b.spare = b.sound.len()
	kind := Silence
	if b.spare > b.hush {
		kind = b.last
	}
	kind = max(kind, b.more(n, now))
	if kind == Sound {
		b.adjust(n)
		b.more(n, now)
	}
	b.sound.take(pcm[:n])
	if b.control.due() {
		b.transit.review()
		if kind == Sound {
			b.control.measure(pcm[:n])
		}
		b.control.review(b.target())
	}
	return kind
}

// Stats tells what b has done.
func (b *Buffer) Stats() Stats {
	s := b.stats
	s.Delay = b.duration(int64(b.control.delay))
	s.Target = b.duration(int64(b.target()))
	s.Concealed = b.duration(b.samples.concealed)
	s.Stretched = b.duration(b.samples.stretched)
	s.Compressed = b.duration(b.samples.compressed)
	return s
}

func (b *Buffer) samplesOf(d time.Duration) int { return int(d * time.Duration(b.rate) / time.Second) }

func (b *Buffer) duration(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(b.rate)
}

// target is how many samples a packet of the least transit should wait.
func (b *Buffer) target() int { return max(b.min, b.transit.target*int(b.tick)) }
