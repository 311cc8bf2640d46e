package media

import "math/rand/v2"

// How far a stream's sequence may jump and still be the same stream (RFC 3550
// appendix A.1), in packets.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// sender numbers what a session sends, so that its sources may change while its
// stream stays one: sequence numbers have no gap of our making, timestamps follow
// the time, and a marker bit begins every talk spurt (RFC 3551 section 4.1).
type sender struct {
	ssrc    uint32
	seq     uint16 // of the next packet
	ts      uint32 // timestamp of the last packet
	span    uint32 // what the last packet covered, in timestamp units: the next begins at ts+span at the earliest
	perTick uint32 // timestamp units in a tick: 40 for a clock of 8 kHz
	tick    int64  // when the last packet was sent
	started bool   // something was sent
	flowing bool   // the last packet was a frame of ours: the next follows it directly

	relay relay

	packets, octets uint32 // sent, for sender reports; octets of payload
}

// relay maps another stream's numbers to ours.
type relay struct {
	on        bool
	ssrc      uint32 // of the stream that comes in
	first     uint16 // the first that was let through: those before it have no place
	highest   uint16 // the newest that was let through
	seqShift  uint16 // ours minus theirs
	timeShift uint32
}

// newSender begins a stream at random, as RFC 3550 section 5.1 wants it.
func newSender(clockRate int) sender {
	return sender{
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), ts: rand.Uint32(),
		perTick: uint32(clockRate / ticksPerSecond),
	}
}

// clockRate is that of the stream's timestamps, in Hz.
func (t *sender) clockRate() int { return int(t.perTick) * ticksPerSecond }

// follow is the timestamp of whatever is sent now and does not continue the
// packet before it: that much later than it as time has passed.
func (t *sender) follow(tick int64) uint32 {
	if !t.started {
		return t.ts
	}
	elapsed := min(max(0, tick-t.tick), 1<<23) // 1<<23 ticks are half a day: no overflow
	return t.ts + max(t.span, uint32(elapsed)*t.perTick)
}

// frame numbers the next frame of 20 ms that we made ourselves.
func (t *sender) frame(tick int64) (seq uint16, ts uint32, marker bool) {
	if t.flowing {
		ts = t.ts + t.span
	} else {
		ts, marker = t.follow(tick), true
	}
	seq = t.sent(tick, ts, frameTicks*t.perTick)
	t.flowing = true
	return seq, ts, marker
}

// sent notes a packet of our own and takes its sequence number.
func (t *sender) sent(tick int64, ts, span uint32) (seq uint16) {
	seq = t.seq
	t.seq++
	t.ts, t.span, t.tick = ts, span, tick
	t.started, t.flowing, t.relay.on = true, false, false
	return seq
}

// pass numbers a packet of the stream that is relayed; span is what it
// covers, in timestamp units. It is false for packets older than the place where the relay began.
func (t *sender) pass(p *packet, tick int64, span uint32) (seq uint16, ts uint32, marker, ok bool) {
	r := &t.relay
	ahead := int16(p.seq - r.highest)
	if !r.on || r.ssrc != p.ssrc || ahead > maxDropout || ahead < -maxMisorder {
		*r = relay{on: true, ssrc: p.ssrc, first: p.seq, highest: p.seq - 1,
			seqShift: t.seq - p.seq, timeShift: t.follow(tick) - p.timestamp}
		ahead, marker = 1, true
	}
	if int16(p.seq-r.first) < 0 {
		return 0, 0, false, false
	}
	seq, ts = p.seq+r.seqShift, p.timestamp+r.timeShift
	if ahead > 0 {
		r.highest = p.seq
		t.seq = seq + 1
		t.ts, t.span, t.tick = ts, span, tick
		t.started, t.flowing = true, false
	}
	if int16(r.highest-r.first) > maxMisorder {
		r.first = r.highest - maxMisorder // keeps the comparison above right when numbers wrap
	}
	return seq, ts, marker || p.marker, true
}
