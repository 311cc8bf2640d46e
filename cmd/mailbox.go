package cmd

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
)

type mailboxCmd struct {
	List   mailboxList   `cmd:"" help:"List the mailboxes."`
	Show   mailboxShow   `cmd:"" help:"List the messages of a mailbox."`
	Unlock mailboxUnlock `cmd:"" help:"Open a mailbox that wrong PINs have locked."`
	Mail   mailboxMail   `cmd:"" help:"Say what becomes of messages that go to the line's e-mail, or have refused mail go again."`
}

type mailboxList struct {
	dataFlag
}

func (m *mailboxList) Run(ctx context.Context, c *console) error {
	x, done, err := m.open(ctx, c)
	if err != nil {
		return err
	}
	boxes, err := x.Mailboxes(ctx)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(orEmpty(boxes), func() {
		if len(boxes) == 0 {
			c.say("There are no mailboxes yet. A line gets one: belfry line set NUMBER --voicemail")
			return
		}
		var rows [][]string
		for _, b := range boxes {
			rows = append(rows, []string{b.Number, strconv.Itoa(b.New), strconv.Itoa(b.Old), strconv.Itoa(b.Urgent), seconds(b.Seconds), pinState(b)})
		}
		c.table([]string{"number", "new>", "old>", "urgent>", "length>", "pin"}, rows)
	})
}

func pinState(b manage.Mailbox) string {
	switch {
	case b.LockedUntil != nil:
		return "locked until " + b.LockedUntil.Local().Format("15:04")
	case b.MustChangePIN:
		return "to be changed"
	case b.HasPIN:
		return "set"
	}
	return "-"
}

type mailboxShow struct {
	dataFlag
	Number string `arg:"" help:"The mailbox's number."`
}

func (m *mailboxShow) Run(ctx context.Context, c *console) error {
	x, done, err := m.open(ctx, c)
	if err != nil {
		return err
	}
	box, err := x.Mailbox(ctx, m.Number)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(box, func() {
		c.say("mailbox %s: %d new, %d old, %s; pin %s%s", box.Number, box.New, box.Old, seconds(box.Seconds), pinState(box), mailTo(box))
		if len(box.Messages) == 0 {
			return
		}
		columns := []string{"time", "from", "name", "length>", "folder", "id"}
		if slices.ContainsFunc(box.Messages, func(m manage.Message) bool { return m.Mail != nil }) {
			columns = append(columns, "mail")
		}
		var rows [][]string
		for _, one := range box.Messages {
			folder := "new"
			if one.Heard {
				folder = "old"
			}
			if one.Urgent {
				folder += ", urgent"
			}
			rows = append(rows, []string{when(one.Time), dash(one.From), dash(one.Name), seconds(one.Seconds), folder, one.ID, mailState(one)}[:len(columns)])
		}
		c.table(columns, rows)
	})
}

func mailTo(b manage.Mailbox) string {
	switch {
	case b.MailTo == "":
		return ""
	case b.MailDeletes:
		return "; messages go to " + b.MailTo + " and are deleted"
	}
	return "; messages go to " + b.MailTo
}

// mailState is what keeps a message from going.
func mailState(m manage.Message) string {
	switch {
	case m.Mail == nil:
		return "-"
	case m.Mail.Refused:
		return "refused: " + m.Mail.Error
	case m.Mail.Next != nil:
		return "again at " + when(*m.Mail.Next) + ": " + m.Mail.Error
	}
	return "waits"
}

// when is a moment as people read it: the day only if it is not today's.
func when(t time.Time) string {
	t = t.Local()
	if y, d := t.Year(), t.YearDay(); y == time.Now().Year() && d == time.Now().YearDay() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

type mailboxUnlock struct {
	dataFlag
	Number string `arg:"" help:"The mailbox's number."`
}

func (m *mailboxUnlock) Run(ctx context.Context, c *console) error {
	x, done, err := m.open(ctx, c)
	if err != nil {
		return err
	}
	err = x.UnlockMailbox(ctx, m.Number)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(manage.Mailbox{Number: m.Number}, func() { c.printf("unlocked %s\n", m.Number) })
}

type mailboxMail struct {
	dataFlag
	Number string  `arg:"" help:"The mailbox's number."`
	Choice *string `arg:"" optional:"" help:"keep: messages stay in the mailbox as well; delete: they are deleted once the mail server has them; off: they do not go."`
	Again  bool    `help:"Send those whose mail was refused once more."`
}

func (m *mailboxMail) Run(ctx context.Context, c *console) error {
	if m.Choice == nil && !m.Again {
		return usage("belfry mailbox show "+m.Number+" tells how it is", "say keep, delete or off, or --again")
	}
	x, done, err := m.open(ctx, c)
	if err != nil {
		return err
	}
	n, err := m.change(ctx, x)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(struct {
		Number string `json:"number"`
		Again  int    `json:"again"`
	}{m.Number, n}, func() {
		if m.Choice != nil {
			c.printf("changed %s\n", m.Number)
		}
		if m.Again {
			c.printf("%s to go again\n", plural(n, "mail"))
		}
	})
}

func (m *mailboxMail) change(ctx context.Context, x manage.Manager) (again int, err error) {
	if _, err := x.Mailbox(ctx, m.Number); err != nil {
		return 0, err
	}
	if m.Choice != nil {
		choice := directory.MailChoice(*m.Choice)
		if _, err := x.SetLine(ctx, m.Number, manage.LineChange{Mail: &choice}); err != nil {
			return 0, err
		}
	}
	if !m.Again {
		return 0, nil
	}
	return x.SendAgain(ctx, m.Number)
}
