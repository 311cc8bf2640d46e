package live

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// What tests call that which has no name of its own: see engine/sim.
const (
	heardRecording = "recording"
	heardCall      = "call"
)

// tones are the names that tones have in dialplans.
func tones() map[phone.SoundKind]string {
	return map[phone.SoundKind]string{
		phone.DialTone: "tone:dial", phone.RingingTone: "tone:ringing", phone.BusyTone: "tone:busy",
		phone.CongestionTone: "tone:congestion", phone.UnobtainableTone: "tone:unobtainable", phone.Beep: "tone:beep",
	}
}

// pause is how long a tone may be silent in its cadence.
const pause = 2600 * time.Millisecond

// entry is something heard, by which it is found again when more of it is known.
type entry struct {
	name  string
	start time.Duration
}

// Heard is what the telephone has heard, in the order in which it was recognised: that never changes.
func (c *Call) Heard() []dialtest.Heard {
	one := c.get()
	if one == nil {
		return nil
	}
	now, named, sounds, over := one.Listened(), one.Named(), one.Sounds(), ended(one)
	began := time.Now().Add(-now)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range named {
		h := dialtest.Heard{Name: heardRecording, From: began.Add(n.Start), To: began.Add(n.End), Now: n.Now && !over}
		switch p := c.phone.x.speaker(n.Names); {
		case p != nil && p.talked(c):
			h.Name = heardCall
		case p == nil && n.Names != nil:
			h.Name, h.Also = n.Names[0], n.Names[1:]
		}
		c.hears(entry{strings.Join(n.Names, " "), n.Start}, h)
	}
	for _, s := range sounds {
		if name := tones()[s.Kind]; name != "" {
			still := !over && now-s.End < pause && s.Kind != phone.Beep
			c.hears(entry{name, s.Start}, dialtest.Heard{Name: name, From: began.Add(s.Start), To: began.Add(s.End), Now: still})
		}
	}
	return slices.Clone(c.heard)
}

// hears adds something to what was heard, or what is known of it now. c.mu is held.
func (c *Call) hears(key entry, h dialtest.Heard) {
	i, known := c.known[key]
	if last := len(c.heard) - 1; !known {
		i = last + 1
		if last >= 0 && h.Name == c.heard[last].Name && (h.Name == heardCall || h.Name == heardRecording) { // many pieces of one
			i = last
		}
		if c.known == nil {
			c.known = map[entry]int{}
		}
		c.known[key] = i
		if i > last {
			c.heard = append(c.heard, h)
			return
		}
	}
	was := &c.heard[i]
	was.To, was.Now = h.To, h.Now
}

// OnHold tells whether the other side has put the call on hold.
func (c *Call) OnHold() bool {
	if one := c.get(); one == nil || ended(one) {
		return false
	} else if one.OnHold() {
		return true
	}
	return slices.ContainsFunc(c.Heard(), func(h dialtest.Heard) bool { return h.Now && strings.HasPrefix(h.Name, "music/") })
}

// speaker is whose voice it is; nil: nobody's.
func (x *Exchange) speaker(names []string) *Phone {
	if len(names) == 0 || !strings.HasPrefix(names[0], voicePrefix) {
		return nil
	}
	i, err := strconv.Atoi(strings.TrimPrefix(names[0], voicePrefix))
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil || i >= len(x.voices) {
		return nil
	}
	return x.voices[i]
}

// talked tells whether the telephone is in a call with somebody else's, so that its voice is no recording.
func (p *Phone) talked(to *Call) bool {
	p.mu.Lock()
	calls := slices.Clone(p.calls)
	p.mu.Unlock()
	return slices.ContainsFunc(calls, func(c *Call) bool { return c != to && c.State() == dialtest.Answered })
}

// Who talks to whom is heard: while a test asks, the telephones say something in turn, each with its own voice.
const (
	askedFor = 500 * time.Millisecond // after a question
	turn     = 300 * time.Millisecond // of one telephone, with what passes between two
	fresh    = time.Second            // a voice that was heard is heard
)

// TalksTo is whose voices are heard.
func (c *Call) TalksTo() []string {
	x := c.phone.x
	x.mu.Lock()
	x.asked = time.Now()
	x.mu.Unlock()
	one := c.get()
	if c.State() != dialtest.Answered {
		return nil
	}
	now := one.Listened()
	window := fresh + time.Duration(len(x.talking()))*turn
	var all []string
	for _, n := range one.Named() {
		if p := x.speaker(n.Names); p != nil && p.talked(c) && now-n.End < window && !slices.Contains(all, p.number) {
			all = append(all, p.number)
		}
	}
	return all
}

// talking are the calls that are answered and have nothing else to do.
func (x *Exchange) talking() (all []*Call) {
	x.mu.Lock()
	phones := slices.Clone(x.voices)
	x.mu.Unlock()
	for _, p := range phones {
		p.mu.Lock()
		calls := slices.Clone(p.calls)
		p.mu.Unlock()
		for _, c := range calls {
			if c.State() == dialtest.Answered && c.Idle() {
				all = append(all, c)
			}
		}
	}
	return all
}

// probe has the telephones speak while a test asks who talks to whom.
func (x *Exchange) probe() {
	for clock.Sleep(x.ctx, clock.Real(), 5*look) == nil {
		for _, c := range x.talking() {
			x.mu.Lock()
			asked := time.Since(x.asked) < askedFor
			x.mu.Unlock()
			if !asked || x.ctx.Err() != nil || c.State() != dialtest.Answered {
				break
			}
			_ = c.get().Play(x.ctx, x.sounds.voice(c.phone.voice, voiceTurn)) // the call may have ended
		}
	}
}
