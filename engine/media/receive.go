package media

import (
	"net/netip"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// receive takes one datagram: it is checked, counted, and given to whoever listens.
// b may be written on.
func (s *Session) receive(sh *shard, sock *socket, b []byte, from netip.AddrPort) {
	if len(b) > maxDatagram {
		s.drop(sh, DropOversized)
		return
	}
	if sock.rtcp || s.format.RTCPMux && isRTCP(b) {
		s.receiveRTCP(sh, b, from)
		return
	}
	p, reason, ok := parseRTP(b)
	if !ok {
		s.drop(sh, reason)
		return
	}
	f := &s.format
	if !f.Codec.Valid() || !f.Receive {
		s.drop(sh, DropDirection)
		return
	}
	kind, c := f.kindOf(p.payloadType)
	switch {
	case kind == unknownKind:
		s.drop(sh, DropPayloadType)
		return
	case p.ssrc == s.sender.ssrc:
		s.drop(sh, DropLoop)
		return
	case !s.origin.accepts(&p, from, sh.now):
		s.drop(sh, DropSource)
		return
	case !s.reception.accepts(&p):
		s.drop(sh, DropSSRC)
		return
	}
	s.counts.packetsIn++
	s.counts.bytesIn += uint64(len(b))
	sh.totals.packetsIn++
	sh.totals.bytesIn += uint64(len(b))
	s.heard = sh.now
	s.control.lastReceived = sh.now
	if kind == soundKind {
		s.reception.clocked(uint32(c.ClockRate()))
	}
	s.reception.count(&p, sh.arrival, kind == soundKind)
	switch {
	case kind == soundKind && len(p.payload()) > 0:
		s.receiveSound(sh, &p, c)
		return
	case kind == eventKind:
		s.receiveEvent(sh, &p)
	case kind == noiseKind:
		s.receiveNoise(sh, &p)
	}
}

// receiveSound gives sound to the taps first: a relay writes over it.
func (s *Session) receiveSound(sh *shard, p *packet, c codec.Codec) {
	for _, r := range s.recorders {
		r.hear(p, c, sh.tick)
	}
	to := s.listener()
	s.transcodes = to != nil && !to.relays(c)
	if s.transcodes || s.source == fromMixer || s.listensForKeys() {
		s.put(sh, p, c, false)
	}
	if to != nil && !s.transcodes {
		to.relaySound(sh, p, c)
	}
}

// receiveNoise takes a packet of comfort noise (RFC 3389), which is sound to who
// decodes, and passed on to who has agreed to get it.
func (s *Session) receiveNoise(sh *shard, p *packet) {
	s.pass(sh, p, true)
	to := s.listener()
	if to == nil || s.transcodes || !to.format.ComfortNoise || to.sender.clockRate() != sampleRate || !to.mayRelay() {
		return
	}
	to.relayPacket(sh, p, noisePayloadType, frameSamples)
}

func (s *Session) receiveEvent(sh *shard, p *packet) {
	s.keyed = true
	s.pass(sh, p, false)
	earlier, now := s.detector.event(p, sh.tick)
	s.wake() // a press whose packets stop must end
	if earlier.Key != 0 {
		s.home.tell(event{session: s, digit: earlier})
	}
	if now.Key != 0 {
		s.home.tell(event{session: s, digit: now})
	}
	if s.source == fromPeer {
		s.peer.relayEvent(sh, p, s)
	}
}

// pass tells who puts sound in order of a packet that has none.
func (s *Session) pass(sh *shard, p *packet, noise bool) {
	for _, r := range s.recorders {
		r.pass(p, sh.tick)
	}
	s.put(sh, p, codec.None, noise)
}
