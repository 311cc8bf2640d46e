package engine

import (
	"context"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const (
	maxDigits   = 64              // typed ahead and not yet read
	defaultSkip = 3 * time.Second // of Back and Forward
)

// PlayPrompt lets the caller hear prompts in a row. It answers the call first. A tone
// sounds for one turn of its cadence; ask for more with Times. A prompt that does not
// exist is prompt.ErrNoPrompt, and nothing is played.
func (c *Call) PlayPrompt(ctx context.Context, prompts []Prompt, o PlayOptions) (PlayResult, error) {
	if err := c.Answer(ctx); err != nil {
		return PlayResult{}, err
	}
	clips, err := c.engine.clips(ctx, prompts, o.Language)
	if err != nil {
		return PlayResult{}, err
	}
	var all []*media.Clip
	for range max(o.Times, 1) {
		all = append(all, clips...)
	}
	if c.Traced() {
		c.sound("playing", promptNames(prompts)...)
	}
	return c.play(ctx, all, o)
}

// announce is PlayPrompt without answering. Who offered no sound yet hears nothing.
func (c *Call) announce(ctx context.Context, prompts []Prompt) error {
	clips, err := c.engine.clips(ctx, prompts, "")
	if err != nil {
		return err
	}
	l, err := c.here(ctx)
	if err != nil {
		return err
	}
	if err := l.earlyMedia(ctx, nil); err != nil {
		return c.unless(ctx, l, err)
	}
	if !l.early() && !l.isAnswered() {
		return nil
	}
	if c.Traced() {
		c.sound("playing before the answer", promptNames(prompts)...)
	}
	_, err = c.play(ctx, clips, PlayOptions{})
	return err
}

// play lets clips sound until they end or a key ends them. What is broken off, because a function
// registered with On lets the caller hear something or because he is transferred, goes on where it was.
func (c *Call) play(ctx context.Context, clips []*media.Clip, o PlayOptions) (PlayResult, error) {
	k := playKeys{PlayOptions: o, wanted: o.Interrupt + o.Back + o.Forward + o.Pause + o.Restart}
	if k.wanted != "" {
		defer c.want()()
	}
	at := time.Duration(0)
	for {
		if _, err := c.here(ctx); err != nil {
			return PlayResult{}, err
		}
		p := c.engine.media.NewPlayer(clips, media.PlayOptions{Volume: o.Volume, Start: at, OnDone: c.signal})
		if k.paused {
			p.Pause()
		}
		told, to := c.told, c.beginPrompt(p)
		interrupted, err := c.await(ctx, p.Done(), func() bool { return k.press(c, p) })
		at = p.Position()
		finished := p.Finished()
		c.endPrompt(p)
		switch {
		case err != nil:
			return PlayResult{}, err
		case interrupted:
			return PlayResult{Outcome: OutcomeInterrupted, Digit: k.interrupt}, nil
		case finished, told == c.told && to == c.callerLeg():
			return PlayResult{Outcome: OutcomePlayed}, nil
		}
	}
}

// playKeys does what keys say while something is played.
type playKeys struct {
	PlayOptions
	wanted    string
	interrupt string // the key that ended it
	paused    bool
}

// press tells whether a key ends p.
func (k *playKeys) press(c *Call, p Player) bool {
	skip := k.Skip
	if skip == 0 {
		skip = defaultSkip
	}
	for k.wanted != "" {
		key, ok := c.takeDigit()
		switch {
		case !ok:
			return false
		case strings.Contains(k.Interrupt, key):
			k.interrupt = key
			return true
		case strings.Contains(k.Back, key):
			p.Seek(-skip)
		case strings.Contains(k.Forward, key):
			p.Seek(skip)
		case strings.Contains(k.Restart, key):
			p.Seek(-p.Position())
		case strings.Contains(k.Pause, key):
			if k.paused = !k.paused; k.paused {
				p.Pause()
			} else {
				p.Resume()
			}
		}
	}
	return false
}

// StartMusic plays hold music behind whatever comes, until StopMusic. name "" is the usual music.
func (c *Call) StartMusic(ctx context.Context, name string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	m, err := c.engine.music(name)
	if err != nil {
		return err
	}
	c.sound("music", name)
	c.setLayer(func(h *layers) { h.music = m })
	return nil
}

// StopMusic ends StartMusic's music or Tone's tone.
func (c *Call) StopMusic(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.setLayer(func(h *layers) { h.music = nil })
	return nil
}

// Tone sends a tone, "busy" for example, until something else is played or StopMusic. An unanswered
// caller hears it as early media: nobody pays for a busy tone.
func (c *Call) Tone(ctx context.Context, name string) error {
	l, err := c.here(ctx)
	if err != nil {
		return err
	}
	s, err := c.engine.opts.Prompts.Sound(ctx, "tone:"+strings.TrimPrefix(name, "tone:"), "")
	if err != nil {
		return err
	}
	if err := l.earlyMedia(ctx, nil); err != nil {
		return c.unless(ctx, l, err)
	}
	c.sound("tone", name)
	c.setLayer(func(h *layers) { h.music = &loop{clips: s.Clips, once: !s.Loop} })
	return nil
}

// Echo sends back what the caller says, for d or until he presses "#" or hangs up.
func (c *Call) Echo(ctx context.Context, d time.Duration) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	defer c.want()()
	c.sound("echo")
	c.setLayer(func(h *layers) { h.echo = true })
	defer c.setLayer(func(h *layers) { h.echo = false })
	_, err := c.awaitFor(ctx, d, func() bool { return c.pressedAny("#") })
	return err
}

// pressedAny drops what was pressed, up to the first of some keys; it tells whether there was one.
func (c *Call) pressedAny(of string) bool {
	for {
		key, ok := c.takeDigit()
		if !ok {
			return false
		}
		if strings.Contains(of, key) {
			return true
		}
	}
}

// SendDigits sends keys to the caller's phone or trunk (RFC 4733), 100 ms each.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	l, err := c.here(ctx)
	if err != nil {
		return err
	}
	c.sound("sending keys")
	return c.unless(ctx, l, l.media.SendDigits(ctx, digits, 100*time.Millisecond, 100*time.Millisecond))
}
