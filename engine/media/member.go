package media

import (
	"slices"
	"sync/atomic"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/gain"
	"github.com/belfry-pbx/belfry/engine/media/playout"
)

const (
	talkLevel  = 400 // mean amplitude above which a frame is speech: about -38 dBFS
	talkFrames = 2   // so many frames of it make a talker
	hangFrames = 25  // and so many without it, half a second, end it
	soundLevel = 16  // mean amplitude below which a frame is not mixed in: about -66 dBFS

	// apartTicks is how long who has spoken keeps an encoder of his own, 10 s: decoders
	// do not like to be moved to and fro.
	apartTicks = 10 * ticksPerSecond
	// hushTicks is how long a silent member keeps what a speaker needs, a minute.
	hushTicks = 60 * ticksPerSecond
)

// MemberOptions say how a session takes part in a Mixer.
type MemberOptions struct {
	Muted bool // is not heard
	Deaf  bool // does not hear the others
}

// Member is a session's part in a Mixer. It is safe for concurrent use.
type Member struct {
	mixer   *Mixer
	session *Session
	muted   atomic.Bool
	deaf    atomic.Bool
	talking atomic.Bool

	// ---- of the shard's thread
	joined     bool
	player     *Player
	voice      *voice  // what it says in this frame; nil: it is not in the sum
	speech     *speech // nil: it has not spoken lately
	level      int32   // mean amplitude, smoothed
	weight     int32
	loud       int // frames of speech, or of the hang-over, in a row
	quiet      int
	apartSince int64 // tick at which it last heard something of its own; 0: never
	own        tuner // of its own player
	limiter    gain.Limiter
}

// speech is what it takes to mix a speaker in.
type speech struct {
	tick    int64 // when it last was in the sum
	rate    int   // Hz
	control *gain.Control
	tuners  [len(rates)]tuner
	parts   [len(rates)][]int16 // its part of each bus, in this frame
	rooms   [len(rates)][]int16
}

