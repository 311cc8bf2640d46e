package media

import (
	"slices"
	"sync/atomic"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

const (
	talkLevel  = 400 // mean amplitude above which a frame is speech: about -38 dBFS
	talkFrames = 2   // so many frames of it make a talker
	hangFrames = 25  // and so many without it, half a second, end it
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
	joined  bool
	player  *Player
	cushion cushion
	pcm     [frameSamples]int16 // what it says in this frame
	sounds  bool                // there is something in pcm, and it may be heard
	speaks  bool                // it is in the sum
	level   int32               // mean amplitude, smoothed
	weight  int32
	loud    int // frames of speech, or of the hang-over, in a row
	quiet   int
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
		p.prepare(codec.None, sampleRate) // may take a while
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
	mb.joined = false
	mb.talking.Store(false)
	if i := slices.Index(m.members, mb); i >= 0 {
		m.members = slices.Delete(m.members, i, i+1)
	}
	if mb.player != nil {
		mb.player.end(false)
		mb.player = nil
	}
}

// hear takes a packet from the session.
func (mb *Member) hear(p *packet, from codec.Codec) { mb.cushion.put(p, from) }

// listen takes what the member says in this frame, and how loud it is.
func (mb *Member) listen() {
	spoke := mb.speaks
	sound := mb.cushion.take(&mb.pcm)
	mb.speaks, mb.sounds = false, sound && !mb.muted.Load()
	var level int32
	if sound {
		var sum int32
		for _, v := range mb.pcm {
			sum += max(int32(v), -int32(v))
		}
		level = sum / frameSamples
	}
	mb.level += (level - mb.level) / 4
	mb.weight = max(mb.level, level/2)
	if spoke {
		mb.weight *= 2
	}
	mb.noteTalking(level)
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

// playOwn puts the next frame of the member's own player into sh.pcm, if there is one.
func (mb *Member) playOwn(sh *shard) bool {
	if mb.player == nil {
		return false
	}
	switch _, _, state := mb.player.samples(sh.pcm[:]); state {
	case playing:
		return true
	case ended:
		mb.player = nil
	}
	return false
}

// mixOwn makes in sh.pcm what only this member hears: its own player's frame, if
// that is there already, and the others.
func (mb *Member) mixOwn(sh *shard, own bool) {
	deaf := mb.deaf.Load()
	for i := range mb.pcm {
		var v int32
		if own {
			v = int32(sh.pcm[i])
		}
		if !deaf {
			v += mb.mixer.sum[i]
			if mb.speaks {
				v -= int32(mb.pcm[i])
			}
		}
		sh.pcm[i] = soft(v)
	}
}
