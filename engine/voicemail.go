package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/mailbox"
)

// minMessage is the shortest message worth keeping.
const minMessage = 2 * time.Second

// anySound is less than any word lasts.
const anySound = 100 * time.Millisecond

// RecordVoicemail takes a message: greeting, beep, the message, and after "#" a menu in
// which the caller accepts it (1), listens (2), records again (3) or marks it urgent (4).
// Hanging up keeps what was said. What the caller is told was saved survives a power cut.
// A mailbox that does not exist is mailbox.ErrNoMailbox.
func (c *Call) RecordVoicemail(ctx context.Context, number string, o VoicemailOptions) (VoicemailResult, error) {
	box, err := c.engine.mailboxes.Get(number)
	if err != nil {
		return VoicemailResult{}, err
	}
	greeting := o.Greeting
	if greeting == nil {
		if greeting, err = c.greeting(ctx, box, o.Busy); err != nil {
			return VoicemailResult{}, err
		}
	}
	if _, err := c.PlayPrompt(ctx, greeting, PlayOptions{Interrupt: "#", Language: o.Language}); err != nil {
		return VoicemailResult{}, err
	}
	draft, err := box.Begin(ctx, c.shown())
	switch {
	case errors.Is(err, mailbox.ErrFull):
		return c.refuseMessage(ctx, OutcomeFull, "vm-mailboxfull", o.Language)
	case err != nil:
		c.failed("cannot take a message", "mailbox", number, "error", err)
		return c.refuseMessage(ctx, OutcomeFailed, "belfry/cannot-take-message", o.Language)
	}
	return c.takeMessage(ctx, draft, o)
}

func (c *Call) refuseMessage(ctx context.Context, why Outcome, prompt, language string) (VoicemailResult, error) {
	_, err := c.PlayPrompt(ctx, []Prompt{{Name: prompt}}, PlayOptions{Language: language})
	return VoicemailResult{Outcome: why}, err
}

// shown is who the owner of the mailbox is told has called.
func (c *Call) shown() mailbox.Caller {
	if p := c.From(); !c.Private() {
		return mailbox.Caller{Number: p.Number, Name: p.Name}
	}
	return mailbox.Caller{}
}

// takeMessage records into a draft until the message is accepted or the caller is gone.
func (c *Call) takeMessage(ctx context.Context, draft *mailbox.Draft, o VoicemailOptions) (VoicemailResult, error) {
	urgent := o.Urgent
	for {
		t, err := c.tape(ctx, tapeOptions{
			beep: true, terminator: "#", silence: cmp.Or(o.Silence, 8*time.Second),
			maxLength: min(cmp.Or(o.MaxLength, 3*time.Minute), maxRecordTime), write: draft.Write,
		})
		if t.err != nil {
			c.failed("the message could not be written to its end", "error", t.err)
		}
		if !t.said(draft.Length()) {
			draft.Discard()
			if err == nil {
				_, err = c.PlayPrompt(ctx, []Prompt{{Name: "vm-tooshort"}}, PlayOptions{Language: o.Language})
			}
			return VoicemailResult{Outcome: OutcomeTooShort}, err
		}
		if t.outcome == OutcomeSilence {
			draft.EndsInSilence(max(0, t.trailing-anySound))
		}
		if err != nil || t.outcome != OutcomeRecorded {
			return c.commit(ctx, draft, urgent, o.Language, err)
		}
		again, markedUrgent, err := c.callerMenu(ctx, draft, o.Language)
		urgent = urgent || markedUrgent
		if !again {
			return c.commit(ctx, draft, urgent, o.Language, err)
		}
		if err := draft.Restart(); err != nil {
			draft.Discard()
			c.failed("record the message again", "error", err)
			return c.refuseMessage(ctx, OutcomeFailed, "belfry/cannot-take-message", o.Language)
		}
	}
}

