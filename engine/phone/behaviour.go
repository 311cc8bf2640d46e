package phone

import (
	"context"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Handler is what a phone does with a call that comes in. The call ends when it returns;
// ctx ends when the caller is gone.
type Handler func(ctx context.Context, c *Call)

// AnswersAfter rings for d, answers, and then does what then says; nil: it listens in
// silence until the other side hangs up.
func AnswersAfter(d time.Duration, then Handler) Handler {
	return func(ctx context.Context, c *Call) {
		if c.Ring(ctx) != nil {
			return
		}
		if d > 0 && clock.Sleep(ctx, c.phone.clock, d) != nil {
			return
		}
		if err := c.Answer(ctx); err != nil {
			c.phone.log.Warn("answering", "error", err)
			return
		}
		if then != nil {
			then(ctx, c)
			return
		}
		<-ctx.Done()
	}
}

// IsBusy refuses with 486.
func IsBusy() Handler { return rejects(486) }

// Rejects refuses with 603.
func Rejects() Handler { return rejects(603) }

func rejects(code int) Handler {
	return func(_ context.Context, c *Call) {
		if err := c.Reject(code); err != nil {
			c.phone.log.Warn("rejecting", "error", err)
		}
	}
}

// RingsForEver rings until the caller gives up.
func RingsForEver() Handler {
	return func(ctx context.Context, c *Call) {
		if c.Ring(ctx) == nil {
			<-ctx.Done()
		}
	}
}

// Echoes sends back what it hears until the other side hangs up; for AnswersAfter.
func Echoes(ctx context.Context, c *Call) {
	c.Echo()
	<-ctx.Done()
}
