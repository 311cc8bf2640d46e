package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// State is how far a call has come, for who is at the telephone.
type State string

// The states of a Caller's call.
const (
	Calling  State = "calling" // nobody has said anything yet
	Ringing  State = "ringing" // there, or here if the call came in
	Answered State = "answered"
	Ended    State = "ended"
)

// Caller is somebody at a telephone with one call, which he has made or has been rung by. His methods are for who made
// the World, between its runs, and for what the World runs.
//
// Press, Speak, Hold and the like are done in their order, each when the one before is done and as soon as there is
// anybody who hears it. Hangup is done at once.
type Caller struct {
	x        *Exchange
	phone    *Phone
	dialog   *dialog
	incoming bool
	shown    Shown

	state   State
	code    int    // final response to the INVITE; 0: none yet
	phrase  string // its phrase
	why     string // the Reason header that came when the exchange ended the call
	byThem  bool   // the exchange has ended it
	began   time.Time
	since   time.Time // answered
	until   time.Time // ended
	holding bool
	offered error // what came of the last Hold or Unhold
	moved   Progress

	acts   []act
	undone int // of acts, when the call ended
	busy   bool
	answer clock.Timer // will answer; nil: nobody means to
}

// act is something that somebody does, and how long it takes him.
type act func(c *Caller) time.Duration

// Shown is what a telephone that rings shows of who calls, and why here.
type Shown struct {
	Name, Number string
	Private      bool              // the caller withholds his number
	Asserted     sip.Address       // P-Asserted-Identity; zero: there is none
	Diversion    *engine.Diversion // nil: the call was not diverted
	Headers      []sip.Header      // further ones, as they are
}

// Progress is how a transfer goes, as the exchange has told the telephone that asked for it.
type Progress struct {
	Code   int // 0: there was no transfer
	Phrase string
	Over   bool
}

// Phone is his telephone.
func (c *Caller) Phone() *Phone { return c.phone }

// State is how far the call has come.
func (c *Caller) State() State { return c.state }

// IsIncoming tells whether he was called.
func (c *Caller) IsIncoming() bool { return c.incoming }

// Shown is what his telephone showed when it rang.
func (c *Caller) Shown() Shown { return c.shown }

// Status is the final response to the INVITE: 200, or how the call was refused; 487 when it was given up. 0: none yet.
func (c *Caller) Status() (code int, phrase string) { return c.code, c.phrase }

// WasHungUp tells whether the exchange has ended the call, and the Reason it gave (RFC 3326), "" if none.
func (c *Caller) WasHungUp() (bool, string) { return c.byThem, c.why }

// IsMissed tells whether the telephone lists a missed call: it rang, and nobody has taken the call anywhere.
func (c *Caller) IsMissed() bool {
	return c.incoming && c.state == Ended && c.byThem && c.since.IsZero() && c.why != elsewhere
}

// Times are when the call began, was answered and ended; zero: it has not.
func (c *Caller) Times() (began, answered, ended time.Time) { return c.began, c.since, c.until }

// IsHolding tells whether he has put the other side on hold.
func (c *Caller) IsHolding() bool { return c.holding }

// Refused is why the exchange has refused his last Hold or Unhold; nil: it has not.
func (c *Caller) Refused() error { return c.offered }

// Transferred is how the transfer that he has asked for goes.
func (c *Caller) Transferred() Progress { return c.moved }

// Undone is how much of what he was told the end of the call has left undone: keys and the like.
func (c *Caller) Undone() int { return c.undone }

// IsIdle tells whether he has done all that he was told.
func (c *Caller) IsIdle() bool { return len(c.acts) == 0 && !c.busy }

// What the exchange tells his telephone.

func (c *Caller) progress(code int) {
	if c.state == Calling && code == 180 {
		c.state = Ringing
	}
	if c.isHeard() {
		c.x.world.Go(c.next)
	}
}

func (c *Caller) answered() {
	c.state, c.since = Answered, c.x.world.Now()
	c.code, c.phrase = 200, sip.ReasonPhrase(200)
	script := c.phone.script
	c.phone.script = nil
	for _, does := range script {
		does(c)
	}
	c.x.world.Go(c.next)
}

