package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// How a caller takes part in a conference. What the conference itself is: room.go.

const (
	defaultMembers = 1000
	pinTries       = 3
)

// member is one caller in a room.
type member struct {
	call      *Call
	room      *Room
	moderator bool
	announce  []Prompt
	quiet     bool
	joined    time.Time

	out   Outcome // why he must go; "": he need not. Room.mu guards it
	media Member  // nil while he waits. Call.mu guards it
	muted bool    // how he will be when he has waited. Call.mu guards it
}

// Conference puts the caller into a room until he leaves it. A locked room, like a full one, is OutcomeFull.
func (c *Call) Conference(ctx context.Context, name string, o ConferenceOptions) (ConferenceResult, error) {
	if err := c.Answer(ctx); err != nil {
		return ConferenceResult{}, err
	}
	if c.inConference() != nil {
		return ConferenceResult{}, fmt.Errorf("conference %q: %w", name, errInRoom)
	}
	if ok, err := c.askPin(ctx, o); err != nil || !ok {
		return ConferenceResult{Outcome: OutcomeWrongPin}, err
	}
	defer c.park()()
	m := &member{call: c, moderator: o.Moderator, announce: o.Announce, quiet: o.Quiet, joined: c.engine.clock.Now(), muted: o.Muted}
	if refused := c.engine.admit(name, m, o.MaxMembers); refused != "" {
		_, err := c.PlayPrompt(ctx, []Prompt{{Name: refused}}, PlayOptions{Language: o.Language})
		return ConferenceResult{Outcome: OutcomeFull}, err
	}
	defer m.room.leave(m, o)
	outcome, err := c.confer(ctx, m, o)
	c.detail("conference over", slog.String("room", name), slog.String("outcome", string(outcome)))
	return ConferenceResult{Outcome: outcome}, err
}

func (c *Call) askPin(ctx context.Context, o ConferenceOptions) (bool, error) {
	if o.Pin == "" {
		return true, nil
	}
	for range pinTries {
		d, err := c.ReadDigits(ctx, ReadDigitsOptions{
			Prompt: []Prompt{{Name: "conf-getpin"}}, Language: o.Language, Min: 1, Max: len(o.Pin) + 1, Terminator: "#", Secret: true,
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

// confer is a member's stay in the room, to its outcome.
func (c *Call) confer(ctx context.Context, m *member, o ConferenceOptions) (Outcome, error) {
	r := m.room
	if o.WaitForModerator && !o.Moderator && !r.hasModerator() {
		if outcome, err := c.waitForModerator(ctx, m, o); outcome != "" || err != nil {
			return outcome, err
		}
	}
	key := ""
	if r.count() == 1 && !o.Quiet {
		played, err := c.PlayPrompt(ctx, []Prompt{{Name: "conf-onlyperson"}}, PlayOptions{Interrupt: AnyKey, Language: o.Language})
		if err != nil {
			return OutcomeLeft, err
		}
		key = played.Digit
	}
	if r.outcome(m) == "" {
		c.tell("in a conference", "room", r.name)
		r.mix(m)
		r.announce(ctx, m, "conf-hasjoin", o.Language)
	}
	if key != "" {
		c.emit(Event{Name: "digit", Digit: key}) // what ended the words was meant for the room
	}
	return c.stay(ctx, m, nil)
}

// waitForModerator plays music until a moderator is there. An outcome ends the conference for this caller.
func (c *Call) waitForModerator(ctx context.Context, m *member, o ConferenceOptions) (Outcome, error) {
	if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "conf-waitforleader"}}, PlayOptions{Language: o.Language}); err != nil {
		return OutcomeLeft, err
	}
	music, err := c.engine.music("")
	if err != nil { // better the same words again than silence
		c.logger().Warn("no music for who waits in a conference", "room", m.room.name, "error", err)
		clips, err := c.engine.clips(ctx, []Prompt{{Name: "conf-waitforleader"}, {Name: "silence:10s"}}, o.Language)
		if err != nil {
			return OutcomeLeft, err
		}
		music = &loop{clips: clips}
	}
	c.setLayer(func(h *layers) { h.music = music })
	defer c.setLayer(func(h *layers) { h.music = nil })
	return c.stay(ctx, m, m.room.hasModerator)
}

// stay waits until the member must go, or until enough says so, which is no outcome.
func (c *Call) stay(ctx context.Context, m *member, enough func() bool) (outcome Outcome, err error) {
	_, err = c.await(ctx, nil, func() bool {
		outcome = m.room.outcome(m)
		return outcome != "" || enough != nil && enough()
	})
	if err != nil {
		return OutcomeLeft, err
	}
	return outcome, nil
}

// SetMuted mutes or unmutes the caller in his conference.
func (c *Call) SetMuted(muted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.member; m != nil {
		m.muted = muted
		if m.media != nil {
			m.media.SetMuted(muted)
		}
	}
}

// Muted tells whether the caller is muted in his conference.
func (c *Call) Muted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.member
	if m == nil {
		return false
	}
	if m.media == nil {
		return m.muted
	}
	return m.media.Muted()
}

// LeaveConference lets the caller leave his conference: Conference returns.
func (c *Call) LeaveConference() {
	if m := c.inConference(); m != nil {
		m.room.dismiss(m, OutcomeLeft)
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

// mixed is nil for who is not in the mixer.
func (m *member) mixed() Member {
	m.call.mu.Lock()
	defer m.call.mu.Unlock()
	return m.media
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
