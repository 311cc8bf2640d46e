package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// Room is a conference: it exists while somebody is in it.
type Room struct {
	name   string
	engine *Engine
	mixer  Mixer

	mu      sync.Mutex
	members []*member // in the order they came
	locked  bool
	muted   bool // everybody but moderators
	ended   bool // by End: whoever comes now comes to another room
}

// MemberInfo describes a caller in a room.
type MemberInfo struct {
	Call      string        `json:"call"`
	Number    string        `json:"number"` // "" when withheld, as Name
	Name      string        `json:"name,omitempty"`
	Moderator bool          `json:"moderator"`
	Muted     bool          `json:"muted"`
	Talking   bool          `json:"talking"`
	For       time.Duration `json:"for"`
}

// Room finds a conference that somebody is in.
func (e *Engine) Room(name string) (*Room, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.rooms[name]
	return r, ok
}

// admit lets a member into a room, which is made if there is none, or names the prompt that
// tells him why not.
func (e *Engine) admit(name string, m *member, most int) (refused string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[name]
	if r == nil {
		r = &Room{name: name, engine: e, mixer: e.media.NewMixer()}
		e.rooms[name] = r
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.locked && !m.moderator:
		return "conf-locked"
	case len(r.members) >= cmp.Or(max(most, 0), defaultMembers):
		return "conf-full"
	}
	r.members = append(r.members, m)
	m.room = r
	m.call.mu.Lock()
	m.call.member = m
	m.call.mu.Unlock()
	r.tell()
	return ""
}

// leave takes a member out, announces it, and ends the room with its owner or its last member.
func (r *Room) leave(m *member, o ConferenceOptions) {
	c := m.call
	c.mu.Lock()
	mixed := m.media
	c.member, m.media = nil, nil
	if mixed != nil {
		mixed.Leave()
		c.settle()
	}
	c.mu.Unlock()
	if last := r.remove(m); last {
		return
	}
	if o.EndWithMe {
		r.End()
	} else if mixed != nil {
		r.announce(context.WithoutCancel(c.ctx), m, "conf-hasleft", o.Language)
	}
}

// remove tells whether the member was the last one, and with him the room is gone.
func (r *Room) remove(m *member) (last bool) {
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	r.tell()
	if len(r.members) > 0 {
		return false
	}
	r.mixer.Close()
	if e.rooms[r.name] == r {
		delete(e.rooms, r.name)
	}
	return true
}

// mix lets a member hear the others and, unless muted, be heard.
func (r *Room) mix(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.call.mu.Lock()
	defer m.call.mu.Unlock()
	if l := m.call.caller; l != nil {
		muted := m.muted || r.muted && !m.moderator
		m.media = r.mixer.Join(l.media, media.MemberOptions{Muted: muted})
	}
}

// tell wakes those who wait for the room to change. r.mu is held.
func (r *Room) tell() {
	for _, m := range r.members {
		m.call.signal()
	}
}

func (r *Room) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.members)
}

func (r *Room) hasModerator() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.members, func(m *member) bool { return m.moderator })
}

// outcome is why a member must go; "": he need not.
func (r *Room) outcome(m *member) Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return cmp.Or(m.out, OutcomeEnded)
	}
	return m.out
}

// dismiss has a member go, unless he is going already.
func (r *Room) dismiss(m *member, why Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.out = cmp.Or(m.out, why)
	m.call.signal()
}

// announce tells the room that somebody came or went: his recorded name and a phrase, or a beep.
func (r *Room) announce(ctx context.Context, m *member, phrase, language string) {
	if m.quiet {
		return
	}
	prompts := []Prompt{{Name: "tone:beep"}}
	if len(m.announce) > 0 {
		prompts = append(slices.Clone(m.announce), Prompt{Name: phrase})
	}
	if err := r.Play(ctx, prompts, language); err != nil {
		m.call.logger().Warn("announce in a conference", "room", r.name, "error", err)
	}
}

// Name is what the dialplan calls the room.
func (r *Room) Name() string { return r.name }

// Play lets everybody in the room hear prompts. It does not wait for their end.
func (r *Room) Play(ctx context.Context, prompts []Prompt, language string) error {
	clips, err := r.engine.clips(ctx, prompts, language)
	if err != nil {
		return err
	}
	r.mixer.Play(r.engine.media.NewPlayer(clips, media.PlayOptions{}))
	return nil
}

// Members lists who is in the room, in the order they came.
func (r *Room) Members() []MemberInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.engine.clock.Now()
	all := make([]MemberInfo, 0, len(r.members))
	for _, m := range r.members {
		info := MemberInfo{Call: m.call.id, Moderator: m.moderator, For: now.Sub(m.joined)}
		if p := m.call.From(); !m.call.Private() {
			info.Number, info.Name = p.Number, p.Name
		}
		if mixed := m.mixed(); mixed != nil {
			info.Muted, info.Talking = mixed.Muted(), mixed.Talking()
		}
		all = append(all, info)
	}
	return all
}

// MuteAll mutes or unmutes everybody but the moderators, those who come later too.
func (r *Room) MuteAll(muted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.muted = muted
	for _, m := range r.members {
		if mixed := m.mixed(); mixed != nil && !m.moderator {
			mixed.SetMuted(muted)
		}
	}
}

// Lock keeps everybody but moderators from coming in.
func (r *Room) Lock(locked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.locked = locked
}

// Locked tells whether the room is locked.
func (r *Room) Locked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.locked
}

// Kick sends a caller away; it tells whether he was there.
func (r *Room) Kick(call string) bool {
	return r.kick(func(m *member) bool { return m.call.id == call })
}

// KickLast sends away who came last and is no moderator.
func (r *Room) KickLast() bool {
	return r.kick(func(m *member) bool { return !m.moderator })
}

func (r *Room) kick(which func(*member) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range slices.Backward(r.members) {
		if m.out == "" && which(m) {
			m.out = OutcomeKicked
			m.call.signal()
			return true
		}
	}
	return false
}

// End sends everybody away. Who comes afterwards comes to a new room of that name.
func (r *Room) End() {
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if e.rooms[r.name] == r {
		delete(e.rooms, r.name)
	}
	r.tell()
}