func (c *Caller) refused(code int, phrase string) {
	c.code, c.phrase = code, phrase
	c.end()
}

func (c *Caller) hungUp(why string) {
	c.byThem, c.why = true, why
	c.end()
}

// cancelled takes a CANCEL of a call that came in.
func (c *Caller) cancelled(cause error) {
	c.byThem = true
	if isElsewhere(cause) {
		c.why = elsewhere
	}
	if c.state == Ringing { // before a response there is nothing to cancel (RFC 3261 section 9.1)
		c.sent(false, "CANCEL")
		c.sent(true, "487 %s", sip.ReasonPhrase(487))
	}
	c.dialog.finish(cause)
	c.refused(487, sip.ReasonPhrase(487))
}

func (c *Caller) end() {
	c.stopAnswer()
	c.state, c.until = Ended, c.x.world.Now()
	c.undone += len(c.acts)
	c.acts, c.holding = nil, false
}

func (c *Caller) stopAnswer() {
	if c.answer != nil {
		c.answer.Stop()
		c.answer = nil
	}
}

// number is who he called, or was called by.
func (c *Caller) number() string {
	if c.incoming {
		return c.shown.Number
	}
	return c.dialog.dialled
}

// sent notes a message that he or the exchange has sent.
func (c *Caller) sent(byHim bool, format string, values ...any) {
	r := c.x.signalling.o.Trace
	if r == nil {
		return
	}
	from, to := trace.Exchange, c.phone.number
	if byHim {
		from, to = to, from
	}
	r.Add(trace.Step{
		Dialog: c.dialog.callID, Time: c.x.world.Now(), Kind: trace.SIP, From: from, To: to,
		Text: fmt.Sprintf(format, values...),
	})
}

// session is the sound of the call on the exchange's side; nil: there is none.
func (c *Caller) session() *session { return c.x.media.at(c.dialog.port) }

// TalksTo is who hears him and whom he hears, by number; nil: nobody.
func (c *Caller) TalksTo() []string {
	var all []string
	if c.state != Answered {
		return nil
	}
	s := c.session()
	if s == nil {
		return nil
	}
	for _, peer := range s.peers() {
		if d := c.x.signalling.at(peer.LocalAddr().Port()); d != nil {
			all = append(all, d.far.phone.number)
		}
	}
	return all
}

// IsTalkingTo tells whether somebody is among those whom he talks to.
func (c *Caller) IsTalkingTo(number string) bool { return slices.Contains(c.TalksTo(), number) }

// diverted reads the Diversion header (RFC 5806) of a call to a telephone.
func diverted(h []sip.Header) *engine.Diversion {
	for _, one := range h {
		if !strings.EqualFold(one.Name, "Diversion") {
			continue
		}
		_, rest, _ := strings.Cut(one.Value, "<sip:")
		number, rest, _ := strings.Cut(rest, "@")
		_, reason, _ := strings.Cut(rest, ";reason=")
		return &engine.Diversion{Number: number, Reason: reason}
	}
	return nil
}

// Hears is what he hears now, in the order in which it began. His own telephone's ringing tone is not part of it: that is
// State.
func (c *Caller) Hears() []Heard {
	if s := c.session(); s != nil {
		return s.hearing()
	}
	return nil
}

// Heard is all that he has heard, and hears, in the order in which it began.
func (c *Caller) Heard() []Heard {
	if s := c.session(); s != nil {
		return s.heard()
	}
	return nil
}

// HeardKeys are the keys that the exchange, or whom he talks to, has sent to his telephone.
func (c *Caller) HeardKeys() string {
	if s := c.session(); s != nil {
		return s.heardKeys()
	}
	return ""
}

// IsHeld tells whether he hears music: the other side, or a dialplan, has put him on hold.
func (c *Caller) IsHeld() bool {
	return slices.ContainsFunc(c.Hears(), func(h Heard) bool { return strings.HasPrefix(h.Name, "music/") })
}
