package manage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// Data manages what is in a data folder. It knows nothing of calls: a running exchange
// puts its own answers in front of it.
type Data struct {
	Directory *directory.Directory
	Boxes     *mailbox.Mailboxes
	Log       *callog.Log
	Tracing   *trace.Log // nil: no traces are kept
	Mail      post.Queue
}

var _ Manager = (*Data)(nil)

// Lines lists all lines by number.
func (d *Data) Lines(ctx context.Context) ([]Line, error) {
	lines, err := d.Directory.Lines(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Line, len(lines))
	for i, l := range lines {
		all[i] = Line{Line: l}
	}
	return all, nil
}

// Line returns one line.
func (d *Data) Line(ctx context.Context, number string) (Line, error) {
	l, err := d.Directory.Line(ctx, number)
	return Line{Line: l}, err
}

// AddLine adds a line, with its mailbox if it has voicemail.
func (d *Data) AddLine(ctx context.Context, n NewLine) (Secret, error) {
	if n.Kind == "" {
		n.Kind = directory.Person
	}
	if n.Secret == "" {
		n.Secret = directory.GenerateSecret()
	}
	if err := checkPIN(n.Number, n.PIN, n.Voicemail); err != nil {
		return Secret{}, err
	}
	if err := d.Directory.Add(ctx, n.Line, n.Secret); err != nil {
		return Secret{}, err
	}
	return Secret{Number: n.Number, Secret: n.Secret}, d.mailbox(ctx, n.Number, n.Voicemail, n.PIN)
}

// checkPIN says what is wrong with a PIN before anything is changed; "" is none.
func checkPIN(number, pin string, voicemail bool) error {
	if pin == "" {
		return nil
	}
	if !voicemail {
		return &Error{Code: Invalid, Message: "a PIN is for a mailbox, and line " + number + " has none", Hint: "add --voicemail"}
	}
	if err := mailbox.CheckNewPIN(number, pin); err != nil {
		return &Error{Code: Invalid, Message: "pin: " + err.Error(), Hint: "choose another six digits"}
	}
	return nil
}

// SetLine changes a line and tells its secret if that was made anew. A PIN that is no good changes nothing.
func (d *Data) SetLine(ctx context.Context, number string, c LineChange) (Secret, error) {
	told := Secret{Number: number}
	pin := ""
	change(&pin, c.PIN)
	var after directory.Line
	err := d.Directory.Update(ctx, number, func(l *directory.Line) error {
		change(&l.Name, c.Name)
		change(&l.Kind, c.Kind)
		change(&l.Person, c.Person)
		change(&l.Department, c.Department)
		change(&l.Permissions, c.Permissions)
		change(&l.Voicemail, c.Voicemail)
		change(&l.PickupGroup, c.PickupGroup)
		change(&l.Email, c.Email)
		change(&l.DND, c.DND)
		change(&l.Mail, c.Mail)
		after = *l
		return checkPIN(number, pin, l.Voicemail)
	})
	if err != nil {
		return told, err
	}
	if c.Secret != nil {
		secret := *c.Secret
		if secret == "" {
			secret = directory.GenerateSecret()
			told.Secret = secret
		}
		if err := d.Directory.SetSecret(ctx, number, secret); err != nil {
			return Secret{}, err
		}
	}
	return told, d.mailbox(ctx, number, after.Voicemail, pin)
}

