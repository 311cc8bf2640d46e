package scripts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/lint"
)

// lookAtRoutes warns of what is seen only when all extensions and groups are known.
func (g *generation) lookAtRoutes() {
	plan := g.plan()
	for i, r := range plan {
		g.warn(g.hidden(plan, r))
		for _, other := range plan[i+1:] {
			g.warn(g.collision(r, other))
			g.warn(g.collision(other, r))
		}
	}
	g.lookAtMentions(plan, g.found)
	g.circles(plan)
	sortProblems(g.warnings)
}

// plan is the extensions, with their patterns.
func (g *generation) plan() []planned {
	plan := make([]planned, 0, len(g.routes))
	for i := range g.routes {
		if p, err := pattern.Parse(g.routes[i].Pattern); err == nil {
			plan = append(plan, planned{&g.routes[i], p})
		}
	}
	return plan
}

// planned is an extension with its pattern.
type planned struct {
	*route
	pattern pattern.Pattern
}

func (g *generation) warn(p *diag.Problem) {
	if p != nil && !g.allowed(*p) {
		g.warnings = append(g.warnings, *p)
	}
}

// place is where an extension is written: at its pattern, if that is a literal there.
func (g *generation) place(r route) diag.Problem {
	p := g.at(r.Where)
	if x := g.written(r); x != nil {
		p.Line, p.Col, p.Width = x.At.Line, x.At.Col, x.At.Width
		return p
	}
	return p.Aim("extension")
}

// written is the call of extension() that an extension was made by.
func (g *generation) written(r route) *lint.Extension {
	file, line, _ := strings.Cut(r.Where, ":")
	n, _ := strconv.Atoi(line)
	all := g.found.files[file].Extensions
	for i := range all {
		if all[i].Line == n && all[i].Col == r.col {
			return &all[i]
		}
	}
	return nil
}

// maxNumbers is how many numbers a pattern may take for all of them to be tried.
const maxNumbers = 1000

// hidden finds an extension that no call reaches, since more specific ones take every one of its numbers.
func (g *generation) hidden(plan []planned, r planned) *diag.Problem {
	numbers, ok := r.pattern.Numbers(maxNumbers)
	if !ok || r.pattern.Literal() { // nothing is more specific than a number
		return nil
	}
	var by *planned
	for _, number := range numbers {
		i := slices.IndexFunc(plan, func(o planned) bool {
			if pattern.Compare(o.pattern, r.pattern) >= 0 || !includes(o.From, r.From) {
				return false
			}
			_, takes := o.pattern.Match(number)
			return takes
		})
		if i < 0 {
			return nil
		}
		by = &plan[i]
	}
	p := g.place(*r.route)
	p.Code, p.Message = diag.CodeUnreachable, fmt.Sprintf("no call reaches extension %q: more specific ones take all of its numbers, such as %q at %s", r.Pattern, by.Pattern, by.Where)
	p.Hint, p.Effect = "take it away, or make it take what the others leave", "its handler never runs"
	return &p
}

// includes tells whether whoever may reach an extension from b may reach one from a.
func includes(a, b []string) bool {
	if slices.Contains(a, "any") {
		return true
	}
	for _, f := range b {
		if !slices.Contains(a, f) {
			return false
		}
	}
	return true
}

// collision finds a code that is the beginning of a number of another's: **3 and **x. One that goes on from just that
// code, *72 and *72., is its companion.
func (g *generation) collision(r, longer planned) *diag.Problem {
	code := r.Pattern
	if len(code) < 2 || code[0] != '*' && code[0] != '#' || !r.pattern.Literal() || !sameCallers(r.From, longer.From) ||
		strings.HasPrefix(longer.Pattern, code) || strings.IndexAny(longer.Pattern, "xzn[") < 1 || !longer.pattern.Begins(code) {
		return nil
	}
	p := g.place(*r.route)
	p.Code, p.Message = diag.CodeCollision, fmt.Sprintf("numbers of %q at %s begin with %q too", longer.Pattern, longer.Where, code)
	p.Hint = "give one of them another code"
	p.Effect = "a phone that dials digit by digit never gets beyond " + code
	return &p
}

// lookAtMentions is about groups that nothing declares, numbers that no extension takes, and mailboxes that nobody has.
func (g *generation) lookAtMentions(plan []planned, found *findings) {
	var numbers, boxes []string
	for number, d := range g.groups {
		numbers = append(numbers, number)
		boxes = append(boxes, d.Mailbox)
	}
	slices.Sort(numbers)
	for _, name := range sortedNames(g.files) {
		r := found.files[name]
		for _, m := range r.Groups {
			if g.groups[m.Number] == nil {
				p := m.At
				p.Code, p.Message, p.Hint = diag.CodeGroup, "nothing declares a group "+m.Number, diag.DidYouMean(m.Number, numbers)
				if p.Hint == "" {
					p.Hint = `declare it: group("` + m.Number + `", { members = { … } })`
				}
				p.Effect = "what asks for it gets nil"
				g.warn(&p)
			}
		}
		for _, m := range r.Redirects {
			if !slices.ContainsFunc(plan, func(r planned) bool { _, ok := r.pattern.Match(m.Number); return ok }) {
				p := m.At
				p.Code, p.Message, p.Hint = diag.CodeNumber, "no extension takes "+m.Number, diag.DidYouMean(m.Number, patterns(plan))
				p.Effect = "the caller is told that there is no such number"
				g.warn(&p)
			}
		}
		for _, m := range r.Boxes {
			if !slices.Contains(boxes, m.Number) {
				g.warn(&m.At)
			}
		}
	}
}

func patterns(plan []planned) []string {
	var all []string
	for _, r := range plan {
		all = append(all, r.Pattern)
	}
	return all
}

// circles finds extensions that do nothing but send a call on, and in the end back to themselves.
func (g *generation) circles(plan []planned) {
	told := map[string]bool{}
	for _, start := range plan {
		if !start.pattern.Literal() || told[start.Pattern] {
			continue
		}
		way := []string{start.Pattern}
		var first *lint.Mention
		for at := &start; ; {
			x := g.written(*at.route)
			if x == nil || x.Redirect == nil {
				break
			}
			if first == nil {
				first = x.Redirect
			}
			next := best(plan, x.Redirect.Number, at.From)
			if next == nil {
				break
			}
			way = append(way, x.Redirect.Number)
			if x.Redirect.Number == start.Pattern {
				p := first.At
				p.Code, p.Message = diag.CodeCircle, "this sends calls in a circle: "+strings.Join(way, " → ")
				p.Hint, p.Effect = "let one of them answer, call somebody, or turn the caller away", "the exchange ends such a call as a loop (482)"
				g.warn(&p)
				for _, number := range way {
					told[number] = true
				}
				break
			}
			if slices.Contains(way[:len(way)-1], x.Redirect.Number) {
				break // a circle that does not come through here: told where it begins
			}
			at = next
		}
	}
}

// best is the extension that takes a number from callers who reached another.
func best(plan []planned, number string, from []string) *planned {
	var found *planned
	for i := range plan {
		r := &plan[i]
		if _, ok := r.pattern.Match(number); ok && sameCallers(r.From, from) && (found == nil || pattern.Compare(r.pattern, found.pattern) < 0) {
			found = r
		}
	}
	return found
}
