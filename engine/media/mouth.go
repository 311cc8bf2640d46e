package media

import "github.com/belfry-pbx/belfry/engine/media/codec"

// mouth is what a session needs to say sound that is neither relayed nor encoded
// already. It exists while it is needed; a session that says G.711 of narrowband sound
// needs none.
type mouth struct {
	codec     codec.Codec
	encoder   codec.Encoder // nil: not to be had on this machine
	rate      int           // Hz: of the sound that is said
	resampler *codec.Resampler
	used      int64 // tick
}

// fit makes the mouth one for a codec and sound at a rate.
func (m *mouth) fit(c codec.Codec, rate int) {
	if m.codec != c {
		m.codec = c
		m.encoder, _ = codec.NewEncoder(c) // without one, the frames are dropped and counted
	}
	if m.resampler == nil || m.rate != rate {
		m.rate, m.resampler = rate, codec.NewResampler(rate, c.SampleRate())
	}
}

// say sends a frame of 20 ms of sound at a rate, in Hz.
func (s *Session) say(sh *shard, pcm []int16, rate int) {
	if !s.mayTalk(sh) {
		return
	}
	c := s.format.Codec
	payload := sh.out[headerSize:]
	if c <= codec.PCMA && rate == sampleRate {
		s.sendFrame(sh, c.Encode(payload, pcm))
		return
	}
	if s.mouth == nil {
		s.mouth = &mouth{}
	}
	m := s.mouth
	m.used = sh.tick
	if m.codec != c || m.rate != rate {
		m.fit(c, rate)
	}
	if m.encoder == nil {
		s.drop(sh, DropCodec)
		return
	}
	if rate != c.SampleRate() {
		pcm = sh.resampled[:m.resampler.Resample(sh.resampled[:], pcm)]
	}
	s.sendFrame(sh, m.encoder.Encode(payload, pcm))
}

// mayTalk tells whether a frame of ours may be sent now. Where not, the next one
// begins a talk spurt.
func (s *Session) mayTalk(sh *shard) bool {
	if s.format.Send && s.format.Codec.Valid() && !s.digits.busy() && !s.event.underWay(sh.tick) {
		return true
	}
	s.sender.flowing = false
	return false
}

// sendFrame sends the 20 ms whose payload is in sh.out.
func (s *Session) sendFrame(sh *shard, size int) {
	if size == 0 {
		return // the encoder had nothing to say
	}
	s.sendShared(sh, sh.out[:headerSize+size])
}

// sendShared sends 20 ms that others may get too: only the header is written.
func (s *Session) sendShared(sh *shard, b []byte) {
	seq, ts, marker := s.sender.frame(sh.tick)
	putHeader(b, s.format.PayloadType, marker, seq, ts, s.sender.ssrc)
	s.transmit(sh, b)
}

// hearingRate is the rate of what the peer hears, in Hz.
func (s *Session) hearingRate() int { return max(s.format.Codec.SampleRate(), sampleRate) }
