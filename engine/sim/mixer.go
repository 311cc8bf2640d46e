package sim

import (
	"slices"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
)

// mixer is a conference: everybody hears all but themselves.
type mixer struct {
	engine  *mediaEngine
	members []*member
	player  *player
	closed  bool
}

// member is a session's part in a mixer.
type member struct {
	mixer       *mixer
	session     *session
	joined      bool
	muted, deaf bool
	player      *player
}

// Join implements engine.Mixer.
func (m *mixer) Join(s engine.Session, o media.MemberOptions) engine.Member {
	own := s.(*session)
	mb := &member{mixer: m, session: own, muted: o.Muted, deaf: o.Deaf}
	if own.closed || m.closed || own.engine != m.engine {
		return mb
	}
	own.setSource(fromNothing)
	own.source, own.member = fromMixer, mb
	mb.joined = true
	m.members = append(m.members, mb)
	m.refresh()
	return mb
}

// Play implements engine.Mixer.
func (m *mixer) Play(p engine.Player) {
	if m.player != nil {
		m.player.end(false)
	}
	own, _ := p.(*player)
	if own == nil || !own.attach(m.refresh, func() { m.player = nil; m.refresh() }) {
		return
	}
	if m.closed {
		own.end(false)
		return
	}
	m.player = own
	own.begin()
	m.refresh()
}

// Close implements engine.Mixer.
func (m *mixer) Close() {
	m.closed = true
	for len(m.members) > 0 {
		m.members[len(m.members)-1].session.become(fromNothing)
	}
	if m.player != nil {
		m.player.end(false)
	}
}

// refresh finds what each member hears now.
func (m *mixer) refresh() {
	for _, mb := range m.members {
		mb.session.refresh()
	}
}

// Play implements engine.Member.
func (mb *member) Play(p engine.Player) {
	if mb.player != nil {
		mb.player.end(false)
	}
	own, _ := p.(*player)
	if own == nil || !own.attach(mb.session.refresh, func() { mb.player = nil; mb.session.refresh() }) {
		return
	}
	if !mb.joined {
		own.end(false)
		return
	}
	mb.player = own
	own.begin()
	mb.session.refresh()
}

// SetMuted implements engine.Member.
func (mb *member) SetMuted(on bool) {
	mb.muted = on
	mb.mixer.refresh()
}

// Muted implements engine.Member.
func (mb *member) Muted() bool { return mb.muted }

// Talking implements engine.Member. Half a second of silence ends it.
func (mb *member) Talking() bool { return mb.joined && mb.session.spokeLately(hangOver) }

// Leave implements engine.Member.
func (mb *member) Leave() {
	if mb.joined {
		mb.session.become(fromNothing)
	}
}

// removed is called when the session's source is no longer the mixer.
func (mb *member) removed() {
	m := mb.mixer
	mb.joined = false
	m.members = slices.DeleteFunc(m.members, func(other *member) bool { return other == mb })
	if mb.player != nil {
		mb.player.end(false)
	}
	m.refresh()
}

// hears tells whether what another says reaches this member.
func (mb *member) hears(other *member) bool {
	return mb != other && !mb.deaf && !other.muted && mb.session.sends() && other.session.hears()
}

// hearsVoices tells whether anybody whom it hears speaks.
func (mb *member) hearsVoices() bool {
	return slices.ContainsFunc(mb.mixer.members, func(other *member) bool {
		return mb.hears(other) && other.session.isSpeaking()
	})
}

// peers are the sessions of those that hear this member and are heard by it.
func (mb *member) peers() []*session {
	var all []*session
	for _, other := range mb.mixer.members {
		if mb.hears(other) && other.hears(mb) {
			all = append(all, other.session)
		}
	}
	return all
}
