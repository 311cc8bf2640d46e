package explain

import (
	"context"
	"errors"
	"slices"

	"github.com/belfry-pbx/belfry/engine/directory"
)

// Line is how a line stands that the call comes by.
type Line struct {
	Number      string            `json:"number"`
	Name        string            `json:"name,omitempty"`
	Permissions []string          `json:"permissions"`
	DND         bool              `json:"dnd"`
	Forwards    map[string]string `json:"forwards"` // kind → number, those that are on
	Voicemail   bool              `json:"voicemail"`
	Phones      int               `json:"phones"` // registered; as assumed, 1
	Busy        bool              `json:"busy"`   // it has a call
}

// Group is how a declared group stands.
type Group struct {
	Number   string            `json:"number"`
	Name     string            `json:"name,omitempty"`
	Kind     string            `json:"kind"`
	Strategy string            `json:"strategy,omitempty"`
	Members  []Member          `json:"members"`
	Overflow map[string]string `json:"overflow"` // where a call goes that nobody takes: case or "" → number
	Mailbox  string            `json:"mailbox,omitempty"`
}

// Member is one of a group. How its line stands is among the lines.
type Member struct {
	Number   string `json:"number"`
	LoggedIn bool   `json:"loggedIn"`
}

// maxLines is how many lines an answer tells of.
const maxLines = 100

// look finds out how the lines and groups stand that a call comes by: the caller's, those that are dialled, where they
// forward to, the members of groups, and those whose telephones ring.
func (x Exchange) look(ctx context.Context, a *Answer, rung []string) error {
	a.Lines, a.Groups = []Line{}, []Group{}
	queue := []string{a.From.Line}
	for _, r := range a.Routings {
		queue = append(queue, r.Number)
	}
	seen := map[string]bool{"": true}
	for len(queue)+len(rung) > 0 && len(a.Lines) < maxLines {
		if len(queue) == 0 {
			queue, rung = rung, nil
		}
		number := queue[0]
		if queue = queue[1:]; seen[number] {
			continue
		}
		seen[number] = true
		g, err := x.group(ctx, number)
		if err != nil {
			return err
		}
		if g != nil {
			a.Groups = append(a.Groups, *g)
			for _, m := range g.Members {
				queue = append(queue, m.Number)
			}
		}
		l, err := x.line(ctx, number)
		if err != nil {
			return err
		}
		if l == nil {
			continue
		}
		a.Lines = append(a.Lines, *l)
		if number == a.From.Line && !slices.ContainsFunc(a.Routings, func(r Routing) bool { return r.Number == number }) {
			continue // the caller's own forwards are no matter of this call
		}
		for _, kind := range directory.ForwardKinds() {
			queue = append(queue, l.Forwards[string(kind)])
		}
	}
	return nil
}

// line is how a line stands; nil: there is none.
func (x Exchange) line(ctx context.Context, number string) (*Line, error) {
	l, err := x.Site.Directory().Line(ctx, number)
	if errors.Is(err, directory.ErrNoLine) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stands := &Line{
		Number: l.Number, Name: l.Name, Permissions: append([]string{}, l.Permissions...), DND: l.DND,
		Forwards: map[string]string{}, Voicemail: l.Voicemail, Phones: 1,
	}
	for _, kind := range directory.ForwardKinds() {
		if to := l.ForwardOn(kind); to != "" {
			stands.Forwards[string(kind)] = to
		}
	}
	if x.Phones != nil {
		stands.Phones, stands.Busy = x.Phones(number)
	}
	return stands, nil
}

// group is how a group stands; nil: none is declared.
func (x Exchange) group(ctx context.Context, number string) (*Group, error) {
	g, ok := x.Host.Group(number)
	if !ok {
		return nil, nil
	}
	out, err := x.Site.Directory().LoggedOut(ctx, number)
	if err != nil {
		return nil, err
	}
	stands := &Group{Number: g.Number, Name: g.Name, Kind: g.Kind, Strategy: g.Strategy, Mailbox: g.Mailbox, Members: []Member{}, Overflow: map[string]string{}}
	for _, m := range g.Members {
		stands.Members = append(stands.Members, Member{m.Number, !slices.Contains(out, m.Number)})
	}
	if g.Overflow != "" {
		stands.Overflow[""] = g.Overflow
	}
	for reason, to := range g.OverflowBy {
		stands.Overflow[reason] = to
	}
	return stands, nil
}
