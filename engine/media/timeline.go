package media

import (
	"encoding/binary"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

const (
	heldChunks     = 8   // how many chunks wait for one that is missing
	heldTicks      = 20  // and how long, 100 ms
	aheadOfTime    = 1   // s: how much more than the time that has passed may be recorded
	jumpTime       = 10  // s: a timestamp further off than this belongs to another count
	punctualMillis = 200 // how far a punctual one may be from the clock: what the network's unevenness may be
	concealed      = 5   // frames: so much of a gap is concealed, the rest is silence
)

// timeline puts the chunks of a recording in order by their timestamps and decodes
// them. What was lost is concealed; what was never sent is silence: by the
// timestamps where something follows, by the clock where nothing comes. Whatever the
// timestamps say, a recording does not grow faster than time.
type timeline struct {
	rate int                // Hz, of what is given out
	emit func([]int16) bool // false: enough
	// punctual keeps to the clock whatever the timestamps say, for a tape's channels must
	// not run apart. Else what is late makes the recording longer, and loses nothing.
	punctual bool

	begun   bool
	first   int64  // tick of the beginning
	now     int64  // tick of the latest news
	emitted int64  // samples
	ssrc    uint32 // of the chunk last given out
	seq     uint16
	synced  bool   // next means something
	clock   int    // rate of the timestamps, in Hz
	next    uint32 // timestamp of what to give out next
	due     int64  // tick at which it is due
	filled  uint32 // silence given out by the clock since the last sound, in timestamp units
	held    []chunk
	rooms   [][]byte // of payloads that were held

	voice    decoding
	concealT [maxFrame]int16
}

// add takes a chunk; it is false when emit has had enough.
func (t *timeline) add(c *chunk) bool {
	if !t.begun {
		t.begun, t.first, t.due = true, c.tick, c.tick
	}
	t.now = c.tick
	switch {
	case c.nothing():
		return t.pass(c.tick)
	case c.silent:
		if t.synced && c.ssrc == t.ssrc && c.seq == t.seq+1 {
			t.seq = c.seq // nothing is missing here
		}
		return true
	}
	ahead := int32(c.timestamp - t.next)
	jump := int32(jumpTime * c.clockRate())
	switch {
	case !t.synced || c.ssrc != t.ssrc || c.clockRate() != t.clock || ahead > jump || ahead < -jump:
		if !t.flush() || t.punctual && c.tick-t.due >= frameTicks && !t.pass(c.tick) {
			return false
		}
		t.synced, t.ssrc, t.clock, t.next, t.seq = true, c.ssrc, c.clockRate(), c.timestamp, c.seq-1
	case ahead < 0 && uint32(-ahead) <= t.filled:
		t.next = c.timestamp // it was delayed: the silence was none of the sender's
	case ahead < 0:
		return true // late, or again
	case ahead > 0:
		return t.hold(c)
	}
	return t.sound(c) && t.release(c.tick)
}

// hold keeps a chunk that came before its time.
func (t *timeline) hold(c *chunk) bool {
	i, again := slices.BinarySearchFunc(t.held, c, func(h chunk, c *chunk) int {
		return int(int32(h.timestamp - c.timestamp))
	})
	if !again {
		kept := *c
		kept.payload = append(t.room(), c.payload...)
		t.held = slices.Insert(t.held, i, kept)
	}
	return t.release(c.tick)
}

// room is where a payload can be kept: where one was before, if there is one.
func (t *timeline) room() []byte {
	last := len(t.rooms) - 1
	if last < 0 {
		return nil
	}
	room := t.rooms[last]
	t.rooms = t.rooms[:last]
	return room
}

// release gives out the held chunks that follow directly, or have waited long
// enough for what is missing.
func (t *timeline) release(tick int64) bool {
	for len(t.held) > 0 {
		c := &t.held[0]
		ahead := int32(c.timestamp - t.next)
		follows := c.seq == t.seq+1 // the sender was silent between
		if ahead > 0 {
			if !follows && len(t.held) < heldChunks && tick-c.tick < heldTicks {
				return true
			}
			if !t.gap(int64(ahead), !follows) {
				return false
			}
			t.next = c.timestamp
		}
		if ahead >= 0 && !t.sound(c) {
			return false
		}
		t.rooms = append(t.rooms, c.payload[:0])
		t.held = slices.Delete(t.held, 0, 1)
	}
	return true
}

// flush gives out all that is held.
func (t *timeline) flush() bool {
	for len(t.held) > 0 {
		if !t.release(t.held[0].tick + heldTicks) {
			return false
		}
	}
	return true
}

// pass tells that it is tick and nothing has come.
func (t *timeline) pass(tick int64) bool {
	if !t.flush() {
		return false
	}
	missing := tick - t.due
	if missing <= 0 {
		return true
	}
	t.due = tick
	units := uint32(missing) * uint32(t.clock/ticksPerSecond)
	t.next += units
	t.filled += units
	return t.quiet(missing * int64(t.rate/ticksPerSecond))
}

// sound gives out a chunk whose turn it is.
func (t *timeline) sound(c *chunk) bool {
	if t.punctual {
		slow := (c.tick-t.first)*int64(t.rate/ticksPerSecond) - t.emitted
		if slow > int64(t.rate/1000*punctualMillis) && !t.quiet(slow) {
			return false
		}
		if -slow > int64(t.rate/1000*punctualMillis) {
			t.next, t.seq = c.timestamp, c.seq // the sender's clock is fast: this one is left out
			return true
		}
	}
	pcm, units := t.voice.decode(c, t.rate)
	t.next, t.seq = c.timestamp+uint32(units), c.seq
	t.due = c.tick + int64(units*ticksPerSecond/t.clock)
	t.filled = 0
	return t.give(pcm)
}

// gap gives out what stands for n timestamp units, of which packets were lost or never sent.
func (t *timeline) gap(n int64, lost bool) bool {
	total := n * int64(t.rate) / int64(t.clock)
	if lost {
		for range concealed {
			if total < int64(t.rate/50) {
				break
			}
			pcm := t.voice.conceal(t.concealT[:], t.rate)
			if !t.give(pcm) {
				return false
			}
			total -= int64(len(pcm))
		}
	}
	return t.quiet(total)
}

func (t *timeline) quiet(n int64) bool {
	clear(t.concealT[:])
	for n > 0 {
		piece := min(n, int64(t.rate/50))
		if !t.give(t.concealT[:piece]) {
			return false
		}
		n -= piece
	}
	return true
}

func (t *timeline) give(pcm []int16) bool {
	if t.emitted > (t.now-t.first)*int64(t.rate/ticksPerSecond)+int64(aheadOfTime*t.rate) {
		return true // faster than time: dropped
	}
	t.emitted += int64(len(pcm))
	return t.emit(pcm)
}

// decoding turns the payloads of one stream, whatever its codec, to one rate.
type decoding struct {
	codec     codec.Codec
	decoder   codec.Decoder // nil: not to be had on this machine, or linear sound
	from      int           // Hz
	resampler *codec.Resampler
	decoded   []int16
	resampled []int16
}

// decode returns a chunk's sound, and how long it is in units of its clock.
func (v *decoding) decode(c *chunk, rate int) (pcm []int16, units int) {
	from := int(c.rate)
	if from == 0 {
		from = c.codec.SampleRate()
	}
	if c.codec != v.codec || from != v.from {
		v.begin(c.codec, from, rate)
	}
	n := 0
	switch {
	case c.rate != 0:
		n = min(len(c.payload)/2, len(v.decoded))
		for i := range n {
			v.decoded[i] = int16(binary.LittleEndian.Uint16(c.payload[2*i:]))
		}
	case v.decoder != nil:
		n = v.decoder.Decode(v.decoded, c.payload)
		if n == 0 {
			n = from / 50
			v.decoder.Conceal(v.decoded[:n])
		}
	default:
		n = from / 50
		clear(v.decoded[:n])
	}
	return v.to(rate, v.decoded[:n]), n * c.clockRate() / from
}

func (v *decoding) begin(c codec.Codec, from, to int) {
	*v = decoding{codec: c, from: from}
	if c != codec.None {
		v.decoder, _ = codec.NewDecoder(c) // without one, there is silence of the same length
	}
	longest := maxDatagram // samples; each byte of G.711 is one, each of G.722 two
	if from > sampleRate {
		longest = max(2*maxDatagram, from*120/1000)
	}
	v.decoded = make([]int16, longest)
	if from != to {
		v.resampler = codec.NewResampler(from, to)
		v.resampled = make([]int16, longest*to/from+1)
	}
}

// conceal makes what probably was in 20 ms that did not come, in room.
func (v *decoding) conceal(room []int16, rate int) []int16 {
	if v.decoder == nil {
		clear(room)
		return room[:rate/50]
	}
	frame := v.decoded[:v.from/50]
	v.decoder.Conceal(frame)
	return v.to(rate, frame)
}

func (v *decoding) to(rate int, pcm []int16) []int16 {
	if v.from == rate {
		return pcm
	}
	return v.resampled[:v.resampler.Resample(v.resampled, pcm)]
}
