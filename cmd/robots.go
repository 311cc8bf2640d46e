package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// robots are the demo's telephones: one that answers, one that is busy, one that nobody answers.
type robots struct {
	answers, busy, silent string // their numbers; "": the dialplan's lines do not offer one
	media                 *media.Engine
	phones                []*phone.Phone
}

// castRobots chooses who plays what: those who answer or not are persons with voicemail, the
// busy one has none, so that a caller finds it busy.
func (d *demo) castRobots(lines []manage.Line) {
	var persons []string
	for _, l := range lines {
		switch {
		case l.Voicemail && l.Person != "":
			persons = append(persons, l.Number)
		case !l.Voicemail:
			d.robots.busy = l.Number
		}
	}
	if len(persons) > 1 {
		d.robots.silent, d.robots.answers = persons[0], persons[1]
	}
	for i := range d.lines {
		switch d.lines[i].Number {
		case d.robots.answers:
			d.lines[i].Robot = "robot: answers after 2 s, speaks, and echoes"
		case d.robots.silent:
			d.lines[i].Robot = "robot: never answers, so leave a message"
		case d.robots.busy:
			d.lines[i].Robot = "robot: is always busy"
		}
	}
}

// startRobots registers them.
func (d *demo) startRobots(ctx context.Context) (err error) {
	if d.robots.media, err = media.New(media.Options{Shards: 1}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, part := range []struct {
		number string
		does   phone.Handler
	}{
		{d.robots.answers, phone.AnswersAfter(2*time.Second, d.speakAndEcho)},
		{d.robots.busy, phone.IsBusy()},
		{d.robots.silent, phone.RingsForEver()},
	} {
		if part.number == "" {
			continue
		}
		p, err := phone.New(phone.Options{
			Server: d.site.Address(), Number: part.number, Secret: d.secrets[part.number],
			Incoming: part.does, Media: d.robots.media,
		})
		if err != nil {
			return err
		}
		d.robots.phones = append(d.robots.phones, p)
		wg.Go(func() { errs[i] = p.Register(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// speakAndEcho is what the robot does that answers.
func (d *demo) speakAndEcho(ctx context.Context, c *phone.Call) {
	for _, name := range []string{"demo-congrats", "belfry/echo-start"} {
		s, err := d.site.Engine().Prompts().Sound(ctx, name, "")
		if err != nil {
			continue
		}
		for _, clip := range s.Clips {
			if c.Play(ctx, clip) != nil {
				return
			}
		}
	}
	phone.Echoes(ctx, c)
}

// close switches them off; a second one does nothing.
func (r *robots) close() error {
	errs := make([]error, len(r.phones))
	var wg sync.WaitGroup
	for i, p := range r.phones {
		wg.Go(func() {
			if err := p.Close(); err != nil {
				errs[i] = fmt.Errorf("switching robot %s off: %w", p.Number(), err)
			}
		})
	}
	wg.Wait()
	if r.media != nil {
		errs = append(errs, r.media.Close())
	}
	r.phones, r.media = nil, nil
	return errors.Join(errs...)
}
