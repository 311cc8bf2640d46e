package engine

import (
	"context"

	"github.com/belfry-pbx/belfry/engine/media"
)

// What a caller hears comes in layers, of which the uppermost sounds: a prompt, his own echo,
// his conference, the person he talks to, a phone that is rung and can be heard already, the
// ringing tone, music. Each primitive sets and clears its own layer and never asks for the others.

// layers are those that are not elsewhere in Call: see settle. Call.mu guards them.
type layers struct {
	prompt Player
	echo   bool
	early  *leg
	ring   *loop
	music  *loop
}

// loop is sound that goes on until it is taken away: music, a tone.
type loop struct {
	clips []*media.Clip
	once  bool
}

// player is a new one each time: a player serves one listener, once.
func (e *Engine) player(s *loop) Player {
	return e.media.NewPlayer(s.clips, media.PlayOptions{Loop: !s.once})
}

// settle lets caller and peer hear what they now should. c.mu is held.
func (c *Call) settle() {
	if c.caller == nil {
		if c.peer != nil {
			c.peer.media.Silence()
		}
		return
	}
	l, h := c.caller.media, &c.hears
	switch {
	case h.prompt != nil: // it sounds; play sees to it
	case h.echo:
		l.Echo()
	case c.member != nil && c.member.media != nil: // the mixer is the source already
	case c.peer != nil:
		c.connect()
	case h.early != nil:
		c.engine.media.Bridge(l, h.early.media)
	case h.ring != nil:
		l.Play(c.engine.player(h.ring))
	case h.music != nil:
		l.Play(c.engine.player(h.music))
	default:
		l.Silence()
	}
}

// connect lets caller and peer hear each other, or music while the other is away. c.mu is held.
func (c *Call) connect() {
	callerHolds, peerHolds := c.caller.isHeld(), c.peer.isHeld()
	if !callerHolds && !peerHolds && !c.held {
		c.engine.media.Bridge(c.caller.media, c.peer.media)
		return
	}
	if c.held && c.hears.music != nil {
		c.caller.media.Play(c.engine.player(c.hears.music))
	} else {
		c.engine.hear(c.caller, peerHolds || c.held)
	}
	c.engine.hear(c.peer, callerHolds || c.held)
}

// hear gives a leg the usual music, or silence. An exchange without music is silent on hold.
func (e *Engine) hear(l *leg, music bool) {
	if music {
		if m, err := e.music(""); err == nil {
			l.media.Play(e.player(m))
			return
		}
	}
	l.media.Silence()
}

func (e *Engine) music(name string) (*loop, error) {
	s, err := e.opts.Prompts.Music(name)
	if err != nil {
		return nil, err
	}
	return &loop{clips: s.Clips}, nil
}

// setLayer changes what the caller hears.
func (c *Call) setLayer(change func(h *layers)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.hears)
	c.settle()
}

// beginPrompt lets the caller hear p over all else, within his conference if he is in one.
func (c *Call) beginPrompt(p Player) (to *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hears.prompt = p
	switch {
	case c.member != nil && c.member.media != nil:
		c.member.media.Play(p)
	case c.caller != nil:
		c.caller.media.Play(p)
	}
	return c.caller
}

func (c *Call) endPrompt(p Player) {
	p.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hears.prompt == p {
		c.hears.prompt = nil
		c.settle()
	}
}

// swapPrompt makes p the prompt that other layers give way to. It changes nothing that is heard.
func (c *Call) swapPrompt(p Player) (was Player) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, c.hears.prompt = c.hears.prompt, p
	return was
}

// clips finds the sound of prompts, all of it or none.
func (e *Engine) clips(ctx context.Context, prompts []Prompt, language string) ([]*media.Clip, error) {
	var all []*media.Clip
	for _, p := range prompts {
		if p.Recording != nil {
			if p.Recording.Clip != nil {
				all = append(all, p.Recording.Clip)
			}
			continue
		}
		s, err := e.opts.Prompts.Sound(ctx, p.Name, language)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Clips...)
	}
	return all, nil
}