func change[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// mailbox sees to it that a line with voicemail has a mailbox, and sets its PIN. A mailbox
// that is not wanted any more stays: there may be messages in it.
func (d *Data) mailbox(ctx context.Context, number string, wanted bool, pin string) error {
	if wanted {
		if err := d.Boxes.Create(ctx, number); err != nil {
			return err
		}
	}
	if pin == "" {
		return nil
	}
	return d.setPIN(ctx, number, pin)
}

// setPIN sets a PIN that is active at once. That of a telephone on a wall is known to whoever set it up: it is
// changed at the first log-in.
func (d *Data) setPIN(ctx context.Context, number, pin string) error {
	box, err := d.Boxes.Get(number)
	if err != nil {
		return err
	}
	l, err := d.Directory.Line(ctx, number)
	if err != nil {
		return err
	}
	if l.Kind == directory.NonPerson {
		return box.SetDefaultPIN(ctx, pin)
	}
	return box.SetPINNow(ctx, pin)
}

// RemoveLine removes a line, and its mailbox with all messages.
func (d *Data) RemoveLine(ctx context.Context, number string, messagesToo bool) error {
	box, err := d.Mailbox(ctx, number)
	switch {
	case errors.Is(err, mailbox.ErrNoMailbox):
	case err != nil:
		return err
	case len(box.Messages) > 0 && !messagesToo:
		return &Error{Code: Invalid, Message: fmt.Sprintf("mailbox %s has %s", number, countOf(len(box.Messages), "message")),
			Hint: "--messages-too removes them with the line"}
	}
	if err := d.Directory.Remove(ctx, number); err != nil {
		return err
	}
	if err := d.Boxes.Remove(ctx, number); err != nil && !errors.Is(err, mailbox.ErrNoMailbox) {
		return fmt.Errorf("the line is removed, but not its mailbox: %w", err)
	}
	return nil
}

// ImportLines reads lines.csv: all of it, or nothing.
func (d *Data) ImportLines(ctx context.Context, csv io.Reader) (Imported, error) {
	var done Imported
	words, err := d.words(ctx)
	if err != nil {
		return done, err
	}
	report, err := d.Directory.ImportCSV(ctx, csv, directory.ImportOptions{
		CheckPIN: mailbox.CheckNewPIN,
		SetPIN: func(ctx context.Context, number, pin string) error {
			return d.mailbox(ctx, number, true, pin)
		},
		Permissions: words,
		NewSecret:   func(number, secret string) { done.Secrets = append(done.Secrets, Secret{number, secret}) },
	})
	done.Added, done.Changed, done.Unchanged, done.PINs = report.Added, report.Changed, report.Unchanged, report.PINs
	if err != nil {
		return done, err
	}
	return done, d.EnsureMailboxes(ctx)
}

// words are the permissions besides the ladder that a file may give: the standard library's, and
// those that lines have already, so that what was exported can be imported.
func (d *Data) words(ctx context.Context) ([]string, error) {
	lines, err := d.Directory.Lines(ctx)
	if err != nil {
		return nil, err
	}
	words := []string{"callWaiting"}
	for _, l := range lines {
		words = append(words, l.Permissions...)
	}
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(w string) bool { return slices.Contains(directory.Ladder(), w) }), nil
}

// EnsureMailboxes gives every line that has voicemail its mailbox.
func (d *Data) EnsureMailboxes(ctx context.Context) error {
	lines, err := d.Directory.Lines(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := d.mailbox(ctx, l.Number, l.Voicemail, ""); err != nil {
			return err
		}
	}
	return nil
}

// ExportLines writes lines.csv.
func (d *Data) ExportLines(ctx context.Context, csv io.Writer) error {
	return d.Directory.ExportCSV(ctx, csv)
}

// Mailboxes lists all mailboxes by number.
func (d *Data) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	list, err := d.Boxes.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Mailbox, len(list))
	for i, s := range list {
		all[i] = Mailbox{
			Number: s.Number, New: s.New, Old: s.Old, Urgent: s.UrgentNew, Seconds: s.Length.Seconds(),
			HasPIN: s.HasPIN, MustChangePIN: s.MustChangePIN,
		}
		if !s.LockedUntil.IsZero() {
			all[i].LockedUntil = &s.LockedUntil
		}
	}
	return all, nil
}

// Mailbox returns a mailbox with its messages, the new ones first.
func (d *Data) Mailbox(ctx context.Context, number string) (Mailbox, error) {
	box, err := d.Boxes.Get(number)
	if err != nil {
		return Mailbox{}, err
	}
	all, err := d.Mailboxes(ctx)
	if err != nil {
		return Mailbox{}, err
	}
	at := slices.IndexFunc(all, func(m Mailbox) bool { return m.Number == number })
	if at < 0 { // removed this moment
		return Mailbox{}, &Error{Code: NotFound, Message: "no such mailbox: " + number}
	}
	m := all[at]
	if l, err := d.Directory.Line(ctx, number); err == nil {
		m.MailTo, m.MailDeletes = l.MailTo(), l.Mail == directory.MailDelete
	}
	mails, err := d.mails(ctx, number)
	if err != nil {
		return m, err
	}
	for _, folder := range []string{"new", "saved"} {
		list, err := box.Messages(ctx, folder)
		if err != nil {
			return m, err
		}
		for _, one := range list {
			m.Messages = append(m.Messages, Message{
				ID: one.ID, From: one.From, Name: one.Name, Time: one.Time, Seconds: one.Length.Seconds(),
				Urgent: one.Urgent, Heard: one.Heard, Interrupted: one.Interrupted, Mail: mails[one.ID],
			})
		}
	}
	return m, nil
}

