package media

import (
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/dtmf"
	"github.com/belfry-pbx/belfry/engine/media/playout"
)

const (
	// idleTicks is how long an ear or a mouth is kept after it was last needed: a second.
	idleTicks = ticksPerSecond
	// settleTicks is how soon a stream may change its codec again, 100 ms: packets of
	// another one before that are dropped, so that no stream costs a decoder a packet.
	settleTicks = ticksPerSecond / 10
)

// ear makes sound, by the clock, of the packets that a session hears. It exists while
// somebody needs the sound: a transcoding bridge, a conference, whoever listens for
// keys in it. What is only relayed has none.
type ear struct {
	codec  codec.Codec
	buffer *playout.Buffer // nil: this machine cannot decode that
	since  int64           // tick at which this codec was first heard
	needed int64           // tick at which it was last needed
	keys   *dtmf.Detector  // nil while nobody listens for keys
}

// listensForKeys tells whether keys come as sound: no telephone-event was agreed, nor
// seen all the same.
func (s *Session) listensForKeys() bool { return s.format.Inband && !s.keyed }

// put gives the ear a packet. None is a packet that is no sound: an event's, whose
// number is not to be missed.
func (s *Session) put(sh *shard, p *packet, c codec.Codec, noise bool) {
	e := s.ear
	if c != codec.None && (e == nil || e.codec != c) {
		if e != nil && sh.tick-e.since < settleTicks {
			s.drop(sh, DropCodec)
			return
		}
		e = &ear{codec: c, since: sh.tick, needed: sh.tick}
		e.buffer, _ = playout.New(c, playout.Options{}) // without one, each packet is counted below
		s.ear = e
		s.wake()
	}
	switch {
	case e == nil:
		return
	case e.buffer == nil:
		s.drop(sh, DropCodec)
		return
	}
	payload := p.payload()
	if c == codec.None && !noise {
		payload = nil
	}
	e.buffer.Put(&playout.Packet{
		Seq: p.seq, Timestamp: p.timestamp, SSRC: p.ssrc, Marker: p.marker, Payload: payload, Noise: noise,
	}, sh.tick)
}

// listen writes the next 20 ms of what the session hears to room, and returns them and
// their rate, in Hz. There must be an ear.
func (s *Session) listen(sh *shard, room *[maxFrame]int16) (pcm []int16, rate int, kind playout.Kind) {
	e := s.ear
	e.needed = sh.tick
	rate = e.codec.SampleRate()
	pcm = room[:rate/50]
	if e.buffer == nil {
		clear(pcm)
		return pcm, rate, playout.Silence
	}
	kind = e.buffer.Frame(pcm, sh.tick)
	s.hearKeys(e, pcm, rate)
	return pcm, rate, kind
}

func (s *Session) hearKeys(e *ear, pcm []int16, rate int) {
	if !s.listensForKeys() {
		e.keys = nil
		return
	}
	if e.keys == nil {
		e.keys = dtmf.New(rate)
	}
	if key, duration := e.keys.Hear(pcm); key != 0 {
		s.home.tell(event{session: s, digit: Digit{Key: key, Duration: duration}})
	}
}

// hearFrame is a session's frame of what it hears: it is listened to for keys, and said
// to whom it cannot be relayed.
func (s *Session) hearFrame(sh *shard) {
	if s.ear == nil || s.source == fromMixer { // which listens itself
		return
	}
	to := s.listener()
	if to == nil {
		s.transcodes = false
	}
	if !s.transcodes && !s.listensForKeys() {
		if sh.tick-s.ear.needed > idleTicks {
			s.ear = nil
		}
		return
	}
	pcm, rate, _ := s.listen(sh, &sh.heard)
	if s.transcodes {
		to.say(sh, pcm, rate)
	}
}

// listener is who hears what this session hears, nil if nobody does.
func (s *Session) listener() *Session {
	switch s.source {
	case fromPeer:
		return s.peer
	case fromEcho:
		return s
	}
	return nil
}

// relays tells whether what comes in a codec can go out as it is, or byte by byte.
func (s *Session) relays(c codec.Codec) bool {
	to := s.format.Codec
	return c == to || c <= codec.PCMA && to <= codec.PCMA && to.Valid()
}
