package playout

import "math/bits"

const (
	startSlots = 8
	maxSlots   = 512       // a second of packets of 2.5 ms, and more
	maxBytes   = 64 * 1024 // a second of Opus at its highest rate (RFC 6716 section 2.1.1)
)

// slot is a packet that waits.
type slot struct {
	full    bool
	noise   bool
	seq     int64 // its number, not wrapped
	at      int64 // the place of its first sample
	samples int   // 0: no sound
	arrived int64 // tick
	payload []byte
}

// queue holds packets by their number. It has no more slots than the packets on their
// way ask for.
type queue struct {
	slots []slot // a power of two; the packet seq is in slot seq % len
	high  int64  // after the newest packet
	count int
	bytes int // capacity of all payloads
}

func (q *queue) slot(seq int64) *slot { return &q.slots[seq&int64(len(q.slots)-1)] }

// first is the first packet from next on, nil if there is none.
func (q *queue) first(next int64) *slot {
	if q.count == 0 {
		return nil
	}
	for ; next < q.high; next++ {
		if s := q.slot(next); s.full {
			return s
		}
	}
	return nil
}

// has tells whether the packet seq, which is next, is there.
func (q *queue) has(seq int64) bool { return q.count > 0 && q.slot(seq).full }

// add makes the slot for the packet seq, which is less than maxSlots after next; nil: that is
// there already. All packets are from next on. It tells how many packets were dropped to stay
// within maxBytes.
func (q *queue) add(next, seq int64, size int) (s *slot, dropped int) {
	if n := int(max(seq+1, q.high) - next); n > len(q.slots) {
		q.grow(n)
	}
	s = q.slot(seq)
	if s.full {
		return nil, 0
	}
	if more := size - cap(s.payload); more > 0 {
		if q.bytes+more > maxBytes {
			dropped = q.release(size)
		}
		more = size - cap(s.payload)
		s.payload = make([]byte, 0, size)
		q.bytes += more
	}
	s.full, s.seq = true, seq
	q.high = max(q.high, seq+1)
	q.count++
	return s, dropped
}

func (q *queue) remove(s *slot) {
	s.full = false
	q.count--
}

// clear drops all packets and tells how many that were.
func (q *queue) clear() int {
	n := q.count
	if n > 0 {
		for i := range q.slots {
			q.slots[i].full = false
		}
	}
	q.count, q.high = 0, 0
	return n
}

// grow makes n slots or more.
func (q *queue) grow(n int) {
	old := q.slots
	q.slots = make([]slot, max(startSlots, 1<<bits.Len(uint(n-1))))
	for i := range old {
		if s := &old[i]; s.full {
			*q.slot(s.seq) = *s
		} else {
			q.bytes -= cap(s.payload)
		}
	}
}

// release gives the memory of payloads back that hold nothing, and, if that leaves no size bytes, of those that
// do.
func (q *queue) release(size int) (dropped int) {
	for i := range q.slots {
		if s := &q.slots[i]; !s.full {
			q.bytes -= cap(s.payload)
			s.payload = nil
		}
	}
	if q.bytes+size <= maxBytes {
		return 0
	}
	dropped = q.clear()
	clear(q.slots)
	q.bytes = 0
	return dropped
}
