package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const (
	defaultMembers = 1000
	pinTries       = 3
)

// Room is a conference: it exists while somebody is in it.
type Room struct {
	name   string
	engine *Engine
	mixer  *media.Mixer

	mu      sync.Mutex
	members []*member // in the order they came
	locked  bool
	muted   bool          // everybody but moderators
	changed chan struct{} // closed and replaced when somebody comes or goes
	ended   chan struct{}
}

// member is one caller in a room.
type member struct {
	call      *Call
	room      *Room
	moderator bool
	waiting   bool // for a moderator; not in the mixer yet
	announce  []Prompt
	quiet     bool
	joined    time.Time
	kicked    chan struct{}
	left      chan struct{}

	media *media.Member // nil while waiting
}

// MemberInfo describes a caller in a room.
type MemberInfo struct {
	Call      string        `json:"call"`
	Number    string        `json:"number"`
	Name      string        `json:"name,omitempty"`
	Moderator bool          `json:"moderator"`
	Muted     bool          `json:"muted"`
	Talking   bool          `json:"talking"`
	For       time.Duration `json:"for"`
}

// Conference puts the caller into a room until he leaves it. A locked room, like a full one, is OutcomeFull.
func (c *Call) Conference(ctx context.Context, name string, o ConferenceOptions) (ConferenceResult, error) {
	if err := c.Answer(ctx); err != nil {
		return ConferenceResult{}, err
	}
	if ok, err := c.askPin(ctx, o); err != nil || !ok {
		return ConferenceResult{Outcome: OutcomeWrongPin}, err
	}
	r := c.engine.enter(name)
	m := &member{
		call: c, room: r, moderator: o.Moderator, announce: o.Announce, quiet: o.Quiet,
		joined: c.engine.clock.Now(), kicked: make(chan struct{}), left: make(chan struct{}),
	}
	if refused := r.admit(m, o); refused != "" {
		r.closeIfEmpty()
		_, err := c.PlayPrompt(ctx, []Prompt{{Name: refused}}, PlayOptions{Language: o.Language})
		return ConferenceResult{Outcome: OutcomeFull}, err
	}
	defer r.leave(m, o)
	if o.WaitForModerator && !o.Moderator {
		if outcome, err := c.waitForModerator(ctx, m, o); outcome != "" || err != nil {
			return ConferenceResult{Outcome: outcome}, err
		}
	}
	if r.count() == 1 && !o.Quiet {
		if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "conf-onlyperson"}}, PlayOptions{Interrupt: AnyKey, Language: o.Language}); err != nil {
			return ConferenceResult{Outcome: OutcomeLeft}, err
		}
	}
	c.tell("in a conference", "room", name)
	r.mix(m, o.Muted)
	r.announce(ctx, m, "conf-hasjoin", o.Language)
	outcome, err := c.confer(ctx, m)
	return ConferenceResult{Outcome: outcome}, err
}

func (c *Call) askPin(ctx context.Context, o ConferenceOptions) (bool, error) {
	if o.Pin == "" {
		return true, nil
	}
	for range pinTries {
		d, err := c.ReadDigits(ctx, ReadDigitsOptions{
			Prompt: []Prompt{{Name: "conf-getpin"}}, Language: o.Language, Min: 1, Max: len(o.Pin) + 1, Terminator: "#",
		})
		if err != nil {
			return false, err
		}
		if d.Digits == o.Pin {
			return true, nil
		}
		if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "conf-invalidpin"}}, PlayOptions{Language: o.Language}); err != nil {
			return false, err
		}
	}
	return false, nil
}

// waitForModerator plays music until a moderator is there. An outcome ends the conference for this caller.
func (c *Call) waitForModerator(ctx context.Context, m *member, o ConferenceOptions) (Outcome, error) {
	r := m.room
	if r.hasModerator() {
		return "", nil
	}
	r.setWaiting(m, true)
	defer r.setWaiting(m, false)
	if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "conf-waitforleader"}}, PlayOptions{Language: o.Language}); err != nil {
		return OutcomeLeft, err
	}
	if p, err := c.engine.newMusic(""); err == nil {
		c.music = p
		c.setSource(p)
		defer func() { c.music = nil; p.Stop() }()
	}
	for !r.hasModerator() {
		changed := r.awaitChange()
		if outcome, err := c.inRoom(ctx, m, changed); outcome != "" || err != nil {
			return outcome, err
		}
	}
	return "", nil
}

// confer waits in the room for whatever ends it for this caller.
func (c *Call) confer(ctx context.Context, m *member) (Outcome, error) {
	for {
		outcome, err := c.inRoom(ctx, m, nil)
		if outcome != "" || err != nil {
			return outcome, err
		}
	}
}

