package media

import (
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/gain"
)

// maxSpeakers is how many are heard at once: the loudest.
const maxSpeakers = 8

// Mixer is a conference: everybody hears all but themselves, in the best sound that
// their phone can do. All its members live on one shard. It is safe for concurrent
// use.
type Mixer struct {
	engine *Engine
	on     *shard
	best   atomic.Int32 // the highest rate that is heard now, in Hz: what players are prepared for

	// ---- of the shard's thread
	phase    int64
	closed   bool
	members  []*Member
	taps     []*Recorder
	taped    []byte                 // a frame for them
	speakers [maxSpeakers]*Member   // loudest first; nil where there are fewer
	voices   [maxSpeakers + 1]voice // their frames, and one to spare
	spare    *voice
	player   *Player
	played   [maxFrame]int16
	buses    [len(rates)]bus
	shared   [codec.Count]*sharedFrame
}

// voice is a frame of what one member says.
type voice struct {
	room [maxFrame]int16
	pcm  []int16
	rate int
}

// bus is the sum of all voices at one rate.
type bus struct {
	wanted  bool // somebody hears it in this frame
	sum     [maxFrame]int32
	player  tuner // of what is played to all
	limiter gain.Limiter
	limited bool            // pcm is made
	pcm     [maxFrame]int16 // as those hear it who only listen
}

// tuner brings a stream from one rate to another, with a resampler where it takes one.
type tuner struct {
	from, to  int
	resampler *codec.Resampler
}

// tune returns pcm at another rate, in room unless it is the same.
func (t *tuner) tune(room, pcm []int16, from, to int) []int16 {
	if from == to {
		return pcm
	}
	if t.from != from || t.to != to {
		*t = tuner{from, to, codec.NewResampler(from, to)}
	}
	return room[:t.resampler.Resample(room, pcm)]
}

// sharedFrame is the sum in one codec, encoded once for all who only listen: one
// stream, so that their decoders can follow it.
type sharedFrame struct {
	made    bool
	encoder codec.Encoder // nil: not to be had on this machine
	size    int
	packet  [headerSize + maxPayload]byte
}

// NewMixer makes an empty conference.
func (e *Engine) NewMixer() *Mixer {
	m := &Mixer{engine: e, on: e.pickShard(nil)}
	m.spare = &m.voices[0]
	m.on.post(func() {
		m.phase = m.on.nextPhase
		m.on.nextPhase = (m.on.nextPhase + 1) % phases
		m.on.mixers = append(m.on.mixers, m)
	})
	return m
}

// Close ends the conference; its members fall silent.
func (m *Mixer) Close() { m.on.post(func() { m.end(m.on) }) }

// Play has all hear p, mixed in; it replaces the player before it. Nil ends that.
func (m *Mixer) Play(p *Player) {
	if p != nil {
		p.prepare(codec.None, m.rate()) // may take a while
	}
	if !m.on.post(func() {
		if m.player != nil {
			m.player.end(false)
		}
		m.player = takePlayer(p, !m.closed)
	}) && p != nil {
		p.Stop()
	}
}

// Record has r hear what those hear who only listen, until r ends or the conference
// does. A recorder serves once.
func (m *Mixer) Record(r *Recorder) {
	if !r.start() {
		return
	}
	if !m.on.post(func() {
		if m.closed {
			r.finish(Stopped)
			return
		}
		r.begin(m.on.tick)
		m.taps = append(m.taps, r)
		m.taped = make([]byte, 2*maxFrame)
	}) {
		r.finish(Stopped)
	}
}

// end runs on the shard's thread.
func (m *Mixer) end(sh *shard) {
	m.closed = true
	for len(m.members) > 0 {
		m.members[len(m.members)-1].session.setSource(fromNothing)
	}
	if m.player != nil {
		m.player.end(false)
		m.player = nil
	}
	for _, r := range m.taps {
		r.finish(Stopped)
	}
	m.taps = nil
	if i := slices.Index(sh.mixers, m); i >= 0 {
		sh.mixers = slices.Delete(sh.mixers, i, i+1)
	}
}

// rate is the highest that is heard, in Hz.
func (m *Mixer) rate() int { return max(int(m.best.Load()), sampleRate) }

// busAt is the index of the bus for a rate.
func busAt(rate int) int {
	switch rate {
	case 48000:
		return 2
	case 16000:
		return 1
	}
	return 0
}

// mix makes and sends one frame.
func (m *Mixer) mix(sh *shard) {
	m.hear(sh)
	m.sum(sh.tick)
	for _, f := range m.shared {
		if f != nil {
			f.made = false
		}
	}
	for _, mb := range m.members {
		sh.current = mb.session
		m.send(sh, mb)
	}
	sh.current = nil
	m.record(sh)
}

