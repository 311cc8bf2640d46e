package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
)

type lineCmd struct {
	Add    lineAdd    `cmd:"" help:"Add a line and tell its secret, once."`
	Set    lineSet    `cmd:"" help:"Change a line."`
	Remove lineRemove `cmd:"" help:"Remove a line and its mailbox."`
	List   lineList   `cmd:"" help:"List the lines."`
	Show   lineShow   `cmd:"" help:"Show all about a line."`
	Import lineImport `cmd:"" help:"Read lines from a CSV file: all of it, or nothing."`
	Export lineExport `cmd:"" help:"Write the lines as CSV, without secrets and PINs."`
}

type lineAdd struct {
	newFlag
	Number      string   `arg:"" help:"The line's number, digits."`
	Name        string   `help:"Shown to those it calls."`
	Kind        string   `enum:"person,nonPerson" default:"person" help:"person or nonPerson."`
	Person      string   `help:"The account that owns it."`
	Department  string   `help:"Its department."`
	Permissions []string `sep:" " help:"What it may dial, words separated by blanks: internal, local, national, …"`
	Voicemail   bool     `help:"Give it a mailbox; a person's line has one unless --no-voicemail." negatable:"" default:"true"`
	PickupGroup string   `help:"The group whose calls it may pick up."`
	Email       string   `help:"Where news of messages goes."`
	Secret      string   `help:"For its telephone; made if not given."`
	PIN         string   `name:"pin" help:"Of its mailbox, six digits."`
}

func (l *lineAdd) Run(ctx context.Context, c *console) error {
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	n := manage.NewLine{Line: directory.Line{
		Number: l.Number, Name: l.Name, Kind: directory.Kind(l.Kind), Person: l.Person, Department: l.Department,
		Permissions: l.Permissions, Voicemail: l.Voicemail && l.Kind == string(directory.Person), PickupGroup: l.PickupGroup, Email: l.Email,
	}, Secret: l.Secret, PIN: l.PIN}
	told, err := m.AddLine(ctx, n)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(told, func() {
		if l.Secret != "" {
			c.printf("added %s\n", l.Number)
			return
		}
		c.printf("added %s   secret %s\n", l.Number, c.paint(bold, told.Secret))
		c.say("Write the secret down: it is not shown again.")
	})
}

type lineSet struct {
	dataFlag
	Number      string  `arg:"" help:"The line's number."`
	Name        *string `help:"Shown to those it calls."`
	Kind        *string `help:"person or nonPerson."`
	Person      *string `help:"The account that owns it."`
	Department  *string `help:"Its department."`
	Permissions *string `help:"What it may dial, words separated by blanks."`
	Voicemail   *bool   `negatable:"" help:"Whether it has voicemail."`
	PickupGroup *string `help:"The group whose calls it may pick up."`
	Email       *string `help:"Where news of messages goes."`
	DND         *bool   `name:"dnd" negatable:"" help:"Do not disturb."`
	Secret      *string `help:"For its telephone."`
	NewSecret   bool    `xor:"secret" help:"Have a secret made, and told once."`
	PIN         *string `name:"pin" help:"Of its mailbox, six digits."`
}

func (l *lineSet) Run(ctx context.Context, c *console) error {
	change := manage.LineChange{
		Name: l.Name, Person: l.Person, Department: l.Department, Voicemail: l.Voicemail,
		PickupGroup: l.PickupGroup, Email: l.Email, DND: l.DND, Secret: l.Secret, PIN: l.PIN,
	}
	if l.Kind != nil {
		kind := directory.Kind(*l.Kind)
		change.Kind = &kind
	}
	if l.Permissions != nil {
		words := strings.Fields(*l.Permissions)
		change.Permissions = &words
	}
	switch {
	case l.NewSecret:
		change.Secret = new(string)
	case l.Secret != nil && *l.Secret == "":
		return usage("--new-secret has one made", "an empty secret lets no telephone in")
	case change == (manage.LineChange{}):
		return usage("belfry line set --help lists what can be changed", "nothing to change about %s", l.Number)
	}
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	told, err := m.SetLine(ctx, l.Number, change)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(told, func() {
		if told.Secret == "" {
			c.printf("changed %s\n", l.Number)
			return
		}
		c.printf("changed %s   secret %s\n", l.Number, c.paint(bold, told.Secret))
		c.say("Write the secret down: it is not shown again.")
	})
}

type lineRemove struct {
	dataFlag
	Number      string `arg:"" help:"The line's number."`
	MessagesToo bool   `help:"Remove the messages in its mailbox with it."`
}

func (l *lineRemove) Run(ctx context.Context, c *console) error {
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	err = m.RemoveLine(ctx, l.Number, l.MessagesToo)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(manage.Secret{Number: l.Number}, func() { c.printf("removed %s\n", l.Number) })
}

