package media

import "net/netip"

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
	isEvent := f.EventPayloadType != 0 && p.payloadType == f.EventPayloadType
	number, static := f.Codec.PayloadType()
	switch {
	case !isEvent && p.payloadType != f.PayloadType && !(static && p.payloadType == number):
		s.drop(sh, DropPayloadType)
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
	s.reception.count(&p, sh.arrival, !isEvent)
	if isEvent {
		s.receiveEvent(sh, &p)
	} else if len(p.payload()) > 0 {
		s.receiveAudio(sh, &p)
	}
}

func (s *Session) receiveEvent(sh *shard, p *packet) {
	earlier, now := s.detector.event(p, sh.tick)
	if earlier.Key != 0 {
		s.home.tell(event{session: s, digit: earlier})
	}
	if now.Key != 0 {
		s.home.tell(event{session: s, digit: now})
	}
	if s.source == fromPeer {
		s.peer.relayPacket(sh, p, s.format.Codec, true)
	}
}

// receiveAudio gives sound to the taps first: a relay writes over it.
func (s *Session) receiveAudio(sh *shard, p *packet) {
	for _, r := range s.recorders {
		r.hear(p, s.format.Codec, sh.tick)
	}
	switch s.source {
	case fromPeer:
		s.peer.relayPacket(sh, p, s.format.Codec, false)
	case fromMixer:
		s.member.hear(p, s.format.Codec)
	case fromEcho:
		s.relayPacket(sh, p, s.format.Codec, false)
	}
}
