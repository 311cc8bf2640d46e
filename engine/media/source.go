package media

import (
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// What is in this file runs on the shard's thread.

// setFormat puts an agreed format in force.
func (s *Session) setFormat(f Format) {
	if s.shard == nil {
		return // a panic has ended the session
	}
	if f.Remote != s.format.Remote || !s.format.Codec.Valid() {
		s.reception = reception{}
		s.detector = detector{}
	}
	s.keyed = false
	s.detector.clock = uint32(f.EventClockRate)
	s.setClock(f.Codec.ClockRate())
	s.origin.reset(f.Remote, f.Learn)
	s.control.setRemote(&f)
	if !s.format.Codec.Valid() {
		s.control.schedule(s.shard.now, initialReport)
	}
	s.format = f
	s.sender.relay.on = false
	s.sender.flowing = false
	s.heard, s.silent = s.shard.now, false
}

// setClock sets the rate of the timestamps we send, in Hz. A stream keeps to one: with
// another rate another stream begins (RFC 7160), and the peer is told that the first
// has ended.
func (s *Session) setClock(hz int) {
	if s.sender.clockRate() == hz {
		return
	}
	s.sendBye(s.shard)
	s.sender = newSender(hz)
	s.control.reported = 0
}

// setSource ends the source there was; the new one, if it is more than a kind, is
// the caller's to set.
func (s *Session) setSource(k sourceKind) {
	was := s.source
	s.source = k
	switch was {
	case fromPlayer:
		p := s.player
		s.player = nil
		p.end(false)
	case fromPeer:
		peer := s.peer
		s.peer = nil
		if peer.peer == s {
			peer.setSource(fromNothing)
		}
	case fromMixer:
		m := s.member
		s.member = nil
		m.removed()
	}
	s.sender.flowing = false
	s.sender.relay.on = false
	s.transcodes = false
}

func (s *Session) play(p *Player) {
	p = takePlayer(p, s.shard != nil)
	if p == nil {
		s.setSource(fromNothing)
		return
	}
	s.setSource(fromPlayer)
	s.player = p
}

func (s *Session) bridge(b *Session) {
	if s.shard == nil || b.shard != s.shard {
		return // one of them ended meanwhile
	}
	s.setSource(fromPeer)
	b.setSource(fromPeer)
	s.peer, b.peer = b, s
}

func (s *Session) tap(r *Recorder) {
	if s.shard == nil {
		r.finish(Stopped)
		return
	}
	r.begin(s.shard.tick)
	s.recorders = append(s.recorders, r)
}

// wake has the session visited at its next turn, because something may be due for it
// each frame from now on.
func (s *Session) wake() {
	if s.shard != nil {
		s.shard.sessions[s.phase][s.index].due = 0
	}
}

// lively tells whether the session is to be visited every frame.
func (s *Session) lively() bool {
	return s.source == fromPlayer || s.ear != nil || s.digits.busy() || s.detector.down ||
		len(s.recorders) > 0 || len(s.overheard) > 0
}

// visit does whatever is due for this session, and tells at which tick to come again.
func (s *Session) visit(sh *shard) (due int64) {
	s.hearFrame(sh)
	if s.mouth != nil && sh.tick-s.mouth.used > idleTicks {
		s.mouth = nil
	}
	if s.source == fromPlayer {
		s.playFrame(sh) // while digits are sent it goes on unheard
	}
	if s.digits.busy() {
		s.sendDigit(sh)
	}
	if digit, ok := s.detector.expire(sh.tick); ok {
		s.home.tell(event{session: s, digit: digit})
	}
	s.recorders = marked(s.recorders, sh.tick)
	s.overheard = marked(s.overheard, sh.tick)
	if s.format.Receive && !s.silent && sh.now.Sub(s.heard) >= sh.engine.opts.RTPTimeout {
		s.silent = true
		s.home.tell(event{session: s})
	}
	s.reportIfDue(sh)
	s.publish()
	if s.lively() {
		return 0
	}
	return sh.tick + idleVisits
}

// playFrame sends the player's next frame. A player goes on where nothing may be
// sent, so that whoever waits for its end is not held up.
func (s *Session) playFrame(sh *shard) {
	n, state := 0, playing
	c := s.format.Codec
	if c.Valid() && c <= codec.PCMA && s.mayTalk(sh) {
		if n, state = s.player.payload(sh.out[headerSize:][:frameSamples], c); n > 0 {
			s.sendFrame(sh, n)
			return
		}
	}
	if state == playing {
		var pcm []int16
		var rate int
		if pcm, rate, state = s.player.samples(sh.pcm[:]); state == playing {
			s.say(sh, pcm, rate)
		}
	}
	switch state {
	case paused:
		s.sender.flowing = false
	case ended:
		s.setSource(fromNothing)
	}
}

// relaySound sends on a packet of sound that another session, or this one, has received.
func (s *Session) relaySound(sh *shard, p *packet, c codec.Codec) {
	if !s.mayRelay() {
		return
	}
	codec.Transcode(p.payload(), c, s.format.Codec)
	s.relayPacket(sh, p, s.format.PayloadType, uint32(len(p.payload())))
}

// mayRelay tells whether a packet of another session may go out now. Where not, the
// next one begins anew.
func (s *Session) mayRelay() bool {
	if s.format.Send && !s.digits.busy() {
		return true
	}
	s.sender.relay.on = false
	return false
}

// relayPacket sends on a packet, its header rewritten; span is what it covers, in
// timestamp units.
func (s *Session) relayPacket(sh *shard, p *packet, payloadType uint8, span uint32) {
	seq, ts, marker, ok := s.sender.pass(p, sh.tick, span)
	if !ok {
		s.drop(sh, DropLate)
		return
	}
	putHeader(p.raw, payloadType, marker, seq, ts, s.sender.ssrc)
	s.transmit(sh, p.raw)
}

// transmit sends a finished RTP packet.
func (s *Session) transmit(sh *shard, b []byte) {
	if len(s.overheard) > 0 {
		s.overhear(sh, b)
	}
	if !sh.drv.send(s.rtp, b, s.origin.destination()) {
		s.drop(sh, DropSend)
		return
	}
	s.sender.packets++
	s.sender.octets += uint32(len(b) - headerSize)
	s.sent(sh, len(b))
}

func (s *Session) sent(sh *shard, n int) {
	s.counts.packetsOut++
	s.counts.bytesOut += uint64(n)
	sh.totals.packetsOut++
	sh.totals.bytesOut += uint64(n)
}

func (s *Session) drop(sh *shard, reason DropReason) {
	s.wake() // to be seen soon
	s.counts.dropped[reason]++
	sh.totals.dropped[reason]++
}

// countKernelDrops notes what the system dropped since it was last asked, which
// costs two system calls: seldom.
func (s *Session) countKernelDrops(sh *shard) {
	for _, sock := range [...]*socket{s.rtp, s.rtcp} {
		drops, ok := kernelDrops(sock.fd)
		if !ok {
			return
		}
		n := uint64(drops - sock.drops) // the system's count wraps
		sock.drops = drops
		s.counts.dropped[DropKernel] += n
		sh.totals.dropped[DropKernel] += n
	}
}

// end is the session's last act on its shard.
func (s *Session) end(sh *shard) {
	if s.shard != sh {
		return // it has ended already
	}
	s.sendBye(sh)
	s.setSource(fromNothing)
	for _, r := range s.recorders {
		if !r.moves {
			r.finish(Stopped)
		}
	}
	s.recorders, s.overheard = nil, nil
	s.digits.abort(ErrClosed)
	s.countKernelDrops(sh)
	s.publish()
	sh.detach(s)
	if err := s.release(); err != nil {
		sh.log.Warn("closing a session's ports", "address", s.rtp.addr, "error", err)
	}
	sh.load.Add(-1)
}

func (s *Session) publish() {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	s.stats = SessionStats{
		PacketsIn: s.counts.packetsIn, PacketsOut: s.counts.packetsOut,
		BytesIn: s.counts.bytesIn, BytesOut: s.counts.bytesOut,
		Lost: s.reception.lost(), Jitter: s.reception.jitterTime(),
		LastReceived: s.control.lastReceived, RTT: s.control.rtt,
		RemoteLost: s.control.remoteLost, RemoteJitter: time.Duration(s.control.remoteJitter) * time.Second / time.Duration(s.sender.clockRate()),
		Remote: s.origin.destination(), Dropped: s.counts.dropped,
	}
	if s.ear != nil && s.ear.buffer != nil {
		b := s.ear.buffer.Stats()
		s.stats.Transcoded, s.stats.Delay, s.stats.Late, s.stats.Concealed = s.transcodes, b.Delay, b.Late, b.Concealed
	}
}
