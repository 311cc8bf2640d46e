package explain

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Caller is who calls.
type Caller struct {
	Number string `json:"number,omitempty"` // "": withheld
	Name   string `json:"name,omitempty"`
	Line   string `json:"line,omitempty"`  // the line it is, or
	Trunk  string `json:"trunk,omitempty"` // the trunk it comes by; neither: a stranger, who reaches what is from "any"
}

func (c Caller) party() engine.Party {
	return engine.Party{Number: c.Number, Name: c.Name, Line: c.Line, Trunk: c.Trunk, Verified: c.Line+c.Trunk != "" && c.Number != ""}
}

// kind is what a caller is in the words of from.
func (c Caller) kind() string {
	switch {
	case c.Line != "":
		return "lines"
	case c.Trunk != "":
		return "trunk:" + c.Trunk
	default:
		return "strangers"
	}
}

// anonymous is the caller who withholds his number (RFC 3323 section 4.1.1.3).
const anonymous = "anonymous"

// caller finds out who is meant.
func (x Exchange) caller(ctx context.Context, from string) (Caller, error) {
	if rest, ok := strings.CutPrefix(from, "trunk:"); ok {
		trunk, who, _ := strings.Cut(rest, "/")
		if !slices.Contains(x.trunks(), trunk) {
			return Caller{}, &Error{"there is no trunk " + quoted(trunk), x.trunkHint(trunk)}
		}
		return outside(trunk, who)
	}
	if rest, ok := strings.CutPrefix(from, "sip:"); ok {
		user, _, _ := strings.Cut(rest, "@")
		return Caller{Number: engine.Normalise(user)}, nil
	}
	if line, err := x.Site.Directory().Line(ctx, engine.Normalise(from)); err == nil {
		return Caller{Number: line.Number, Name: line.Name, Line: line.Number}, nil
	} else if !errors.Is(err, directory.ErrNoLine) {
		return Caller{}, err
	}
	known, err := x.Site.Directory().Lines(ctx)
	if err != nil {
		return Caller{}, err
	}
	numbers := make([]string, len(known))
	longest := 0
	for i, l := range known {
		numbers[i] = l.Number
		longest = max(longest, len(l.Number))
	}
	_, number, _ := strings.Cut(from, "<")
	if from != anonymous && number == "" && !strings.HasPrefix(from, "+") && len(engine.Normalise(from)) <= longest {
		hint := diag.DidYouMean(from, numbers)
		if hint == "" {
			hint = "belfry line list shows those there are"
		}
		return Caller{}, &Error{strings.TrimSpace("there is no line " + from), hint + "; a caller from outside is +44…, or trunk:NAME/NUMBER"}
	}
	trunk := "" // without any, whoever is outside is a stranger
	if all := x.trunks(); len(all) > 0 {
		trunk = all[0]
	}
	return outside(trunk, from)
}

func (x Exchange) trunkHint(name string) string {
	if len(x.trunks()) == 0 {
		return "the settings name none"
	}
	return diag.Options(name, "trunks", x.trunks())
}

// outside is a caller who comes by a trunk, or by none: a number, "Joe <number>", or "" or "anonymous".
func outside(trunk, who string) (Caller, error) {
	c := Caller{Trunk: trunk}
	if who == "" || who == anonymous {
		return c, nil
	}
	if name, rest, ok := strings.Cut(who, "<"); ok {
		number, _, closed := strings.Cut(rest, ">")
		if !closed {
			return c, &Error{"the caller " + quoted(who) + " has no '>'", `"Joe <+447700900123>"`}
		}
		c.Name, who = strings.TrimSpace(name), number
	}
	c.Number = engine.Normalise(who)
	if strings.Trim(c.Number, "+*#0123456789") != "" {
		return c, &Error{quoted(who) + " is neither a line nor a number", `a line's number, a caller from outside as +44…, "Joe <+44…>" or anonymous, trunk:NAME/NUMBER, or sip:USER@HOST`}
	}
	return c, nil
}

func quoted(s string) string { return `"` + s + `"` }
