package engine

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// ReadDigits asks for a number. Keys pressed before it began, or during the prompt, count.
func (c *Call) ReadDigits(ctx context.Context, o ReadDigitsOptions) (DigitsResult, error) {
	if err := c.Answer(ctx); err != nil {
		return DigitsResult{}, err
	}
	c.reading++
	defer func() { c.reading-- }()
	result := DigitsResult{}
	for try := range max(o.Tries, 1) {
		if try > 0 && len(o.Invalid) > 0 {
			if _, err := c.PlayPrompt(ctx, o.Invalid, PlayOptions{Language: o.Language}); err != nil {
				return DigitsResult{}, err
			}
		}
		var err error
		if result, err = c.readOnce(ctx, o); err != nil || result.Outcome == OutcomeDigits {
			return result, err
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
			wait = cmp.Or(o.Between, 3*time.Second)
		}
		key := ""
		timeout, err := c.awaitFor(ctx, wait, func() bool {
			if key == "" {
				key, _ = c.takeDigit()
			}
			return key != ""
		})
		if err != nil {
			return DigitsResult{}, err
		}
		if timeout {
			break
		}
		add(key)
	}
	if !ended && digits.Len() == limit && o.Terminator != "" && len(c.digits) == 0 {
		c.swallow = o.Terminator[0] // who was told "followed by hash" presses it though all digits are there
	} else if !ended && digits.Len() == limit && len(c.digits) > 0 && strings.IndexByte(o.Terminator, c.digits[0]) >= 0 {
		c.digits = c.digits[1:]
	}
	switch {
	case digits.Len() == 0 && !ended:
		return DigitsResult{Outcome: OutcomeTimeout}, nil
	case digits.Len() < o.Min:
		return DigitsResult{Outcome: OutcomeInvalid, Digits: digits.String()}, nil
	}
	return DigitsResult{Outcome: OutcomeDigits, Digits: digits.String()}, nil
}
