package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/trace"
)

type traceCmd struct {
	dataFlag
	ID       string `arg:"" optional:"" help:"The call's id, or its beginning; last: the latest call. Default: list the latest calls."`
	Follow   bool   `short:"f" help:"Tell it while it happens; without an ID the call that began last, or else the next."`
	Messages bool   `short:"m" help:"Show each SIP message whole."`
	Limit    int    `short:"n" default:"20" placeholder:"N" help:"How many calls to list."`
	ASCII    bool   `name:"ascii" help:"Draw with - and > in place of lines and arrows."`
	Width    int    `env:"COLUMNS" default:"120" placeholder:"N" help:"Draw so many columns wide."`
}

// nextCall is how often a call to follow is looked for.
const nextCall = 300 * time.Millisecond

func (k *traceCmd) Run(ctx context.Context, c *console) error {
	switch {
	case k.Limit < 1:
		return usage("", "-n takes a number of calls")
	case k.Follow:
		return k.follow(ctx, c)
	}
	m, done, err := k.open(ctx, c)
	if err != nil {
		return err
	}
	if k.ID == "" {
		calls, err := m.Traces(ctx, k.Limit)
		if err := errors.Join(err, done()); err != nil {
			return err
		}
		return c.answer(orEmpty(calls), func() { listTraces(c, calls) })
	}
	t, err := get(ctx, m, k.ID)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(t, func() { err = trace.Render(c.out, t.Info, t.Steps, k.drawing()) })
}

// get is a call by its id, or the last one.
func get(ctx context.Context, m manage.Manager, id string) (trace.Trace, error) {
	if id == "last" {
		calls, err := m.Traces(ctx, 1)
		if err != nil {
			return trace.Trace{}, err
		}
		if len(calls) > 0 {
			id = calls[0].ID
		}
	}
	return m.Trace(ctx, id)
}

func (k *traceCmd) drawing() trace.RenderOptions {
	return trace.RenderOptions{Width: max(k.Width, 60), ASCII: k.ASCII, Messages: k.Messages}
}

func listTraces(c *console, calls []trace.Info) {
	if len(calls) == 0 {
		c.say("No call is kept: there has been none lately, or settings.lua says trace = false.")
		return
	}
	var rows [][]string
	for _, i := range calls {
		outcome, length := i.Outcome, "-"
		if i.End.IsZero() {
			outcome = "under way"
		} else {
			length = seconds(i.End.Sub(i.Start).Seconds())
		}
		rows = append(rows, []string{i.ID, when(i.Start), dash(i.From), dash(i.To), dash(outcome), length, strconv.Itoa(i.Steps)})
	}
	c.table([]string{"id", "time", "from", "to", "outcome", "length>", "steps>"}, rows)
}

// follow draws a call while it goes on.
func (k *traceCmd) follow(ctx context.Context, c *console) error {
	m, err := k.client(ctx)
	if err != nil {
		return err
	}
	id := k.ID
	if id == "" {
		if id, err = k.await(ctx, c, m); err != nil {
			return err
		}
	}
	t, err := get(ctx, m, id)
	if err != nil {
		return err
	}
	if c.json {
		out := json.NewEncoder(c.out)
		out.SetEscapeHTML(false)
		return k.live(ctx, m, t, func(s trace.Step) error { return out.Encode(s) })
	}
	d := trace.NewDrawing(c.out, t.Info, k.drawing())
	d.See(t.Steps)
	if err := d.Head(); err != nil {
		return err
	}
	return k.live(ctx, m, t, d.Step)
}

// live gives each step as it comes; a call that is long over, all there were.
func (k *traceCmd) live(ctx context.Context, m manage.Manager, t trace.Trace, each func(trace.Step) error) error {
	err := m.FollowTrace(ctx, t.ID, each)
	var e *manage.Error
	if !errors.As(err, &e) || e.Code != manage.NotFound {
		return err
	}
	for _, s := range t.Steps {
		if err := each(s); err != nil {
			return err
		}
	}
	return nil
}

// await is the call under way that began last, or else the next that begins.
func (k *traceCmd) await(ctx context.Context, c *console, m manage.Manager) (string, error) {
	waiting := false
	for {
		calls, err := m.Traces(ctx, 100)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(calls, func(i trace.Info) bool { return i.End.IsZero() }); i >= 0 {
			return calls[i].ID, nil
		}
		if !waiting {
			waiting = true
			c.say("There are no calls now; waiting for one.")
		}
		select {
		case <-time.After(nextCall):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
