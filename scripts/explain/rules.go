package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/scripts"
)

// Routing is how one number finds its extension.
type Routing struct {
	Dialled string `json:"dialled"`           // as it was dialled, or as the dialplan sent the call on
	Number  string `json:"number"`            // as it is compared with patterns
	Changed string `json:"changed,omitempty"` // what became of Dialled; "": nothing
	Rules   []Rule `json:"rules"`             // that take the number, in the order in which they are tried
	// Permission is what the extension needs; nil: nothing, or no extension takes the number.
	Permission *Permission `json:"permission,omitempty"`
}

// Winner is the extension that takes the call; nil: none does.
func (r Routing) Winner() *Rule {
	for i := range r.Rules {
		if r.Rules[i].Verdict == Wins {
			return &r.Rules[i]
		}
	}
	return nil
}

// Refused tells whether the caller is turned away before the extension's handler runs.
func (r Routing) Refused() bool { return r.Permission != nil && !r.Permission.Held }

// Verdict is what became of an extension.
type Verdict string

// The verdicts.
const (
	Wins         Verdict = "wins"
	LessSpecific Verdict = "lessSpecific" // than the one that wins
	NotFor       Verdict = "notFor"       // this caller: its from says for whom it is
)

// Rule is one extension().
type Rule struct {
	Pattern   string   `json:"pattern"`
	Name      string   `json:"name,omitempty"`
	From      []string `json:"from"`
	Needs     string   `json:"needs,omitempty"`
	Emergency bool     `json:"emergency,omitempty"`
	Where     string   `json:"where"` // "main.lua:12"
	Matched   string   `json:"matched,omitempty"`
	Verdict   Verdict  `json:"verdict,omitempty"`
	Why       string   `json:"why,omitempty"`
	Place     int      `json:"place,omitempty"` // from 1: where specificity decides against it
}

// Permission is what an extension needs and what the caller holds of it.
type Permission struct {
	Needs string   `json:"needs"`
	Holds []string `json:"holds"` // the line's; empty for callers from outside
	Held  bool     `json:"held"`
	Why   string   `json:"why"`
	Hears []string `json:"hears,omitempty"` // who does not hold it, before the call is refused (403): prompts
}

// Plan is all extensions, in the order in which they are tried.
func Plan(h *scripts.Host) []Rule {
	routes := h.Routes()
	all := make([]Rule, len(routes))
	for i, r := range routes {
		all[i] = rule(r)
	}
	return all
}

func rule(r engine.Route) Rule {
	return Rule{Pattern: r.Pattern, Name: r.Name, From: r.From, Needs: r.Needs, Emergency: r.Emergency, Where: r.Where}
}

// route finds who takes a number, and why.
func (x Exchange) route(ctx context.Context, from Caller, dialled string) (Routing, error) {
	r := Routing{Dialled: dialled, Number: engine.Normalise(dialled)}
	r.Changed = changed(r.Dialled, r.Number)
	candidates := x.Host.Candidates(r.Number, from.party())
	var winner *engine.Candidate
	for i := range candidates {
		c := &candidates[i]
		one := rule(c.Route)
		one.Matched = c.Matched
		switch {
		case !c.Admitted:
			one.Verdict, one.Why = NotFor, "not for "+from.kind()+": from "+strings.Join(c.From, ", ")
		case winner == nil:
			winner, one.Verdict = c, Wins
		default:
			one.Verdict = LessSpecific
			one.Place, one.Why = lost(winner.Pattern, c.Pattern)
		}
		r.Rules = append(r.Rules, one)
	}
	if winner == nil {
		return r, nil
	}
	w := r.Winner()
	w.Why = won(r.Rules)
	if winner.Needs == "" || winner.Emergency {
		return r, nil
	}
	var err error
	r.Permission, err = x.permission(ctx, from, winner.Needs)
	if err == nil && !r.Permission.Held {
		r.Permission.Hears = []string{"belfry/restricted-code"}
		if winner.Refused != nil {
			r.Permission.Hears = nil
			for _, p := range winner.Refused {
				r.Permission.Hears = append(r.Permission.Hears, p.Name)
			}
		}
	}
	return r, err
}

// changed says what was taken away from a number before it was compared; "": nothing.
func changed(dialled, number string) string {
	plain, parameters, cut := strings.Cut(dialled, ";")
	var taken []string
	for _, what := range []struct{ symbol, name string }{{" ", "blanks"}, {"-", "-"}, {".", "."}, {"(", "("}, {")", ")"}} {
		if strings.Contains(plain, what.symbol) && !strings.Contains(number, what.symbol) {
			taken = append(taken, what.name)
		}
	}
	if cut {
		taken = append(taken, ";"+parameters)
	}
	if len(taken) == 0 {
		return ""
	}
	return "without " + strings.Join(taken, " ")
}

// lost says why a pattern that takes the number does not win against another, and at which place that shows.
func lost(winner, loser string) (place int, why string) {
	w, err := pattern.Parse(winner)
	if err != nil {
		return 0, "" // no route has such a pattern
	}
	l, err := pattern.Parse(loser)
	if err != nil {
		return 0, ""
	}
	place, has, instead := pattern.Decide(w, l)
	return place, fmt.Sprintf("less specific at place %d: %s against %s", place, placeText(instead), placeText(has))
}

// placeText is what stands at a place, in words.
func placeText(p pattern.Place) string {
	switch {
	case p.Of == 0:
		return ". (anything)"
	case p.Of == 1 && len(p.Text) == 1:
		return p.Text
	default:
		return fmt.Sprintf("%s (any of %d)", p.Text, p.Of)
	}
}

// won says why the winner is one.
func won(rules []Rule) string {
	others, notFor := 0, 0
	for _, r := range rules {
		switch r.Verdict {
		case LessSpecific:
			others++
		case NotFor:
			notFor++
		}
	}
	switch {
	case others > 0:
		return "the most specific"
	case notFor > 0:
		return "the only one for this caller"
	default:
		return "the only one that takes the number"
	}
}

// permission compares what is needed with what the caller's line holds.
func (x Exchange) permission(ctx context.Context, from Caller, needs string) (*Permission, error) {
	p := &Permission{Needs: needs, Holds: []string{}}
	if from.Line == "" {
		p.Why = "callers from outside hold no permissions"
		return p, nil
	}
	line, err := x.Site.Directory().Line(ctx, from.Line)
	if errors.Is(err, directory.ErrNoLine) {
		p.Why = "there is no line " + from.Line + " any more"
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.Holds = append(p.Holds, line.Permissions...)
	p.Held = line.HasPermission(needs)
	switch {
	case p.Held:
		p.Why = from.Line + " holds " + holder(line, needs)
		if h := holder(line, needs); h != needs {
			p.Why += ", which includes it"
		}
	case len(line.Permissions) == 0:
		p.Why = from.Line + " holds no permissions"
	default:
		p.Why = from.Line + " holds only " + strings.Join(line.Permissions, ", ")
	}
	return p, nil
}

// holder is the permission of a line by which it holds another.
func holder(l directory.Line, needs string) string {
	for _, have := range l.Permissions {
		if (directory.Line{Permissions: []string{have}}).HasPermission(needs) {
			return have
		}
	}
	return needs
}
