package cmd

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
)

type mailboxCmd struct {
	List   mailboxList   `cmd:"" help:"List the mailboxes."`
	Show   mailboxShow   `cmd:"" help:"List the messages of a mailbox."`
	Unlock mailboxUnlock `cmd:"" help:"Open a mailbox that wrong PINs have locked."`
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
		c.say("mailbox %s: %d new, %d old, %s; pin %s", box.Number, box.New, box.Old, seconds(box.Seconds), pinState(box))
		if len(box.Messages) == 0 {
			return
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
			rows = append(rows, []string{when(one.Time), dash(one.From), dash(one.Name), seconds(one.Seconds), folder, one.ID})
		}
		c.table([]string{"time", "from", "name", "length>", "folder", "id"}, rows)
	})
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
