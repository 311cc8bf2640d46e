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
	clips, err := c.clips(ctx, prompts, o.Language)
	if err != nil {
		return PlayResult{}, err
	}
	var all []*media.Clip
	for range max(o.Times, 1) {
		all = append(all, clips...)
	}
	return c.play(ctx, media.NewPlayer(all, media.PlayOptions{Volume: o.Volume}), o)
}

// play lets a player sound until it ends or a key ends it.
func (c *Call) play(ctx context.Context, p *media.Player, o PlayOptions) (PlayResult, error) {
	keys := o.Interrupt + o.Back + o.Forward + o.Pause + o.Restart
	if keys != "" {
		c.reading++
		defer func() { c.reading-- }()
	}
	c.setSource(p)
	defer c.restoreSource()
	defer p.Stop()
	result := PlayResult{Outcome: OutcomePlayed}
	paused := false
	skip := o.Skip
	if skip == 0 {
		skip = defaultSkip
	}
	err := c.await(ctx, p.Done(), func() bool {
		for keys != "" {
			key, ok := c.takeDigit()
			switch {
			case !ok:
				return false
			case strings.Contains(o.Interrupt, key):
				result = PlayResult{Outcome: OutcomeInterrupted, Digit: key}
				return true
			case strings.Contains(o.Back, key):
				p.Seek(-skip)
			case strings.Contains(o.Forward, key):
				p.Seek(skip)
			case strings.Contains(o.Restart, key):
				p.Seek(-p.Position())
			case strings.Contains(o.Pause, key):
				if paused = !paused; paused {
					p.Pause()
				} else {
					p.Resume()
				}
			}
		}
		return false
	})
	return result, err
}

// clips finds the sound of prompts, all of it or none.
func (c *Call) clips(ctx context.Context, prompts []Prompt, language string) ([]*media.Clip, error) {
	var all []*media.Clip
	for _, p := range prompts {
		if p.Recording != nil {
			if p.Recording.Clip != nil {
				all = append(all, p.Recording.Clip)
			}
			continue
		}
		s, err := c.engine.opts.Prompts.Sound(ctx, p.Name, language)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Clips...)
	}
	return all, nil
}

// takeDigit takes the oldest key that nobody has read.
func (c *Call) takeDigit() (string, bool) {
	if len(c.digits) == 0 {
		return "", false
	}
	key := c.digits[0]
	c.digits = c.digits[1:]
	return string(key), true
}

// setSource lets the caller hear p, within his conference if he is in one.
func (c *Call) setSource(p *media.Player) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = p
	switch {
	case c.member != nil && c.member.media != nil:
		c.member.media.Play(p)
	case c.caller != nil:
		c.caller.media.Play(p)
	}
}

// restoreSource gives the caller back what he heard before: the person he talks to, or music.
func (c *Call) restoreSource() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = nil
	switch {
	case c.member != nil:
	case c.peer != nil:
		c.join()
	case c.caller != nil && c.music != nil:
		c.source = c.music
		c.caller.media.Play(c.music)
	case c.caller != nil:
		c.caller.media.Silence()
	}
}

// StartMusic plays hold music behind whatever comes, until StopMusic. name "" is the usual music.
func (c *Call) StartMusic(ctx context.Context, name string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	p, err := c.engine.newMusic(name)
	if err != nil {
		return err
	}
	c.music = p
	c.setSource(p)
	return nil
}

// StopMusic ends StartMusic's music or Tone's tone.
func (c *Call) StopMusic(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	if c.music != nil {
		c.music.Stop()
		c.music = nil
	}
	c.restoreSource()
	return nil
}

// Tone sends a tone, "busy" for example, until something else is played or StopMusic. An unanswered
// caller hears it as early media: nobody pays for a busy tone.
func (c *Call) Tone(ctx context.Context, name string) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	s, err := c.engine.opts.Prompts.Sound(ctx, "tone:"+strings.TrimPrefix(name, "tone:"), "")
	if err != nil {
		return err
	}
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	if err := l.earlyMedia(ctx, ""); err != nil {
		return err
	}
	c.music = media.NewPlayer(s.Clips, media.PlayOptions{Loop: s.Loop})
	c.setSource(c.music)
	return nil
}

// Echo sends back what the caller says, for d or until he presses "#" or hangs up.
func (c *Call) Echo(ctx context.Context, d time.Duration) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	c.reading++
	defer func() { c.reading-- }()
	l.media.Echo()
	defer c.restoreSource()
	_, err := c.awaitFor(ctx, d, func() bool {
		key, ok := c.takeDigit()
		return ok && key == "#"
	})
	return err
}

// SendDigits sends keys to the caller's phone or trunk (RFC 4733), 100 ms each.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	return l.media.SendDigits(ctx, digits, 100*time.Millisecond, 100*time.Millisecond)
}

// newMusic is a player of hold music; an exchange without any is silent on hold.
func (e *Engine) newMusic(name string) (*media.Player, error) {
	s, err := e.opts.Prompts.Music(name)
	if err != nil {
		return nil, err
	}
	return media.NewPlayer(s.Clips, media.PlayOptions{Loop: true}), nil
}
