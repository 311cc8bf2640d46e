package explain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sim"
)

// What would happen is found out by letting it happen, in a simulation of the exchange with a copy of all that it keeps.

// maxPhones is how many telephones of one line are simulated.
const maxPhones = 10

// play places the call in a simulation, at the time that is asked about. Telephones are as they are registered, and ring
// unanswered; the caller presses no keys and says nothing.
func (x Exchange) play(ctx context.Context, a *Answer, to string) (rung []string, _ error) {
	r := &recorder{}
	o := x.Engine
	o.Trace, o.Log = r, slog.New(slog.DiscardHandler)
	s, err := sim.New(sim.Options{Engine: o, Site: x.Site, Start: a.At})
	if err != nil {
		return nil, fmt.Errorf("simulate the exchange: %w", err)
	}
	defer func() { _ = s.Close() }() // it has no error but that of the World
	h := &router{x: x, ctx: ctx, host: x.Host.With(s.Engine(), o.Log, rand.New(rand.NewPCG(1, 1)).Float64)}
	s.Engine().SetHandler(h)
	if err := x.telephones(ctx, s); err != nil {
		return nil, err
	}
	h.routings = nil // of the calls that are there already
	r.listen(s.World().Now())
	c, err := place(s, a.From, to)
	if err != nil {
		return nil, err
	}
	over := func() bool { return ctx.Err() != nil || c.State() == sim.Ended }
	gaveUp := !s.World().Run(over, longest) && s.World().Err() == nil
	if gaveUp {
		c.Hangup()
	}
	s.World().Run(func() bool { return ctx.Err() != nil }, time.Minute) // what is still to be written down
	if err := errors.Join(context.Cause(ctx), h.err); err != nil {
		return nil, err
	}
	if err := s.World().Err(); err != nil {
		r.stopped(s.World().Now(), err)
	}
	if len(h.routings) > 0 {
		h.routings[0].Dialled, h.routings[0].Changed = a.Routings[0].Dialled, a.Routings[0].Changed
		a.Routings = h.routings
	}
	a.Steps, a.Schedules, a.Outcome = append(a.Steps, r.steps...), append(a.Schedules, r.schedules...), outcome(c, gaveUp, s.World().Now())
	return r.rung, nil
}

// place has the caller call.
func place(s *sim.Exchange, from Caller, to string) (*sim.Caller, error) {
	if from.Line != "" {
		return s.Phone(from.Line).Call(to), nil
	}
	who := from.Number
	if who == "" {
		who = anonymous
	}
	return s.Call(who, to, sim.CallOptions{Name: from.Name, Trunk: from.Trunk, Guest: from.Trunk == "", Private: from.Number == ""})
}

// occupied is what lines have called that have a call.
const occupied = "explain-occupied"

// telephones takes away those that are not registered, and gives lines the calls they have.
func (x Exchange) telephones(ctx context.Context, s *sim.Exchange) error {
	if x.Phones == nil {
		return nil
	}
	lines, err := s.Engine().Directory().Lines(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		registered, busy := x.Phones(l.Number)
		if registered == 1 && !busy {
			continue // as every line has it
		}
		p := s.Phone(l.Number)
		if busy {
			p.Call(occupied)
		}
		if registered == 0 {
			p.IsOffline()
		}
		for range min(registered, maxPhones) - 1 {
			s.AddPhone(l.Number)
		}
	}
	s.World().Run(func() bool { return false }, 0)
	return s.World().Err()
}

// router serves the simulated calls with the dialplan, and notes how each number finds its extension.
type router struct {
	x        Exchange
	ctx      context.Context
	host     engine.Handler
	routings []Routing
	err      error
}

// ServeCall implements engine.Handler.
func (h *router) ServeCall(ctx context.Context, c *engine.Call) {
	if c.Dialled() == occupied {
		_ = c.Answer(ctx) // both fail only with the call
		_ = c.Sleep(ctx, 24*time.Hour)
		return
	}
	p := c.RoutedAs()
	r, err := h.x.route(h.ctx, Caller{Number: p.Number, Name: p.Name, Line: p.Line, Trunk: p.Trunk}, c.Dialled())
	h.routings, h.err = append(h.routings, r), errors.Join(h.err, err)
	h.host.ServeCall(ctx, c)
}

// Reaches and Emergency are what the exchange asks of its dialplan.
func (h *router) Reaches(p engine.Party, dialled string) bool {
	_, _, ok := h.x.Host.Match(dialled, p)
	return ok
}

// Emergency tells whether the number is an emergency number for this caller.
func (h *router) Emergency(p engine.Party, dialled string) bool {
	return h.x.Host.Emergency(p, dialled)
}
