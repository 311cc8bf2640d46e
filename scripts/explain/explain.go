// Package explain tells what an exchange would do with a call, and why, without placing it: which extension takes it,
// what the caller lacks, and how the lines and groups stand that the call comes by.
package explain

import (
	"context"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/scripts"
)

// Exchange is the one whose calls are explained.
type Exchange struct {
	Host   *scripts.Host
	Site   *sim.Site      // what it keeps
	Engine engine.Options // what its engine is made of, as far as settings say: Trunks, Prompts …
	// Phones tells how many phones are registered for a line, and whether it has a call. nil: not known; every line is
	// taken to have a phone that is free.
	Phones func(line string) (registered int, busy bool)
}

// Question is a call to explain. At is when it is made.
type Question struct {
	From string    `json:"from"` // a line, an outside caller, or a trunk and who calls by it: see Explain
	To   string    `json:"to"`
	At   time.Time `json:"at"`
}

// Error is a question that has no answer, and what to ask instead.
type Error struct{ What, Hint string }

func (e *Error) Error() string { return e.What }

// Answer is what becomes of a call.
type Answer struct {
	From    Caller    `json:"from"`
	At      time.Time `json:"at"`
	Assumed bool      `json:"assumed,omitempty"` // no exchange runs: phones are taken to be registered and free
	// Generation is that of the dialplan, as the exchange that runs counts them.
	Generation int       `json:"generation,omitempty"`
	Routings   []Routing `json:"routings"` // that of what was dialled, then one for each time the call is routed afresh
	Lines      []Line    `json:"lines"`    // those the call comes by, the caller's first
	Groups     []Group   `json:"groups"`
	// What would happen if nobody answered a telephone.
	Schedules []Schedule `json:"schedules"` // that are asked
	Steps     []Step     `json:"steps"`
	Outcome   Outcome    `json:"outcome"`
}

// Explain answers a question. From is
//
//	77513                       a line
//	+447700900123, "Joe <…>"    a caller from outside, by the first trunk
//	anonymous                   one who withholds his number
//	trunk:pstn/+447700900123    by that trunk; trunk:pstn withholds the number
//	sip:joe@example.com         a stranger, by no trunk: so is whoever is outside where there is none
//
// What is wrong with the question is an *Error.
func Explain(ctx context.Context, x Exchange, q Question) (*Answer, error) {
	from, err := x.caller(ctx, q.From)
	if err != nil {
		return nil, err
	}
	if engine.Normalise(q.To) == "" {
		return nil, &Error{"nothing is dialled", "belfry explain FROM TO: belfry explain 77513 15902"}
	}
	a := &Answer{From: from, At: q.At, Assumed: x.Phones == nil}
	if !a.Assumed {
		a.Generation = x.Host.Generation()
	}
	r, err := x.route(ctx, from, q.To)
	if err != nil {
		return nil, err
	}
	a.Routings = append(a.Routings, r)
	a.Schedules, a.Steps = []Schedule{}, []Step{}
	rung, err := x.play(ctx, a, q.To)
	if err != nil {
		return nil, err
	}
	return a, x.look(ctx, a, rung)
}

// trunks are the names of the trunks; callers from outside come by the first.
func (x Exchange) trunks() []string {
	var names []string
	for _, t := range x.Engine.Trunks {
		names = append(names, t.Name)
	}
	return names
}