// mails are those about messages of a mailbox that have not gone, by the message.
func (d *Data) mails(ctx context.Context, number string) (map[string]*Mail, error) {
	waiting, err := d.Mail.Waiting(ctx, number)
	if err != nil {
		return nil, err
	}
	refused, err := d.Mail.Refused(ctx, number)
	if err != nil {
		return nil, err
	}
	all := map[string]*Mail{}
	for _, m := range append(waiting, refused...) {
		one := &Mail{Refused: !m.Refused.IsZero(), Error: m.Error}
		if !m.Next.IsZero() && !one.Refused {
			one.Next = &m.Next
		}
		all[m.Message] = one
	}
	return all, nil
}

// SendAgain has refused mails go once more.
func (d *Data) SendAgain(ctx context.Context, number string) (int, error) {
	if _, err := d.Boxes.Get(number); err != nil {
		return 0, err
	}
	return d.Mail.Again(ctx, number)
}

// UnlockMailbox lets a mailbox be opened again that wrong PINs have locked.
func (d *Data) UnlockMailbox(ctx context.Context, number string) error {
	box, err := d.Boxes.Get(number)
	if err != nil {
		return err
	}
	return box.Unlock(ctx)
}

// History is the last calls, the latest first.
func (d *Data) History(ctx context.Context, limit int) ([]callog.Record, error) {
	return d.Log.Records(ctx, callog.Filter{Limit: limit})
}

// Status needs an exchange that runs.
func (d *Data) Status(context.Context) (Status, error) { return Status{}, ErrNotRunning }

// Calls needs an exchange that runs.
func (d *Data) Calls(context.Context) ([]engine.CallInfo, error) { return nil, ErrNotRunning }

// Reload needs an exchange that runs.
func (d *Data) Reload(context.Context) (Reloaded, error) { return Reloaded{}, ErrNotRunning }

// Explain needs an exchange that runs: the data folder has no dialplan.
func (d *Data) Explain(context.Context, explain.Question) (*explain.Answer, error) {
	return nil, ErrNotRunning
}

// Plan needs an exchange that runs.
func (d *Data) Plan(context.Context) ([]explain.Rule, error) { return nil, ErrNotRunning }

// Caller needs an exchange that runs.
func (d *Data) Caller(context.Context, string) (Caller, error) { return Caller{}, ErrNotRunning }

// Lend needs an exchange that runs.
func (d *Data) Lend(context.Context, string, time.Duration) (Caller, error) {
	return Caller{}, ErrNotRunning
}

// TakeBack needs an exchange that runs.
func (d *Data) TakeBack(context.Context, string) error { return ErrNotRunning }

// Traces are the latest calls whose story is kept, the newest first.
func (d *Data) Traces(_ context.Context, limit int) ([]trace.Info, error) {
	return d.Tracing.List(limit)
}

// Trace is one call's story.
func (d *Data) Trace(_ context.Context, id string) (trace.Trace, error) {
	if d.Tracing == nil {
		return trace.Trace{}, &Error{Code: NotFound, Message: "no traces are kept here", Hint: "settings.lua says trace = false"}
	}
	info, steps, err := d.Tracing.Get(id)
	return trace.Trace{Info: info, Steps: steps}, err
}

// FollowTrace is for exchanges that run.
func (d *Data) FollowTrace(context.Context, string, func(trace.Step) error) error {
	return ErrNotRunning
}

// Failures are for exchanges that run.
func (d *Data) Failures(context.Context) ([]trace.Group, error) { return nil, ErrNotRunning }
