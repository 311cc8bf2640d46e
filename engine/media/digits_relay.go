package media

import "encoding/binary"

// eventRelay passes on the events of a stream whose numbers or clock are not ours:
// each press gets the timestamp that our stream has reached, and its durations are
// converted.
type eventRelay struct {
	begun bool
	ssrc  uint32
	start uint32 // timestamp of the press, or of its present segment, as it comes
	key   byte
	last  uint32 // duration that was said last
	prior uint32 // of its earlier segments; both in units of their clock
	ours  uint32 // our timestamp for it, or for the present segment of ours
	said  uint32 // what our earlier segments covered, in units of our clock
	seen  int64  // tick of its last packet
	ended bool
}

// underWay tells whether a press is going on, during which no sound is sent.
func (e *eventRelay) underWay(tick int64) bool {
	return e != nil && !e.ended && tick-e.seen < lostAfter
}

// follow puts a packet in its place. begins: it is the first of a press; late: it was
// overtaken by the next one.
func (e *eventRelay) follow(p *packet) (begins, late bool) {
	key, duration := p.payload()[0], eventDuration(p.payload())
	moved := p.timestamp - e.start
	switch {
	case !e.begun || e.ssrc != p.ssrc:
		return true, false
	case moved == 0 && key == e.key:
		e.last = max(e.last, duration)
	case int32(moved) < 0:
		return false, true
	case key == e.key && !e.ended && !p.marker:
		covered, follows := nextSegment(moved, e.last)
		e.prior += covered
		e.start, e.last = p.timestamp, duration
		return !follows, false
	default:
		return true, false
	}
	return false, false
}

// nextSegment tells whether a press that has lasted so long goes on, that much later,
// in another segment (RFC 4733 section 2.5.1.3), and what the one before covered.
// Where events and sound have clocks of their own, some count timestamps by the
// sound's.
func nextSegment(moved, duration uint32) (covered uint32, follows bool) {
	const slack = maxSegment / 16 // for packets lost around the seam
	near := func(n uint32) bool { return n+slack >= maxSegment && n <= maxSegment+slack }
	switch {
	case !near(duration):
		return 0, false
	case near(moved):
		return moved, true
	}
	return maxSegment, near(moved*6) || near(moved/6)
}

// relayEvent passes on a telephone-event packet that another session has received.
func (s *Session) relayEvent(sh *shard, p *packet, from *Session) {
	switch {
	case !s.mayRelay():
		return
	case s.format.EventPayloadType == 0 || len(p.payload()) < eventSize:
		s.drop(sh, DropEvent)
		return
	case !from.transcodes && from.format.EventClockRate == s.format.EventClockRate && from.reception.hz() == uint32(s.sender.clockRate()):
		s.relayPacket(sh, p, s.format.EventPayloadType, eventDuration(p.payload()))
		return
	}
	s.renumberEvent(sh, p, uint32(from.format.EventClockRate))
}

func (s *Session) renumberEvent(sh *shard, p *packet, theirs uint32) {
	if s.event == nil {
		s.event = &eventRelay{}
	}
	e, ours, clock := s.event, uint32(s.format.EventClockRate), uint32(s.sender.clockRate())
	begins, late := e.follow(p)
	if late {
		s.drop(sh, DropLate)
		return
	}
	b := sh.out[:headerSize+eventSize]
	copy(b[headerSize:], p.payload())
	if begins {
		*e = eventRelay{begun: true, ssrc: p.ssrc, start: p.timestamp, key: b[headerSize], last: eventDuration(p.payload()), ours: s.sender.follow(sh.tick)}
	}
	e.seen, e.ended = sh.tick, e.ended || b[headerSize+1]&endBit != 0
	duration := uint32(uint64(e.prior+eventDuration(p.payload())) * uint64(ours) / uint64(theirs))
	for duration > e.said+maxSegment {
		e.said += maxSegment
		e.ours += maxSegment * (clock / sampleRate) / (ours / sampleRate)
	}
	if duration < e.said {
		s.drop(sh, DropLate)
		return
	}
	duration -= e.said
	binary.BigEndian.PutUint16(b[headerSize+2:], uint16(duration))
	seq := s.sender.sent(sh.tick, e.ours, duration*(clock/sampleRate)/(ours/sampleRate))
	putHeader(b, s.format.EventPayloadType, begins, seq, e.ours, s.sender.ssrc)
	s.transmit(sh, b)
}
