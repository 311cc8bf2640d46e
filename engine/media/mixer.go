package media

import (
	"encoding/binary"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// maxSpeakers is how many are heard at once: the loudest.
const maxSpeakers = 8

// Mixer is a conference: everybody hears all but themselves. All its members live
// on one shard. It is safe for concurrent use.
type Mixer struct {
	engine *Engine
	on     *shard

	// ---- of the shard's thread
	phase    int64
	closed   bool
	members  []*Member
	taps     []*Recorder
	speakers [maxSpeakers]*Member // loudest first; nil where there are fewer
	player   *Player
	sum      [frameSamples]int32
	played   [frameSamples]int16
	shared   [codec.Count]sharedFrame // the sum, encoded for those who only listen
}

type sharedFrame struct {
	made    bool
	payload [frameSamples]byte
}

// NewMixer makes an empty conference.
func (e *Engine) NewMixer() *Mixer {
	m := &Mixer{engine: e, on: e.pickShard(nil)}
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
		p.prepare(codec.None, sampleRate) // may take a while
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

// mix makes and sends one frame.
func (m *Mixer) mix(sh *shard) {
	clear(m.sum[:])
	m.speakers = [maxSpeakers]*Member{}
	for _, mb := range m.members {
		mb.listen()
		if mb.sounds {
			m.rank(mb)
		}
	}
	for _, mb := range m.speakers {
		if mb != nil {
			mb.speaks = true
			addTo(&m.sum, &mb.pcm)
		}
	}
	if m.player != nil {
		switch _, _, state := m.player.samples(m.played[:]); state {
		case playing:
			addTo(&m.sum, &m.played)
		case ended:
			m.player = nil
		}
	}
	for i := range m.shared {
		m.shared[i].made = false
	}
	for _, mb := range m.members {
		sh.current = mb.session
		m.send(sh, mb)
	}
	sh.current = nil
	m.record(sh)
}

// record gives the sum to the recorders.
func (m *Mixer) record(sh *shard) {
	if len(m.taps) == 0 {
		return
	}
	limit(sh.pcm[:], &m.sum)
	frame := sh.out[:2*frameSamples]
	for i, v := range sh.pcm[:frameSamples] {
		binary.LittleEndian.PutUint16(frame[2*i:], uint16(v))
	}
	m.taps = slices.DeleteFunc(m.taps, func(r *Recorder) bool {
		r.hearSound(frame, sampleRate, sh.tick)
		return !r.mark(sh.tick)
	})
}

// encoded is the sum as those get it who only listen, made once a frame.
func (m *Mixer) encoded(sh *shard, c codec.Codec) []byte {
	f := &m.shared[c]
	if !f.made {
		limit(sh.pcm[:], &m.sum)
		c.Encode(f.payload[:], sh.pcm[:frameSamples])
		f.made = true
	}
	return f.payload[:]
}

// rank puts a member among the speakers if it is one of the loudest. Who spoke a
// frame ago counts double, so that the places do not change with every syllable.
func (m *Mixer) rank(mb *Member) {
	for i, other := range m.speakers {
		if other == nil {
			m.speakers[i] = mb
			return
		}
		if mb.weight > other.weight {
			m.speakers[i], mb = mb, other
		}
	}
}

// send gives one member its frame: the shared one, or the sum without itself.
func (m *Mixer) send(sh *shard, mb *Member) {
	s := mb.session
	c := s.format.Codec
	if !c.Valid() {
		mb.playOwn(sh) // its player goes on unheard
		return
	}
	payload := sh.out[headerSize:][:frameSamples]
	own := mb.playOwn(sh)
	switch {
	case !own && mb.deaf.Load():
		c.Silence(payload)
	case !own && !mb.speaks:
		copy(payload, m.encoded(sh, c))
	default:
		mb.mixOwn(sh, own)
		c.Encode(payload, sh.pcm[:frameSamples])
	}
	if s.mayTalk(sh) {
		s.sendFrame(sh, frameSamples)
	}
}

func addTo(sum *[frameSamples]int32, pcm *[frameSamples]int16) {
	for i, v := range pcm {
		sum[i] += int32(v)
	}
}

// limit brings a sum into the range of a sample, gently: unchanged up to three
// quarters of full scale, then ever flatter, so that loud voices together do not
// clatter as clipping does, and nothing wraps round.
func limit(pcm []int16, sum *[frameSamples]int32) {
	for i, v := range sum {
		pcm[i] = soft(v)
	}
}

func soft(v int32) int16 {
	const (
		knee = 24576
		rest = 32767 - knee
	)
	switch {
	case v > knee:
		over := v - knee
		return int16(knee + int64(rest)*int64(over)/int64(rest+over))
	case v < -knee:
		over := -v - knee
		return int16(-knee - int64(rest)*int64(over)/int64(rest+over))
	}
	return int16(v)
}