// hear takes what each member says, finds the loudest, and what rates are heard.
func (m *Mixer) hear(sh *shard) {
	m.speakers = [maxSpeakers]*Member{}
	for i := range m.voices {
		m.voices[i].pcm = nil
	}
	m.spare = &m.voices[0]
	for i := range m.buses {
		m.buses[i].wanted, m.buses[i].limited = false, false
	}
	best := sampleRate
	for _, mb := range m.members {
		sh.current = mb.session
		if mb.listen(sh, m.spare) {
			m.rank(mb)
		}
		if c := mb.session.format.Codec; c.Valid() {
			rate := c.SampleRate()
			best = max(best, rate)
			m.buses[busAt(rate)].wanted = true
		}
	}
	sh.current = nil
	if len(m.taps) > 0 {
		m.buses[busAt(best)].wanted = true
	}
	m.best.Store(int32(best))
}

// rank puts a member, whose voice is the spare one, among the speakers if it is one of
// the loudest. Who spoke a frame ago counts double, so that the places do not change
// with every syllable.
func (m *Mixer) rank(mb *Member) {
	mb.voice, m.spare = m.spare, nil
	for i, other := range m.speakers {
		if other == nil {
			m.speakers[i], mb = mb, nil
			break
		}
		if mb.weight > other.weight {
			m.speakers[i], mb = mb, other
		}
	}
	if mb != nil { // the least loud of nine
		m.spare, mb.voice = mb.voice, nil
		m.spare.pcm = nil
		return
	}
	for i := range m.voices {
		if m.voices[i].pcm == nil {
			m.spare = &m.voices[i]
			return
		}
	}
}

// sum adds up the speakers and what is played to all, at each rate that is heard.
func (m *Mixer) sum(tick int64) {
	var played []int16
	var rate int
	if m.player != nil {
		var state playState
		if played, rate, state = m.player.samples(m.played[:]); state == ended {
			m.player = nil
		}
	}
	for _, mb := range m.speakers {
		if mb != nil {
			mb.speak(tick)
		}
	}
	var room [maxFrame]int16
	for i := range m.buses {
		b := &m.buses[i]
		if !b.wanted {
			continue
		}
		clear(b.sum[:])
		for _, mb := range m.speakers {
			if mb != nil {
				addTo(&b.sum, mb.at(i))
			}
		}
		if played != nil {
			addTo(&b.sum, b.player.tune(room[:], played, rate, rates[i]))
		}
	}
}

// heard is a bus as those hear it who only listen.
func (m *Mixer) heard(i int) []int16 {
	b := &m.buses[i]
	n := rates[i] / 50
	if !b.limited {
		b.limiter.Limit(b.pcm[:n], b.sum[:n])
		b.limited = true
	}
	return b.pcm[:n]
}

// record gives the sum to the recorders.
func (m *Mixer) record(sh *shard) {
	if len(m.taps) == 0 {
		return
	}
	pcm := m.heard(busAt(m.rate()))
	frame := m.taped[:2*len(pcm)]
	for i, v := range pcm {
		binary.LittleEndian.PutUint16(frame[2*i:], uint16(v))
	}
	m.taps = slices.DeleteFunc(m.taps, func(r *Recorder) bool {
		r.hearSound(frame, m.rate(), sh.tick)
		return !r.mark(sh.tick)
	})
}

// encoded is the sum as those get it who only listen, made once a frame; nil if this
// machine cannot.
func (m *Mixer) encoded(c codec.Codec) *sharedFrame {
	f := m.shared[c]
	if f == nil {
		f = &sharedFrame{}
		f.encoder, _ = codec.NewEncoder(c)
		m.shared[c] = f
	}
	if f.encoder == nil {
		return nil
	}
	if !f.made {
		f.size = f.encoder.Encode(f.packet[headerSize:], m.heard(busAt(c.SampleRate())))
		f.made = true
	}
	return f
}

// send gives one member its frame: the shared one, or the sum without itself.
func (m *Mixer) send(sh *shard, mb *Member) {
	s := mb.session
	own := mb.playOwn(sh) // which goes on unheard where nothing may be sent
	if !s.mayTalk(sh) {
		return
	}
	c := s.format.Codec
	if own == nil && !mb.apart(sh.tick, c) && !mb.deaf.Load() {
		f := m.encoded(c)
		if f == nil {
			s.drop(sh, DropCodec)
			return
		}
		s.sendShared(sh, f.packet[:headerSize+f.size])
		return
	}
	i := busAt(c.SampleRate())
	if s.mouth == nil && c > codec.PCMA {
		s.mouth = &mouth{}
		s.mouth.fit(c, rates[i])
		if f := m.shared[c]; f != nil && s.mouth.encoder != nil {
			codec.Adopt(s.mouth.encoder, f.encoder) // what the peer has heard so far
		}
	}
	s.say(sh, mb.mixOwn(sh, i, own), rates[i])
	mb.apartSince = sh.tick
}

func addTo(sum *[maxFrame]int32, pcm []int16) {
	for i, v := range pcm {
		sum[i] += int32(v)
	}
}