type lineList struct {
	dataFlag
}

func (l *lineList) Run(ctx context.Context, c *console) error {
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	lines, err := m.Lines(ctx)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(orEmpty(lines), func() {
		if len(lines) == 0 {
			c.say("There are no lines yet. Add one: belfry line add 77501 --name Ana")
			return
		}
		var rows [][]string
		for _, one := range lines {
			rows = append(rows, []string{
				one.Number, dash(one.Name), dash(one.Department), dash(strings.Join(one.Permissions, " ")),
				yesOrDash(one.Voicemail), state(one), phones(len(one.Devices)),
			})
		}
		c.table([]string{"number", "name", "department", "permissions", "voicemail", "state", "phones"}, rows)
	})
}

// orEmpty keeps an empty list from being null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesOrDash(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func phones(n int) string {
	if n == 0 {
		return "-"
	}
	return plural(n, "phone")
}

// state is what keeps a line's phone from ringing.
func state(l manage.Line) string {
	var words []string
	if l.DND {
		words = append(words, "do not disturb")
	}
	for _, kind := range directory.ForwardKinds() {
		if to := l.ForwardOn(kind); to != "" {
			words = append(words, forwardText(kind)+" → "+to)
		}
	}
	return dash(strings.Join(words, ", "))
}

func forwardText(kind directory.ForwardKind) string {
	switch kind {
	case directory.ForwardAlways:
		return "always"
	case directory.ForwardBusy:
		return "busy"
	case directory.ForwardNoAnswer:
		return "no answer"
	case directory.ForwardUnregistered:
		return "unregistered"
	}
	return string(kind)
}

type lineShow struct {
	dataFlag
	Number string `arg:"" help:"The line's number."`
}

func (l *lineShow) Run(ctx context.Context, c *console) error {
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	one, err := m.Line(ctx, l.Number)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(one, func() {
		for _, row := range [][2]string{
			{"number", one.Number}, {"name", one.Name}, {"kind", string(one.Kind)}, {"person", one.Person},
			{"department", one.Department}, {"permissions", strings.Join(one.Permissions, " ")},
			{"voicemail", yesOrDash(one.Voicemail)}, {"pickup group", one.PickupGroup}, {"email", email(one.Line)}, {"state", state(one)},
		} {
			c.printf("%s  %s\n", c.paint(dim, fmt.Sprintf("%12s", row[0])), dash(row[1]))
		}
		for _, d := range one.Devices {
			c.printf("%s  %s %s   %s   until %s\n", c.paint(dim, fmt.Sprintf("%12s", "phone")),
				d.Transport, d.Source, dash(d.UserAgent), d.Expires.Local().Format("15:04:05"))
		}
	})
}

// email is where messages go, and what then becomes of them.
func email(l directory.Line) string {
	switch {
	case l.Email != "" && l.Mail == directory.MailDelete:
		return l.Email + " (messages go there and are deleted)"
	case l.Email != "" && l.Mail == directory.MailOff:
		return l.Email + " (messages do not go there)"
	}
	return l.Email
}

type lineImport struct {
	newFlag
	File string `arg:"" help:"The CSV file; - for standard input. Its header: number,name,kind,person,department,secret,permissions,voicemail,pin,pickup_group,email,mail"`
}

func (l *lineImport) Run(ctx context.Context, c *console) error {
	var file io.Reader = c.in
	if l.File != "-" {
		f, err := os.Open(l.File)
		if err != nil {
			return yours("", "reading lines: %s", err)
		}
		defer f.Close()
		file = f
	}
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	did, err := m.ImportLines(ctx, file)
	if err := errors.Join(err, done()); err != nil {
		f := asFailure(err)
		f.what = l.File + ": " + f.what
		return f
	}
	return c.answer(did, func() {
		c.say("%s added, %d changed, %d unchanged, %s set", plural(did.Added, "line"), did.Changed, did.Unchanged, plural(did.PINs, "PIN"))
		if len(did.Secrets) == 0 {
			return
		}
		c.say("Write these secrets down: they are not shown again.")
		var rows [][]string
		for _, s := range did.Secrets {
			rows = append(rows, []string{s.Number, s.Secret})
		}
		c.table([]string{"number", "secret"}, rows)
	})
}

type lineExport struct {
	dataFlag
}

func (l *lineExport) Run(ctx context.Context, c *console) error {
	m, done, err := l.open(ctx, c)
	if err != nil {
		return err
	}
	if c.json {
		lines, err := m.Lines(ctx)
		if err := errors.Join(err, done()); err != nil {
			return err
		}
		return c.answer(orEmpty(lines), nil)
	}
	err = m.ExportLines(ctx, c.out)
	return errors.Join(err, done())
}