// inRoom waits until the member leaves, is sent away, or changed is closed, which is no outcome.
func (c *Call) inRoom(ctx context.Context, m *member, changed <-chan struct{}) (Outcome, error) {
	done, stop := anyOf(m.kicked, m.left, m.room.ended, changed)
	defer stop()
	if err := c.await(ctx, done, nil); err != nil {
		return OutcomeLeft, err
	}
	switch {
	case closed(m.left):
		return OutcomeLeft, nil
	case closed(m.room.ended):
		return OutcomeEnded, nil
	case closed(m.kicked):
		return OutcomeKicked, nil
	}
	return "", nil
}

// anyOf is closed when one of the channels is. nil channels never are.
func anyOf(a, b, c, d <-chan struct{}) (done <-chan struct{}, stop func()) {
	out, quit := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-a:
		case <-b:
		case <-c:
		case <-d:
		case <-quit:
		}
	}()
	return out, func() { close(quit) }
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// SetMuted mutes or unmutes the caller in his conference.
func (c *Call) SetMuted(muted bool) {
	if m := c.inConference(); m != nil && m.media != nil {
		m.media.SetMuted(muted)
	}
}

// Muted tells whether the caller is muted in his conference.
func (c *Call) Muted() bool {
	m := c.inConference()
	return m != nil && m.media != nil && m.media.Muted()
}

// LeaveConference lets the caller leave his conference: Conference returns.
func (c *Call) LeaveConference() {
	if m := c.inConference(); m != nil && !closed(m.left) {
		close(m.left)
	}
}

// Room is the conference the caller is in, or nil.
func (c *Call) Room() *Room {
	if m := c.inConference(); m != nil {
		return m.room
	}
	return nil
}

func (c *Call) inConference() *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.member
}

// enter finds a room or makes it.
func (e *Engine) enter(name string) *Room {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[name]
	if r == nil {
		r = &Room{name: name, engine: e, mixer: e.media.NewMixer(), changed: make(chan struct{}), ended: make(chan struct{})}
		e.rooms[name] = r
	}
	return r
}

// Room finds a conference that somebody is in.
func (e *Engine) Room(name string) (*Room, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.rooms[name]
	return r, ok
}

// admit lets a member in, or names the prompt that tells him why not.
func (r *Room) admit(m *member, o ConferenceOptions) (refused string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.locked && !m.moderator:
		return "conf-locked"
	case len(r.members) >= cmp.Or(o.MaxMembers, defaultMembers):
		return "conf-full"
	}
	r.members = append(r.members, m)
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
	c.member = nil
	mixed := m.media
	m.media = nil
	c.mu.Unlock()
	if mixed != nil {
		mixed.Leave()
	}
	r.mu.Lock()
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	r.tell()
	r.mu.Unlock()
	if o.EndWithMe {
		r.End()
	} else if mixed != nil {
		r.announce(context.WithoutCancel(c.ctx), m, "conf-hasleft", o.Language)
	}
	r.closeIfEmpty()
}

func (r *Room) closeIfEmpty() {
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.members) == 0 && e.rooms[r.name] == r {
		delete(e.rooms, r.name)
		r.mixer.Close()
	}
}

// mix lets a member hear the others and, unless muted, be heard.
func (r *Room) mix(m *member, muted bool) {
	r.mu.Lock()
	muted = muted || r.muted && !m.moderator
	r.mu.Unlock()
	c := m.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caller != nil {
		m.media = r.mixer.Join(c.caller.media, media.MemberOptions{Muted: muted})
	}
}

// move lets another leg take this member's place. The call's mu is held.
func (m *member) move(to *leg) {
	if m.media == nil {
		return
	}
	muted := m.media.Muted()
	m.media.Leave()
	m.media = m.room.mixer.Join(to.media, media.MemberOptions{Muted: muted})
}

// tell wakes those who wait for the room to change. r.mu is held.
func (r *Room) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Room) awaitChange() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
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

func (r *Room) setWaiting(m *member, waiting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.waiting = waiting
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
	r.mu.Lock()
	var any *Call
	if len(r.members) > 0 {
		any = r.members[0].call
	}
	r.mu.Unlock()
	if any == nil {
		return nil
	}
	clips, err := any.clips(ctx, prompts, language)
	if err != nil {
		return err
	}
	r.mixer.Play(media.NewPlayer(clips, media.PlayOptions{}))
	return nil
}

// Members lists who is in the room, in the order they came.
func (r *Room) Members() []MemberInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.engine.clock.Now()
	all := make([]MemberInfo, 0, len(r.members))
	for _, m := range r.members {
		info := MemberInfo{
			Call: m.call.id, Number: m.call.from.Number, Name: m.call.from.Name,
			Moderator: m.moderator, For: now.Sub(m.joined),
		}
		if mixed := m.mixed(); mixed != nil {
			info.Muted, info.Talking = mixed.Muted(), mixed.Talking()
		}
		all = append(all, info)
	}
	return all
}

func (m *member) mixed() *media.Member {
	m.call.mu.Lock()
	defer m.call.mu.Unlock()
	return m.media
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
		if which(m) && !closed(m.kicked) {
			close(m.kicked)
			return true
		}
	}
	return false
}

// End sends everybody away.
func (r *Room) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !closed(r.ended) {
		close(r.ended)
	}
}
