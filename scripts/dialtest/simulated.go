package dialtest

import (
	"time"

	"github.com/belfry-pbx/belfry/engine/sim"
)

// simulated is a simulated exchange as tests see it.
type simulated struct {
	*sim.Exchange
	phones map[*sim.Phone]*simPhone
	calls  map[*sim.Caller]*simCall
}

// Simulated makes a simulated exchange one for tests.
func Simulated(x *sim.Exchange) Exchange {
	return &simulated{x, map[*sim.Phone]*simPhone{}, map[*sim.Caller]*simCall{}}
}

func (x *simulated) Now() time.Time { return x.World().Now() }
func (x *simulated) Err() error     { return x.World().Err() }

func (x *simulated) Run(until func() bool, limit time.Duration) bool {
	return x.World().Run(until, limit)
}

func (x *simulated) Phone(number string) Phone   { return x.phone(x.Exchange.Phone(number)) }
func (x *simulated) Outside(number string) Phone { return x.phone(x.Exchange.Outside(number)) }

func (x *simulated) Call(from, to string, o CallOptions) (Call, error) {
	c, err := x.Exchange.Call(from, to, sim.CallOptions{Trunk: o.Trunk, Diversion: o.Diversion})
	if err != nil {
		return nil, err
	}
	return x.call(c), nil
}

func (x *simulated) phone(p *sim.Phone) Phone {
	one := x.phones[p]
	if one == nil {
		one = &simPhone{p, x}
		x.phones[p] = one
	}
	return one
}

// call is the same for the same caller, so that calls can be compared.
func (x *simulated) call(c *sim.Caller) *simCall {
	one := x.calls[c]
	if one == nil {
		one = &simCall{c}
		x.calls[c] = one
	}
	return one
}

type simPhone struct {
	*sim.Phone
	x *simulated
}

func (p *simPhone) Call(to string) Call { return p.x.call(p.Phone.Call(to)) }

func (p *simPhone) Calls() []Call {
	all := make([]Call, 0, len(p.Phone.Calls()))
	for _, c := range p.Phone.Calls() {
		all = append(all, p.x.call(c))
	}
	return all
}

func (p *simPhone) Lamp() Lamp {
	w := p.Phone.Lamp()
	return Lamp{New: w.New, Old: w.Old, Urgent: w.UrgentNew}
}

type simCall struct{ *sim.Caller }

func (c *simCall) Incoming() bool        { return c.IsIncoming() }
func (c *simCall) OnHold() bool          { return c.IsHeld() }
func (c *simCall) Holding() bool         { return c.IsHolding() }
func (c *simCall) Idle() bool            { return c.IsIdle() }
func (c *simCall) TransferTo(other Call) { c.Caller.TransferTo(other.(*simCall).Caller) }
func (c *simCall) Status() int           { code, _ := c.Caller.Status(); return code }

func (c *simCall) State() State {
	switch c.Caller.State() {
	case sim.Ringing:
		return Ringing
	case sim.Answered:
		return Answered
	case sim.Ended:
		return Ended
	}
	return Calling
}

func (c *simCall) Shown() Shown {
	s := c.Caller.Shown()
	shown := Shown{Number: s.Number, Name: s.Name}
	if s.Diversion != nil {
		shown.Diversion = s.Diversion.Number
	}
	return shown
}

func (c *simCall) Heard() []Heard {
	heard := c.Caller.Heard()
	all := make([]Heard, len(heard))
	for i, h := range heard {
		all[i] = Heard{Name: h.Name, From: h.From, To: h.To, Now: h.Still}
	}
	return all
}
