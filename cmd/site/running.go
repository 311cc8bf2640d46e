package site

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
	"github.com/belfry-pbx/belfry/scripts/dialtest/live"
)

// Running is an exchange that runs, as a place for the tests of a site.
type Running struct {
	*Live
	m    manage.Manager
	long time.Duration
}

// GoRunning loads a site for tests by telephones of an exchange that runs, each for so long at most. What is wrong with the
// site can be had by Problems.
func GoRunning(ctx context.Context, dir string, m manage.Manager, long time.Duration) (*Running, error) {
	l, err := GoLive(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &Running{l, m, long}, nil
}

// Open makes telephones, for dialtest.Options.
func (r *Running) Open(dialtest.OpenOptions) (dialtest.Exchange, error) {
	return live.Join(remote{r.m, r.long}, r.sounds)
}

// remote is an exchange that runs, for its tests' telephones.
type remote struct {
	m    manage.Manager
	long time.Duration // of a loan
}

func (r remote) Lines(ctx context.Context) ([]string, error) {
	lines, err := r.m.Lines(ctx)
	numbers := make([]string, len(lines))
	for i, l := range lines {
		numbers[i] = l.Number
	}
	return numbers, err
}

func (r remote) Lend(ctx context.Context, line string) (server, user, secret string, err error) {
	c, err := r.m.Lend(ctx, line, r.long)
	return c.Server, c.User, c.Secret, err
}

func (r remote) TakeBack(ctx context.Context, user string) error { return r.m.TakeBack(ctx, user) }

// mostStories is how many of the latest calls are looked through for those of a test.
const mostStories = 50

func (r remote) Stories(ctx context.Context, since time.Time, numbers []string) ([]trace.Trace, error) {
	infos, err := r.m.Traces(ctx, mostStories)
	if err != nil {
		return nil, err
	}
	var all []trace.Trace
	for _, i := range slices.Backward(infos) {
		if i.Start.Before(since) || !slices.Contains(numbers, i.From) {
			continue
		}
		one, err := r.m.Trace(ctx, i.ID)
		var gone *manage.Error
		if errors.As(err, &gone) && gone.Code == manage.NotFound {
			continue
		} else if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