// said tells whether there is anything in a recording. Silence that ended it does not count; but
// who hangs up or presses "#" meant what he said, however softly.
func (t taped) said(length time.Duration) bool {
	switch spoken := length - t.trailing; t.outcome {
	case "":
		return false
	case OutcomeSilence:
		return spoken >= minMessage
	case OutcomeFailed:
		return true // the mailbox knows how much of it is left
	default:
		return spoken > anySound
	}
}

// callerMenu lets the caller decide on what he has said. Who does not decide accepts.
func (c *Call) callerMenu(ctx context.Context, draft *mailbox.Draft, language string) (again, urgent bool, err error) {
	for range 10 {
		r, err := c.ReadDigits(ctx, ReadDigitsOptions{
			Prompt: []Prompt{{Name: "belfry/caller-menu"}}, Language: language, Min: 1, Max: 1, Tries: 3,
		})
		if err != nil {
			return false, urgent, err
		}
		switch r.Digits {
		case "2":
			clip, err := draft.Sound()
			if err != nil {
				c.failed("the message cannot be read back", "error", err)
				continue
			}
			if _, err := c.PlayPrompt(ctx, []Prompt{{Recording: &Recording{Clip: clip}}}, PlayOptions{Interrupt: AnyKey}); err != nil {
				return false, urgent, err
			}
		case "3":
			return true, urgent, nil
		case "4":
			urgent = true
			return false, urgent, nil
		case "1", "#", "":
			return false, urgent, nil
		}
	}
	return false, urgent, nil
}

// commit keeps the message, also when the caller has hung up (gone), and only then says so.
func (c *Call) commit(ctx context.Context, draft *mailbox.Draft, urgent bool, language string, gone error) (VoicemailResult, error) {
	m, err := draft.Commit(context.WithoutCancel(ctx), urgent)
	switch {
	case errors.Is(err, mailbox.ErrTooShort):
		if gone == nil {
			_, gone = c.PlayPrompt(ctx, []Prompt{{Name: "vm-tooshort"}}, PlayOptions{Language: language})
		}
		return VoicemailResult{Outcome: OutcomeTooShort}, gone
	case err != nil:
		c.failed("a message could not be kept", "error", err)
		if gone == nil {
			return c.refuseMessage(ctx, OutcomeFailed, "belfry/cannot-take-message", language)
		}
		return VoicemailResult{Outcome: OutcomeFailed}, gone
	}
	c.stored("message saved", "mailbox", m.Mailbox, "message", m.ID, "length", m.Length)
	c.engine.metrics.messages.Inc()
	c.mails(m.Mailbox)
	if gone == nil {
		_, gone = c.PlayPrompt(ctx, []Prompt{{Name: "vm-msgsaved"}}, PlayOptions{Language: language})
	}
	return VoicemailResult{Outcome: OutcomeSaved, Message: m.ID}, gone
}

// greeting is the mailbox's own: the temporary one, the one for busy, the one for no answer,
// or the default one with the owner's recorded name or number.
func (c *Call) greeting(ctx context.Context, box *mailbox.Mailbox, busy bool) ([]Prompt, error) {
	kinds := []string{"temporary", "unavailable"}
	if busy {
		kinds = []string{"temporary", "busy"}
	}
	for _, kind := range kinds {
		clip, err := box.Greeting(ctx, kind)
		if err != nil {
			return nil, fmt.Errorf("read the %s greeting of mailbox %s: %w", kind, box.Number(), err)
		}
		if clip != nil {
			return []Prompt{{Recording: &Recording{Clip: clip}}}, nil
		}
	}
	var greeting []Prompt
	if name, err := box.Greeting(ctx, "name"); err == nil && name != nil {
		greeting = append(greeting, Prompt{Recording: &Recording{Clip: name}})
	} else {
		greeting = append(greeting, Prompt{Name: "vm-theperson"})
		for _, d := range box.Number() {
			greeting = append(greeting, Prompt{Name: "digits/" + string(d)})
		}
	}
	state := "vm-isunavail"
	if busy {
		state = "vm-isonphone"
	}
	return append(greeting, Prompt{Name: state}, Prompt{Name: "vm-intro"}), nil
}
