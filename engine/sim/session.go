package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
)

// session is the sound of one leg: what its telephone says, and what it hears.
type session struct {
	engine *mediaEngine
	addr   netip.AddrPort
	events media.Events
	format media.Format
	agreed bool // there is a format
	closed bool

	source source // what the telephone hears
	player *player
	peer   *session
	member *member

	recorders []*recorder
	tapes     []*tape
	story     hearing

	speaksTill time.Time
	silence    *timer // ends what it says
	presses    []byte
	pressed    *timer // ends the key that is held down
	keys       []byte // that it has heard
	sending    []*sendJob
}

// source is where that which a session sends comes from.
type source uint8

const (
	fromNothing source = iota
	fromPlayer
	fromEcho
	fromPeer
	fromMixer
)

// LocalAddr implements engine.Session.
func (s *session) LocalAddr() netip.AddrPort { return s.addr }

// SetFormat implements engine.Session.
func (s *session) SetFormat(f media.Format) error {
	if s.closed {
		return media.ErrClosed
	}
	s.format, s.agreed = f, true
	s.refreshAll()
	return nil
}

// sends tells whether anything goes to the telephone; hears, whether anything comes from it.
func (s *session) sends() bool { return s.agreed && s.format.Send && !s.closed }
func (s *session) hears() bool { return s.agreed && s.format.Receive && !s.closed }

// setSource ends the source there was; the new one, if it is more than a kind, is the caller's to set. Those who heard
// it, or whom it heard, are refreshed, but not s itself.
func (s *session) setSource(k source) {
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
			peer.refresh()
		}
	case fromMixer:
		mb := s.member
		s.member = nil
		mb.removed()
	}
}

// Play implements engine.Session. A player serves once: one that plays elsewhere or has ended is as good as none.
func (s *session) Play(p engine.Player) {
	own, _ := p.(*player)
	if own != nil && s.closed {
		own.Stop()
		return
	}
	if own == nil || !own.attach(s.refresh, func() { s.playerEnded(own) }) {
		s.become(fromNothing)
		return
	}
	s.setSource(fromPlayer)
	s.player = own
	own.begin()
	s.refresh()
}

// playerEnded has the session fall silent with its player, unless it has another source by now.
func (s *session) playerEnded(p *player) {
	if s.player == p {
		s.source, s.player = fromNothing, nil
		s.refresh()
	}
}

func (s *session) become(k source) {
	if !s.closed {
		s.setSource(k)
		s.refresh()
	}
}

// Echo implements engine.Session.
func (s *session) Echo() { s.become(fromEcho) }

// Silence implements engine.Session.
func (s *session) Silence() { s.become(fromNothing) }

// bridge lets two sessions hear each other. Where one has ended the other falls silent.
func bridge(a, b *session) {
	switch {
	case a == b || a.engine != b.engine || a.closed && b.closed:
	case a.closed:
		b.become(fromNothing)
	case b.closed:
		a.become(fromNothing)
	default:
		if a.peer == b {
			return // they do
		}
		a.setSource(fromNothing)
		b.setSource(fromNothing)
		a.source, b.source = fromPeer, fromPeer
		a.peer, b.peer = b, a
		a.refresh()
		b.refresh()
	}
}

// Record implements engine.Session.
func (s *session) Record(r engine.Recorder) {
	own := r.(*recorder)
	if !own.start(s) {
		return
	}
	if s.closed {
		own.finish(media.Stopped)
		return
	}
	s.recorders = append(s.recorders, own)
	own.hear(s.isSpeaking())
}

// Stats implements engine.Session.
func (s *session) Stats() media.SessionStats { return media.SessionStats{Remote: s.format.Remote} }

// Close implements engine.Session.
func (s *session) Close() {
	if s.closed {
		return
	}
	s.setSource(fromNothing)
	for len(s.recorders) > 0 {
		s.recorders[0].finish(media.Stopped) // which takes it off
	}
	s.closed = true
	s.engine.open--
	for _, t := range [...]*timer{s.silence, s.pressed} {
		if t != nil {
			t.Stop()
		}
	}
	s.presses = nil
	for _, job := range s.sending {
		job.end(media.ErrClosed)
	}
	s.sending = nil
	s.refresh()
}

// refresh finds what is heard and said now, after something has changed.
func (s *session) refresh() {
	now := s.engine.world.Now()
	s.story.update(s, now)
	speaks := s.isSpeaking()
	for _, r := range slices.Backward(s.recorders) { // one that ends is taken off
		r.hear(speaks)
	}
	for _, t := range slices.Backward(s.tapes) {
		t.hear(speaks, s.hearsSound())
	}
}

// hearsSound tells whether anything that the telephone hears is no silence.
func (s *session) hearsSound() bool {
	return slices.ContainsFunc(s.story.now, func(what sound) bool {
		switch {
		case what.echo:
			return s.isSpeaking()
		case what.with != nil:
			return what.with.isSpeaking()
		case what.mixer != nil:
			return s.member.hearsVoices()
		}
		return !isSilence(what.player.sounding())
	})
}

// refreshAll is refresh, for whoever may hear s too.
func (s *session) refreshAll() {
	s.refresh()
	switch s.source {
	case fromPeer:
		s.peer.refresh()
	case fromMixer:
		s.member.mixer.refresh()
	}
}

// What follows is for the telephone.

// speak has the telephone speak for a while, from now.
func (s *session) speak(d time.Duration) {
	w := s.engine.world
	if till := w.Now().Add(d); !s.closed && till.After(s.speaksTill) {
		s.speaksTill = till
		if s.silence == nil {
			s.silence = w.afterFunc(d, s.refreshAll)
		} else {
			s.silence.Reset(d)
		}
		s.refreshAll()
	}
}

// isSpeaking tells whether what the telephone says arrives.
func (s *session) isSpeaking() bool {
	return s.hears() && s.engine.world.Now().Before(s.speaksTill)
}

// spokeLately tells whether it has been silent for less than d.
func (s *session) spokeLately(d time.Duration) bool {
	return s.hears() && s.engine.world.Now().Before(s.speaksTill.Add(d))
}

// hangOver is how long after the last word somebody still counts as one who talks.
const hangOver = 500 * time.Millisecond

// peers are the sessions that hear this one and are heard by it.
func (s *session) peers() []*session {
	if !s.sends() || !s.hears() {
		return nil
	}
	switch s.source {
	case fromPeer:
		if s.peer.sends() && s.peer.hears() {
			return []*session{s.peer}
		}
	case fromMixer:
		return s.member.peers()
	}
	return nil
}
