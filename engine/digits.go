package engine

import (
	"cmp"
	"context"
	"strings"
	"time"
)

const defaultBetween = 3 * time.Second

// ReadDigits asks for a number. Keys pressed before it began, or during the prompt, count.
func (c *Call) ReadDigits(ctx context.Context, o ReadDigitsOptions) (DigitsResult, error) {
	if err := c.Answer(ctx); err != nil {
		return DigitsResult{}, err
	}
	defer c.want()()
	if o.Secret {
		c.secret++
		defer func() { c.secret-- }()
	}
	result := DigitsResult{}
	for try := range max(o.Tries, 1) {
		if try > 0 && len(o.Invalid) > 0 {
			if _, err := c.PlayPrompt(ctx, o.Invalid, PlayOptions{Language: o.Language}); err != nil {
				return DigitsResult{}, err
			}
		}
		var err error
		if result, err = c.readOnce(ctx, o); err != nil {
			return result, err
		}
		c.showDigits(result, o.Secret)
		if result.Outcome == OutcomeDigits {
			return result, nil
		}
	}
	return result, nil
}

func (c *Call) readOnce(ctx context.Context, o ReadDigitsOptions) (DigitsResult, error) {
	limit := cmp.Or(o.Max, 32)
	first := ""
	if len(o.Prompt) > 0 {
		r, err := c.PlayPrompt(ctx, o.Prompt, PlayOptions{Interrupt: AnyKey, Language: o.Language})
		if err != nil {
			return DigitsResult{}, err
		}
		first = r.Digit
	}
	var digits strings.Builder
	ended := false
	add := func(key string) {
		if strings.Contains(o.Terminator, key) {
			ended = true
			return
		}
		digits.WriteString(key)
	}
	if first != "" {
		add(first)
	}
	wait := cmp.Or(o.Timeout, 5*time.Second)
	for !ended && digits.Len() < limit {
		if digits.Len() > 0 {
			wait = cmp.Or(o.Between, defaultBetween)
		}
		key := ""
		pressed, err := c.awaitFor(ctx, wait, func() (ok bool) {
			key, ok = c.takeDigit()
			return ok
		})
		if err != nil {
			return DigitsResult{}, err
		}
		if !pressed {
			break
		}
		add(key)
	}
	if !ended && digits.Len() == limit {
		c.dropTerminator(o)
	}
	switch {
	case digits.Len() == 0 && !ended:
		return DigitsResult{Outcome: OutcomeTimeout}, nil
	case digits.Len() < o.Min:
		return DigitsResult{Outcome: OutcomeInvalid, Digits: digits.String()}, nil
	}
	return DigitsResult{Outcome: OutcomeDigits, Digits: digits.String()}, nil
}

// dropTerminator forgets the key that would end a number: who was told "followed by hash" presses
// it though all digits are there. It may be here already, or come within the time between digits.
func (c *Call) dropTerminator(o ReadDigitsOptions) {
	switch {
	case o.Terminator == "":
	case len(c.digits) == 0:
		c.swallow = o.Terminator[0]
		c.swallowUntil = c.engine.clock.Now().Add(cmp.Or(o.Between, defaultBetween))
	case strings.IndexByte(o.Terminator, c.digits[0]) >= 0:
		c.digits = c.digits[1:]
	}
}
