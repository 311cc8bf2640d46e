package sim

import (
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Phone is a telephone: of a line, or anywhere in the world. It rings unanswered unless it is told otherwise. What it is
// told holds for the call that it has, and for those that come.
type Phone struct {
	x       *Exchange
	number  string // the line's, or that by which the world outside knows it; or a SIP URI
	line    bool
	contact string // of its registration
	offline bool
	manner  manner
	script  []func(c *Caller) // what it does when the next call is answered
	calls   []*Caller
}

// manner is what a telephone does when it is rung.
type manner struct {
	kind     kind
	after    time.Duration // answers
	code     int           // refuses
	contacts []string      // likewise
	early    bool          // sound comes before the answer
}

type kind uint8

const (
	rings kind = iota
	answers
	refuses
	dead
)

// Number is the line's, or that by which the world outside knows the telephone.
func (p *Phone) Number() string { return p.number }

// Calls are those that it has made and has been rung by, oldest first.
func (p *Phone) Calls() []*Caller { return p.calls }

// Current is the call that it has now, of several the latest; nil: it has none.
func (p *Phone) Current() *Caller {
	for i := len(p.calls) - 1; i >= 0; i-- {
		if p.calls[i].state != Ended {
			return p.calls[i]
		}
	}
	return nil
}

// AnswersAfter has it ring for d and answer.
func (p *Phone) AnswersAfter(d time.Duration) { p.becomes(manner{kind: answers, after: d}) }

// IsBusy has it refuse calls with 486.
func (p *Phone) IsBusy() { p.Refuses(486) }

// Rejects has it refuse calls with 603.
func (p *Phone) Rejects() { p.Refuses(603) }

// Refuses has it refuse calls with a SIP status of 300 or more.
func (p *Phone) Refuses(code int) { p.becomes(manner{kind: refuses, code: code}) }

// Redirects has it send callers elsewhere, with 302.
func (p *Phone) Redirects(to string) {
	p.becomes(manner{kind: refuses, code: 302, contacts: []string{"sip:" + to + "@" + p.x.realm()}})
}

// RingsUnanswered has it ring until the caller gives up, as at first.
func (p *Phone) RingsUnanswered() { p.becomes(manner{}) }

// IsDead has it say nothing at all any more, though it is registered.
func (p *Phone) IsDead() { p.becomes(manner{kind: dead}) }

// SpeaksEarly has it be heard before it answers, as networks that announce something do (183).
func (p *Phone) SpeaksEarly() { p.manner.early = true }

// IsOffline takes its registration away; outside, its network says 480. Calls that it has go on.
func (p *Phone) IsOffline() { p.offline = true }

// IsOnline ends IsOffline.
func (p *Phone) IsOnline() { p.offline = false }

// IsRinging tells whether it rings.
func (p *Phone) IsRinging() bool {
	for _, c := range p.calls {
		if c.incoming && c.state == Ringing {
			return true
		}
	}
	return false
}

// IsTalkingTo tells whether it has a call with a number.
func (p *Phone) IsTalkingTo(number string) bool {
	for _, c := range p.calls {
		if c.IsTalkingTo(number) {
			return true
		}
	}
	return false
}

// Lamp is what it was told of its mailbox last (RFC 3842).
func (p *Phone) Lamp() sip.Waiting { return p.x.signalling.lamps[p.number] }

// Answers answers the call that rings now.
func (p *Phone) Answers() {
	if c := p.Current(); c != nil {
		c.Answer()
	}
}

// Call makes a call; from outside by the first trunk, and where there is none as a guest.
func (p *Phone) Call(to string) *Caller { return p.call(to, CallOptions{}) }

// TakesOver makes a call in place of the other side of somebody's call (RFC 3891).
func (p *Phone) TakesOver(c *Caller) *Caller {
	return p.call(c.number(), CallOptions{Replaces: c})
}

// Consults puts the other side on hold and calls a number; Transfers then joins the two.
func (p *Phone) Consults(number string) *Caller {
	p.Holds()
	return p.Call(number)
}

// Transfers lets the two it talks to, one of them on hold, talk to each other: an attended transfer.
func (p *Phone) Transfers() {
	var open []*Caller
	for _, c := range p.calls {
		if c.state == Answered {
			open = append(open, c)
		}
	}
	if n := len(open); n >= 2 {
		open[n-2].TransferTo(open[n-1])
	}
}

// What follows it does in the call that it has, or if it has none when the next one is answered. All is done in its
// order; see Caller.

// Presses presses keys.
func (p *Phone) Presses(keys string) { p.does(func(c *Caller) { c.Press(keys) }) }

// SpeaksFor speaks for a while.
func (p *Phone) SpeaksFor(d time.Duration) { p.does(func(c *Caller) { c.Speak(d) }) }

// Waits does nothing for a while.
func (p *Phone) Waits(d time.Duration) { p.does(func(c *Caller) { c.Pause(d) }) }

// Holds puts the other side on hold.
func (p *Phone) Holds() { p.does((*Caller).Hold) }

// Unholds ends Holds.
func (p *Phone) Unholds() { p.does((*Caller).Unhold) }

// HangsUp ends the call when all is done that it was told before; at once the one it is making.
func (p *Phone) HangsUp() {
	if c := p.Current(); c != nil && !c.incoming && c.state != Answered {
		c.Hangup()
		return
	}
	p.does((*Caller).HangupThen)
}

// TransfersTo sends the other side to a number: a blind transfer.
func (p *Phone) TransfersTo(number string) { p.does(func(c *Caller) { c.Transfer(number) }) }

func (p *Phone) does(what func(c *Caller)) {
	c := p.Current()
	if c != nil && (c.state == Answered || !c.incoming) {
		what(c)
		return
	}
	p.script = append(p.script, what)
}

// becomes takes a manner on, for the call that rings too.
func (p *Phone) becomes(m manner) {
	m.early = p.manner.early
	p.manner = m
	for _, c := range p.calls {
		if c.incoming && (c.state == Ringing || c.state == Calling) {
			p.decides(c)
		}
	}
}

// rung is told of a call by the exchange.
func (p *Phone) rung(r sip.DialRequest) *Caller {
	c := p.newCaller()
	c.incoming = true
	c.shown = Shown{
		Name: r.From.Display, Number: r.From.User, Private: r.Private,
		Diversion: diverted(r.Headers), Headers: r.Headers,
	}
	if r.Private {
		c.shown.Name, c.shown.Number = "Anonymous", "anonymous"
	}
	if r.URI == "" && (!r.Private || r.Trunk != "") { // RFC 3325 section 7
		c.shown.Asserted = r.Asserted
	}
	return c
}

// behaves says what it says to a call.
func (p *Phone) behaves(c *Caller) {
	d := c.dialog
	switch {
	case p.offline:
		c.Refuse(480)
		return
	case p.manner.kind == dead:
		wait := patience
		if d.peer.Trunk != "" {
			wait = trunkPatience
		}
		p.x.world.AfterFunc(wait, func() {
			if c.state == Calling {
				d.refuse = unanswered(408, p.number, sip.ErrTimeout)
				d.finish(sip.ErrTimeout)
				c.refused(408, sip.ReasonPhrase(408))
			}
		})
		return
	case p.manner.kind == refuses:
		p.decides(c)
		return
	}
	c.state = Ringing
	code := 180
	if p.manner.early {
		code = 183
		d.remote = d.description(true)
	}
	c.sent(true, "%d %s", code, sip.ReasonPhrase(code))
	d.news = append(d.news, provisional{code, d.remote})
	p.decides(c)
}

// How long SIP waits for a telephone that says nothing: 64*T1 (RFC 3261 section 17.1.1.2), and 12*T1 for a carrier.
const (
	patience      = 32 * time.Second
	trunkPatience = 6 * time.Second
)

// decides does with a call what the manner says.
func (p *Phone) decides(c *Caller) {
	c.stopAnswer()
	switch p.manner.kind {
	case answers:
		c.answer = p.x.world.AfterFunc(p.manner.after, c.Answer)
	case refuses:
		c.Refuse(p.manner.code, p.manner.contacts...)
	}
}

func (p *Phone) newCaller() *Caller {
	c := &Caller{x: p.x, phone: p, state: Calling, began: p.x.world.Now()}
	p.calls = append(p.calls, c)
	return c
}

// call makes a call.
func (p *Phone) call(to string, o CallOptions) *Caller {
	s := p.x.signalling
	c := p.newCaller()
	d := s.newDialog(c, "")
	d.peer = sip.Peer{Source: theirs, Transport: "udp"}
	d.from = sip.Address{Display: o.Name, User: p.number}
	if len(s.trunks) > 0 && o.Trunk == "" && !o.Guest {
		o.Trunk = s.trunks[0].Name
	}
	switch {
	case p.line:
		d.peer.Line, d.from.Host = p.number, p.x.realm()
	case o.Trunk != "" && !o.Guest:
		d.peer.Trunk, d.from.Host = o.Trunk, s.trunk(o.Trunk).Host
		if !o.Unverified && p.number != anonymous {
			d.asserted = d.from
		}
	default:
		d.from.Host = "elsewhere.invalid"
	}
	if d.private = o.Private || p.number == anonymous; d.private {
		d.from = sip.Address{Display: "Anonymous", User: anonymous, Host: "anonymous.invalid"}
	}
	d.dialled = to
	if o.Diversion != nil {
		d.diversion = []sip.Diversion{{Number: o.Diversion.Number, Reason: o.Diversion.Reason}}
	}
	if !o.NoOffer {
		d.remote = d.description(true)
	}
	if o.Replaces != nil {
		d.replaces = o.Replaces.dialog
	}
	c.sent(true, "INVITE %s", to)
	p.x.world.Go(func() { s.called(d) })
	return c
}

const anonymous = "anonymous"

func (p *Phone) binding() sip.Binding {
	return sip.Binding{
		Line: p.number, Contact: p.contact, Transport: "udp", Source: theirs,
		Expires: p.x.world.Now().Add(time.Hour), UserAgent: "simulated",
	}
}

var _ engine.Signalling = (*signalling)(nil)