// Join makes the conference s's source and brings s to the conference's shard.
// Another source, or joining another conference, ends the membership.
func (m *Mixer) Join(s *Session, o MemberOptions) *Member {
	mb := &Member{mixer: m, session: s}
	mb.muted.Store(o.Muted)
	mb.deaf.Store(o.Deaf)
	if s.engine != m.engine {
		return mb
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.moveTo(m.on) {
		return mb
	}
	s.post(func() {
		if m.closed || s.shard != m.on {
			return
		}
		s.setSource(fromMixer)
		s.member = mb
		mb.joined = true
		m.members = append(m.members, mb)
	})
	return mb
}

// Leave ends the membership; the session falls silent unless it has another source
// by now.
func (mb *Member) Leave() {
	mb.mixer.on.post(func() {
		if mb.joined {
			mb.session.setSource(fromNothing)
		}
	})
}

// SetMuted says whether the member is heard.
func (mb *Member) SetMuted(on bool) { mb.muted.Store(on) }

// Muted tells whether the member is kept from being heard.
func (mb *Member) Muted() bool { return mb.muted.Load() }

// SetDeaf says whether the member is kept from hearing the others.
func (mb *Member) SetDeaf(on bool) { mb.deaf.Store(on) }

// Talking tells that speech comes from the member, heard or muted.
func (mb *Member) Talking() bool { return mb.talking.Load() }

// Play has this member alone hear p, over the conference; it replaces the player
// before it. Nil ends that.
func (mb *Member) Play(p *Player) {
	if p != nil {
		p.prepare(codec.None, mb.session.agreedRate()) // may take a while
	}
	if !mb.mixer.on.post(func() {
		if mb.player != nil {
			mb.player.end(false)
		}
		mb.player = takePlayer(p, mb.joined)
	}) && p != nil {
		p.Stop()
	}
}

// What follows runs on the shard's thread.

// removed is called when the session's source is no longer the mixer.
func (mb *Member) removed() {
	m := mb.mixer
	mb.joined, mb.voice, mb.speech = false, nil, nil
	mb.talking.Store(false)
	if i := slices.Index(m.members, mb); i >= 0 {
		m.members = slices.Delete(m.members, i, i+1)
	}
	if mb.player != nil {
		mb.player.end(false)
		mb.player = nil
	}
}

// listen takes what the member says in this frame into v, and tells whether it is to
// be heard.
func (mb *Member) listen(sh *shard, v *voice) bool {
	spoke := mb.voice != nil
	mb.voice = nil
	if mb.speech != nil && sh.tick-mb.speech.tick > hushTicks {
		mb.speech = nil
	}
	var level int32
	if s := mb.session; s.ear != nil {
		pcm, rate, kind := s.listen(sh, &v.room)
		if kind >= playout.Concealed {
			v.pcm, v.rate = pcm, rate
			level = amplitudeOf(pcm)
		}
	}
	mb.level += (level - mb.level) / 4
	mb.weight = max(mb.level, level/2)
	if spoke {
		mb.weight *= 2
	}
	mb.noteTalking(level)
	if v.pcm == nil || max(level, mb.level) < soundLevel || mb.muted.Load() {
		v.pcm = nil
		return false
	}
	return true
}

// amplitudeOf is the mean amplitude of a frame; of more than 8 kHz, of a part of it.
func amplitudeOf(pcm []int16) int32 {
	var sum int32
	step := len(pcm) / frameSamples
	if step <= 1 {
		for _, v := range pcm {
			sum += max(int32(v), -int32(v))
		}
		return sum / frameSamples
	}
	for i := 0; i < len(pcm); i += step {
		sum += max(int32(pcm[i]), -int32(pcm[i]))
	}
	return sum / frameSamples
}

func (mb *Member) noteTalking(level int32) {
	if level >= talkLevel {
		mb.loud, mb.quiet = mb.loud+1, 0
	} else {
		mb.loud, mb.quiet = 0, mb.quiet+1
	}
	switch {
	case mb.loud >= talkFrames:
		mb.talking.Store(true)
	case mb.quiet >= hangFrames:
		mb.talking.Store(false)
	}
}

// speak prepares the frame of a member that is among the speakers. What was left in
// its filters when it last spoke is not heard.
func (mb *Member) speak(tick int64) {
	v, p := mb.voice, mb.speech
	if p == nil || p.rate != v.rate {
		p = &speech{rate: v.rate, control: gain.New(v.rate)}
		mb.speech = p
	}
	if tick-p.tick > frameTicks {
		p.tuners = [len(rates)]tuner{}
	}
	p.tick = tick
	p.parts = [len(rates)][]int16{}
	p.control.Apply(v.pcm)
}

// at is the member's part of a bus, which is the same for all who hear it: taking it
// out of the sum leaves nothing of it.
func (mb *Member) at(bus int) []int16 {
	p := mb.speech
	if p.parts[bus] == nil {
		if p.rooms[bus] == nil && p.rate != rates[bus] {
			p.rooms[bus] = make([]int16, rates[bus]/50)
		}
		p.parts[bus] = p.tuners[bus].tune(p.rooms[bus], mb.voice.pcm, p.rate, rates[bus])
	}
	return p.parts[bus]
}

// apart tells whether the member gets a stream of its own. One of G.711 may change at
// any time.
func (mb *Member) apart(tick int64, c codec.Codec) bool {
	if mb.voice != nil {
		return true
	}
	return c > codec.PCMA && mb.apartSince > 0 && tick-mb.apartSince < apartTicks && mb.session.mouth != nil
}

// playOwn is the next frame of the member's own player, at the rate of what it hears;
// nil if there is none.
func (mb *Member) playOwn(sh *shard) []int16 {
	if mb.player == nil {
		return nil
	}
	pcm, rate, state := mb.player.samples(sh.pcm[:])
	switch state {
	case playing:
		return mb.own.tune(sh.heard[:], pcm, rate, mb.session.hearingRate())
	case ended:
		mb.player = nil
	}
	return nil
}

// mixOwn makes in sh.pcm what only this member hears: its own player's frame, if
// there is one, and the others.
func (mb *Member) mixOwn(sh *shard, bus int, own []int16) []int16 {
	n := rates[bus] / 50
	sum := sh.sum[:n]
	clear(sum)
	if !mb.deaf.Load() {
		copy(sum, mb.mixer.buses[bus].sum[:n])
		if mb.voice != nil {
			for i, v := range mb.at(bus) {
				sum[i] -= int32(v)
			}
		}
	}
	for i, v := range own {
		sum[i] += int32(v)
	}
	mb.limiter.Limit(sh.pcm[:n], sum)
	return sh.pcm[:n]
}
