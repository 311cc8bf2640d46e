package cmd

import (
	"context"
	"strings"

	"github.com/belfry-pbx/belfry/engine/trace"
)

type errorsCmd struct {
	dataFlag
}

func (k *errorsCmd) Run(ctx context.Context, c *console) error {
	m, err := k.client(ctx)
	if err != nil {
		return err
	}
	groups, err := m.Failures(ctx)
	if err != nil {
		return err
	}
	return c.answer(orEmpty(groups), func() {
		if len(groups) == 0 {
			c.say("The dialplan has not failed since the exchange was started.")
		}
		for i, g := range groups {
			if i > 0 {
				c.printf("\n")
			}
			showGroup(c, g)
		}
	})
}

// showGroup prints what was wrong, where, how often, and what the caller heard.
func showGroup(c *console, g trace.Group) {
	if g.Excerpt != "" {
		c.printf("%s\n", strings.TrimRight(g.Excerpt, "\n"))
	} else {
		c.printf("%s: %s\n", g.At, g.Message)
	}
	times := "once"
	if g.Count > 1 {
		times = plural(g.Count, "time") + ", first " + when(g.First)
	}
	c.printf("\n   %s, last %s, in %s\n", times, when(g.Last), g.Extension)
	c.printf("   the caller heard %s\n", g.Heard)
	if len(g.Stack) > 1 {
		c.printf("   on the way: %s\n", strings.Join(g.Stack, " ← "))
	}
	c.printf("   belfry trace %s\n", strings.Join(g.Calls, "   belfry trace "))
}
