package playout

const (
	maxMisorder = 100  // packets: what is further back is a sender's new beginning (RFC 3550 appendix A.1)
	maxDropout  = 3000 // and so is what is further ahead
	lateChain   = 15   // so many old packets in a row, one after the other, are one as well

	earlyLimit = 12 // ticks, 60 ms: timestamps that say a packet came earlier than that are wrong
	lateLimit  = 60 // ticks, 300 ms: and those of a talk spurt that say it came that late stood still before it
	leastGap   = 4  // ticks, 20 ms: a pause shorter than that is none
)

// timeline gives packets their number and their place, in samples since some beginning,
// whatever the sender's numbers and timestamps do.
type timeline struct {
	started bool
	ssrc    uint32

	// of the newest packet
	seq     int64
	ts      uint32
	at, end int64
	arrived int64

	seen uint64 // bit i: the packet i before the newest has come

	odd   uint16 // the number after the last that was out of place
	chain int    // how many in a row were
}

type placing uint8

const (
	fits    placing = iota
	begins          // it has nothing to do with those before
	strange         // it has not, and may be a stray
	again           // it has come before
)

// place finds p's number and the place of the first of its n samples. A packet of the least transit
// would end its sound at due. It arrived in the tick now, of so many samples.
func (l *timeline) place(p *Packet, n, scale int, due, now, tick int64) (seq, at int64, as placing) {
	if !l.started || p.SSRC != l.ssrc {
		l.arrived = now
		return l.begin(p, n)
	}
	step := int64(int16(p.Seq - uint16(l.seq)))
	if step <= 0 || step > maxDropout {
		if l.outOfPlace(p.Seq, step) {
			l.arrived = now
			return l.begin(p, n)
		}
		if step > 0 || step < -maxMisorder {
			return 0, 0, strange
		}
		if back := -step; back < 64 {
			if l.seen>>back&1 != 0 {
				return 0, 0, again
			}
			l.seen |= 1 << back
		}
		at = l.at + int64(int32(p.Timestamp-l.ts))*int64(scale)
		if at > l.at || at < l.at+step*24*tick {
			at = l.at + step*int64(n)
		}
		return l.seq + step, at, fits
	}
	l.chain = 0
	l.seen = l.seen<<step | 1
	at = l.at + int64(int32(p.Timestamp-l.ts))*int64(scale)
	soonest := l.end + (step-1)*int64(n)
	if at < l.end || at > soonest && !l.paused(at-soonest, (now-l.arrived)*tick-step*int64(n), tick) || at+int64(n) > max(due+earlyLimit*tick, soonest+int64(n)) {
		at = soonest
	}
	if n > 0 || at > l.at { // an event's packets all have the time of its beginning
		l.arrived = now
	}
	if p.Marker && at+int64(n) < due-lateLimit*tick {
		at = due - int64(n)
	}
	l.seq, l.ts, l.at, l.end = l.seq+step, p.Timestamp, at, at+int64(n)
	return l.seq, at, fits
}

// paused tells whether to believe that a sender paused for gap samples, where so much more time than
// sound went by between two packets. What else but sound moves its timestamps does so with every packet.
func (*timeline) paused(gap, silent, tick int64) bool {
	return gap >= leastGap*tick && 2*(silent+tick) >= gap
}

// outOfPlace notes a packet that is not newer than the newest and tells whether it
// goes on what is a new beginning: a second packet after one far off, or many.
func (l *timeline) outOfPlace(seq uint16, step int64) bool {
	if seq != l.odd || l.chain == 0 {
		l.chain = 0
	}
	l.chain++
	l.odd = seq + 1
	if step > 0 || step < -maxMisorder {
		return l.chain > 1
	}
	return l.chain > lateChain
}

func (l *timeline) begin(p *Packet, n int) (seq, at int64, as placing) {
	if l.started {
		l.seq = l.seq&^0xffff + 0x20000
	}
	l.started, l.ssrc, l.seen, l.chain = true, p.SSRC, 1, 0
	l.seq, l.ts, l.at = l.seq|int64(p.Seq), p.Timestamp, l.end
	l.end += int64(n)
	return l.seq, l.at, begins
}
