package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// What a telephone hears beside prompts, as Heard names it.
const (
	HeardRecording  = "recording"  // somebody's message, greeting or name
	HeardEcho       = "echo"       // itself
	HeardCall       = "call"       // another telephone, whether or not anybody speaks there
	HeardConference = "conference" // likewise
)

// Heard is something that a telephone has heard, or hears.
type Heard struct {
	Name     string // of the prompt, tone or music, or one of the names above
	From, To time.Time
	Still    bool // it has not ended: To is zero

	sound sound
}

// sound is what goes to a telephone.
type sound struct {
	player *player
	turn   int      // of the player: how many clips it has begun
	with   *session // to whom it is bridged
	mixer  *mixer
	echo   bool
}

// hearing is what one telephone hears and has heard.
type hearing struct {
	all  []Heard // in the order in which they began
	now  []sound // what sounds
	next []sound // room
}

// update finds what the telephone of s hears.
func (h *hearing) update(s *session, at time.Time) {
	h.next = h.next[:0]
	if s.sends() {
		h.listen(s)
	}
	for _, gone := range h.now {
		if !slices.Contains(h.next, gone) {
			h.end(gone, at)
		}
	}
	for _, come := range h.next {
		if !slices.Contains(h.now, come) {
			h.all = append(h.all, Heard{Name: come.name(), From: at, Still: true, sound: come})
		}
	}
	h.now, h.next = h.next, h.now
}

// listen collects what sounds in h.next.
func (h *hearing) listen(s *session) {
	switch s.source {
	case fromPlayer:
		h.add(s.player)
	case fromEcho:
		h.next = append(h.next, sound{echo: true})
	case fromPeer:
		h.next = append(h.next, sound{with: s.peer})
	case fromMixer:
		m := s.member.mixer
		h.next = append(h.next, sound{mixer: m})
		h.add(m.player)
		h.add(s.member.player)
	}
}

func (h *hearing) add(p *player) {
	if p.sounding() != nil {
		h.next = append(h.next, sound{player: p, turn: p.turn})
	}
}

func isSilence(c *media.Clip) bool { return strings.HasPrefix(c.Name(), "silence") }

// end notes when something ended; what began at the same moment was not heard.
func (h *hearing) end(gone sound, at time.Time) {
	for i := len(h.all) - 1; i >= 0; i-- {
		e := &h.all[i]
		if !e.Still || e.sound != gone {
			continue
		}
		if e.From.Equal(at) {
			h.all = slices.Delete(h.all, i, i+1)
			return
		}
		e.To, e.Still = at, false
		return
	}
}

func (s sound) name() string {
	switch {
	case s.echo:
		return HeardEcho
	case s.with != nil:
		return HeardCall
	case s.mixer != nil:
		return HeardConference
	}
	if name := s.player.sounding().Name(); name != "" {
		return name
	}
	return HeardRecording
}

// heard lists all that the telephone has heard and hears, in the order in which it began. The caller must not keep it.
func (s *session) heard() []Heard { return s.story.all }

// hearing lists what the telephone hears now.
func (s *session) hearing() []Heard {
	var now []Heard
	for _, e := range s.story.all {
		if e.Still {
			now = append(now, e)
		}
	}
	return now
}
