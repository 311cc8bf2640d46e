package media

import (
	"encoding/binary"
	"time"
)

const (
	eventSize = 4 // bytes of an RFC 4733 event

	// lostAfter is how long after its last packet a press without an end is taken
	// as ended, in ticks: 200 ms, four packets of the slowest usual senders.
	lostAfter = 40
	// forgetAfter is how long the last press keeps its packets from counting as
	// another press, in ticks: 500 ms. Senders repeat an END within 60 ms; those
	// whose timestamp never moves can press again after it.
	forgetAfter = 100

	maxSegment = 0xffff // timestamp units an event packet can say; longer presses go on with a new timestamp

	digitKeys = "0123456789*#ABCD"
)

// eventDuration is what an event packet says it has lasted so far, in timestamp units.
func eventDuration(b []byte) uint32 {
	if len(b) < eventSize {
		return 0
	}
	return uint32(binary.BigEndian.Uint16(b[2:]))
}

// detector makes presses of RFC 4733 event packets. It counts a press once though
// each is told by many packets, of which any may be missing, the END included;
// neither the marker bit nor the end bit is needed.
type detector struct {
	clock    uint32 // rate of the events' timestamps, in Hz; 0: 8000
	down     bool   // a press is under way
	counted  bool   // it has been reported; the rest still describes it
	key      byte
	ssrc     uint32
	start    uint32 // timestamp of the press, or of its present segment
	duration uint32 // of its present segment, in timestamp units
	before   uint32 // of its earlier segments
	seen     int64  // tick of its last packet
}

// event takes one packet. It returns the press that this packet shows to be over,
// if any, and the one it ends itself. A Key of 0 is none.
func (d *detector) event(p *packet, tick int64) (earlier, now Digit) {
	b := p.payload()
	if len(b) < eventSize || int(b[0]) >= len(digitKeys) {
		return earlier, now // flash, fax tones and the like are no digits
	}
	key, end, duration := digitKeys[b[0]], b[1]&0x80 != 0, eventDuration(b)
	recent := p.ssrc == d.ssrc && (d.down || d.counted && tick-d.seen < forgetAfter)
	switch {
	case recent && int32(p.timestamp-d.start) < 0:
		return earlier, now // overtaken by a newer press
	case recent && !d.down && d.repeats(p, key, end), d.resumes(p, key, duration):
		return earlier, now
	case recent && d.down && d.continues(p, key, duration):
	default:
		if d.down {
			earlier = d.release()
		}
		*d = detector{clock: d.clock, down: true, key: key, ssrc: p.ssrc, start: p.timestamp, duration: duration}
	}
	d.seen = tick
	if end {
		now = d.release()
	}
	return earlier, now
}

// continues tells whether a packet belongs to the press that is under way, and
// takes its duration if so. Besides the same timestamp there are two ways: the next
// segment of a press that lasts beyond 65,535 units (RFC 4733 section 2.5.1.3),
// and senders that move the timestamp with each packet while the duration goes on
// growing.
func (d *detector) continues(p *packet, key byte, duration uint32) bool {
	moved := p.timestamp - d.start
	switch {
	case key != d.key:
		return false
	case moved == 0:
		d.duration = max(d.duration, duration)
	case p.marker:
		return false
	default:
		if covered, follows := nextSegment(moved, d.duration); follows {
			d.before += covered
			d.start, d.duration = p.timestamp, duration
			return true
		}
		if duration <= d.duration || moved > duration {
			return false
		}
		d.duration = duration
	}
	return true
}

// repeats tells whether a packet only says again what has been reported.
func (d *detector) repeats(p *packet, key byte, end bool) bool {
	if key != d.key || p.marker && p.timestamp != d.start {
		return false
	}
	moved := p.timestamp - d.start // by senders that move the timestamp even then
	return moved == 0 || end && moved <= d.duration+d.hz()/25
}

// resumes tells whether a packet goes on with the press that has been reported, after a
// stall however long: a press of a sender whose timestamp never moves begins shorter.
func (d *detector) resumes(p *packet, key byte, duration uint32) bool {
	return d.counted && !d.down && key == d.key && p.ssrc == d.ssrc && p.timestamp == d.start && !p.marker && duration >= d.duration
}

// release ends the press and returns it.
func (d *detector) release() Digit {
	d.down, d.counted = false, true
	units := time.Duration(d.before + d.duration)
	return Digit{Key: d.key, Duration: units * time.Second / time.Duration(d.hz())}
}

func (d *detector) hz() uint32 { return max(d.clock, sampleRate) }

// expire ends a press whose packets have stopped.
func (d *detector) expire(tick int64) (Digit, bool) {
	if !d.down || tick-d.seen < lostAfter {
		return Digit{}, false
	}
	return d.release(), true
}
