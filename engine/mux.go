package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/pattern"
)

// ErrRouteConflict says that two routes would take the same calls.
var ErrRouteConflict = errors.New("two extensions would take the same calls")

// Route leads dialled numbers to a handler.
type Route struct {
	Pattern   string
	From      []string // "lines" (the default), "any", "trunk:NAME": who may reach it
	Needs     string   // the permission a calling line must hold; "": none
	Refused   []Prompt // what a line that lacks the permission hears; nil: "belfry/restricted-code"
	Name      string   // for traces and logs
	Emergency bool     // never refused: no permission, limit or drain applies, and each call is audited
	Where     string   // where the dialplan wrote it, "main.lua:12"
	Handler   Handler
}

// Mux routes calls by what was dialled, most specific pattern first.
// Routes are added before the first call; after that it only reads.
type Mux struct {
	// Refused answers a caller who lacks Route.Needs; nil: he hears Route.Refused and is rejected.
	Refused func(ctx context.Context, c *Call, r Route)

	routes []route // most specific first
}

type route struct {
	Route
	pattern pattern.Pattern
}

// Add makes a route known. Two routes whose From overlaps conflict if some number is in both
// patterns and neither pattern is the more specific: ErrRouteConflict, with both places.
func (m *Mux) Add(r Route) error {
	p, err := pattern.Parse(r.Pattern)
	if err != nil {
		return fmt.Errorf("extension %q: %w", r.Pattern, err)
	}
	if len(r.From) == 0 {
		r.From = []string{"lines"}
	}
	for _, f := range r.From {
		if f != "lines" && f != "any" && !strings.HasPrefix(f, "trunk:") {
			return fmt.Errorf(`extension %q: from = %q is neither "lines", "any" nor "trunk:NAME"`, r.Pattern, f)
		}
	}
	for _, other := range m.routes {
		if pattern.Compare(other.pattern, p) == 0 && pattern.Overlaps(other.pattern, p) && overlap(other.From, r.From) {
			return fmt.Errorf("%w: %q at %s and %q at %s", ErrRouteConflict, other.Pattern, other.Where, r.Pattern, r.Where)
		}
	}
	at, _ := slices.BinarySearchFunc(m.routes, p, func(have route, p pattern.Pattern) int {
		return cmpSpecific(have.pattern, p)
	})
	m.routes = slices.Insert(m.routes, at, route{r, p})
	return nil
}

// cmpSpecific orders the more specific pattern first and keeps equals in the order they were added.
func cmpSpecific(have, add pattern.Pattern) int {
	if pattern.Compare(have, add) <= 0 {
		return -1
	}
	return 1
}

func overlap(a, b []string) bool {
	if slices.Contains(a, "any") || slices.Contains(b, "any") {
		return true
	}
	return slices.ContainsFunc(a, func(f string) bool { return slices.Contains(b, f) })
}

// admits tells whether a caller may reach the route at all. Permissions are another question.
func (r Route) admits(p Party) bool {
	return slices.ContainsFunc(r.From, func(f string) bool {
		switch f {
		case "any":
			return true
		case "lines":
			return p.Line != ""
		default:
			return p.Trunk != "" && f == "trunk:"+p.Trunk
		}
	})
}

// Match finds the route that takes a call: the most specific one that the caller may reach.
func (m *Mux) Match(dialled string, p Party) (r Route, matched string, ok bool) {
	for _, have := range m.routes {
		if !have.admits(p) {
			continue
		}
		if matched, ok := have.pattern.Match(dialled); ok {
			return have.Route, matched, true
		}
	}
	return Route{}, "", false
}

// Candidate is a route whose pattern takes a number.
type Candidate struct {
	Route
	Matched  string // what x, z, n, sets and "." took of it
	Admitted bool   // whether the caller may reach it
}

// Candidates are all routes whose patterns take a number, in the order in which they are tried: the first that admits
// the caller is the one that Match finds.
func (m *Mux) Candidates(dialled string, p Party) []Candidate {
	var all []Candidate
	for _, have := range m.routes {
		if matched, ok := have.pattern.Match(dialled); ok {
			all = append(all, Candidate{have.Route, matched, have.admits(p)})
		}
	}
	return all
}

// Routes lists the routes in the order in which they are tried.
func (m *Mux) Routes() []Route {
	all := make([]Route, len(m.routes))
	for i, r := range m.routes {
		all[i] = r.Route
	}
	return all
}

// Reaches tells whether a caller would reach any route; a guest who would not is asked to authenticate.
func (m *Mux) Reaches(p Party, dialled string) bool {
	_, _, ok := m.Match(dialled, p)
	return ok
}

// Emergency tells whether the number is an emergency number for this caller.
func (m *Mux) Emergency(p Party, dialled string) bool {
	r, _, ok := m.Match(dialled, p)
	return ok && r.Emergency
}

// ServeCall routes the call. Who may not pay for it hears why; an unknown number is a 404.
func (m *Mux) ServeCall(ctx context.Context, c *Call) {
	if h := m.handler(ctx, c); h != nil { // apart: while the handler runs nothing of the search is on the stack
		h.ServeCall(ctx, c)
	}
}

// handler is who takes the call, or nil: it has been refused.
func (m *Mux) handler(ctx context.Context, c *Call) Handler {
	r, matched, ok := m.Match(c.dialled, c.routedAs())
	if !ok {
		c.warn("no extension takes this number", "dialled", c.dialled)
		_ = c.Reject(ctx, NotFound)
		return nil
	}
	c.setRoute(r, matched)
	if r.Needs != "" && !r.Emergency && !c.mayDial(ctx, r.Needs) {
		c.warn("refused: the line lacks a permission", "dialled", c.dialled, "needs", r.Needs, "line", c.payer())
		if m.Refused != nil {
			m.Refused(ctx, c, r)
			return nil
		}
		c.refuse(ctx, r.Refused)
		return nil
	}
	return r.Handler
}

// refuse tells a caller why not, before the call is answered so that he pays nothing for it, and rejects it.
func (c *Call) refuse(ctx context.Context, why []Prompt) {
	if why == nil {
		why = []Prompt{{Name: "belfry/restricted-code"}}
	}
	if err := c.announce(ctx, why); err != nil && c.over(ctx) == nil {
		c.warn("a caller does not hear why the call is refused", "error", err)
	}
	_ = c.Reject(ctx, Forbidden)
}
