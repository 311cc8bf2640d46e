package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Bridge calls targets, joins the first that answers to the caller, and returns when
// either hangs up. A target is "77513" (the phones of a line), "trunk:NAME/NUMBER" or
// "sip:user@host". When the caller hangs up it returns ErrHangup, as every primitive does.
func (c *Call) Bridge(ctx context.Context, targets []string, o BridgeOptions) (BridgeResult, error) {
	if err := c.over(ctx); err != nil {
		return BridgeResult{}, err
	}
	peer, outcome, err := c.find(ctx, targets, o)
	if err != nil || peer == nil {
		return BridgeResult{Outcome: outcome}, err
	}
	talked, err := c.talk(ctx, peer, o.Limit)
	return BridgeResult{Outcome: OutcomeAnswered, By: peer.target, Talked: talked}, err
}

// find rings targets until somebody answers.
func (c *Call) find(ctx context.Context, targets []string, o BridgeOptions) (*leg, Outcome, error) {
	switch o.Strategy {
	case "", Simultaneous:
		return c.ringAll(ctx, targets, cmp.Or(o.Timeout, 25*time.Second), o)
	case Sequential:
	default:
		return nil, "", fmt.Errorf("bridge: no strategy %q", o.Strategy)
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = clock.WithTimeout(ctx, c.engine.clock, o.Timeout)
		defer cancel()
	}
	best := OutcomeUnreachable
	for _, target := range targets {
		peer, outcome, err := c.ringAll(ctx, []string{target}, cmp.Or(o.RingFor, 15*time.Second), o)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, OutcomeNoAnswer, nil
		}
		if err != nil || peer != nil {
			return peer, outcome, err
		}
		best = worse(best, outcome)
	}
	return nil, best, nil
}

// ringAll rings targets at once.
func (c *Call) ringAll(ctx context.Context, targets []string, timeout time.Duration, o BridgeOptions) (*leg, Outcome, error) {
	r := c.newRinging(targets, o)
	defer r.stop()
	if err := c.ringback(ctx, o); err != nil {
		return nil, "", err
	}
	defer c.restoreSource()
	best, waiting := OutcomeUnreachable, r.count
	told := map[string]bool{} // targets that ring, told once however many phones they have
	rings := func(p progress) {
		if !told[p.leg.target] {
			told[p.leg.target] = true
			c.tell("ringing", "target", p.leg.target)
		}
	}
	expired := make(chan struct{})
	t := c.engine.clock.AfterFunc(timeout, func() { close(expired) })
	defer t.Stop()
	for waiting > 0 {
		if err := c.over(ctx); err != nil {
			return nil, OutcomeCancelled, err
		}
		select {
		case a := <-r.ended:
			waiting--
			if a.leg == nil {
				best = worse(best, a.outcome)
				continue
			}
			if err := c.answer(ctx, a.leg.codec()); err != nil {
				a.leg.hangup()
				return nil, OutcomeCancelled, err
			}
			c.noteAnswer(a.leg)
			for len(r.progress) > 0 { // what rang before the answer
				rings(<-r.progress)
			}
			c.tell("answered", "by", a.leg.target)
			return a.leg, OutcomeAnswered, nil
		case p := <-r.progress:
			rings(p)
			if err := c.showProgress(ctx, p, r.count == 1); err != nil {
				return nil, OutcomeCancelled, err
			}
		case <-expired:
			return nil, OutcomeNoAnswer, nil
		case fn := <-c.events:
			fn()
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
	}
	return nil, best, nil
}

// ringback is what a caller hears at once: one who is answered hears it as sound, any other rings when a phone does.
func (c *Call) ringback(ctx context.Context, o BridgeOptions) error {
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	prompts := o.Ringback
	if prompts == nil {
		if !l.isAnswered() {
			return nil
		}
		prompts = []Prompt{{Name: "tone:ringing"}}
	}
	if err := l.earlyMedia(ctx, ""); err != nil {
		return err
	}
	clips, err := c.clips(ctx, prompts, o.Language)
	if err != nil {
		return err
	}
	c.setSource(media.NewPlayer(clips, media.PlayOptions{Loop: true}))
	return nil
}

// showProgress passes on what a called phone says before it answers. What a single
// target lets us hear (an announcement of the network) the caller hears.
func (c *Call) showProgress(ctx context.Context, p progress, single bool) error {
	l := c.callerLeg()
	if l == nil {
		return ErrRedirected
	}
	if !p.early || !single || l.isAnswered() {
		return c.Ring(ctx)
	}
	if err := l.earlyMedia(ctx, p.leg.codec()); err != nil {
		return err
	}
	media.Bridge(l.media, p.leg.media)
	return nil
}

// talk joins caller and peer until one hangs up, the time is up, or the conversation moves elsewhere.
func (c *Call) talk(ctx context.Context, peer *leg, limit time.Duration) (time.Duration, error) {
	peer.give(c)
	c.mu.Lock()
	c.peer = peer
	if peer.sip.Context().Err() != nil {
		c.peer = nil
	}
	c.join()
	c.mu.Unlock()
	defer c.part()
	begun := c.engine.clock.Now()
	expired := make(chan struct{})
	if limit > 0 {
		t := c.engine.clock.AfterFunc(limit, func() { close(expired) })
		defer t.Stop()
	}
	for {
		if err := c.over(ctx); err != nil {
			return c.engine.clock.Now().Sub(begun), err
		}
		if !c.talking() {
			return c.engine.clock.Now().Sub(begun), nil
		}
		select {
		case <-c.changed:
		case fn := <-c.events:
			fn()
		case <-expired:
			c.tell("the time for this conversation is up", "limit", limit)
			return limit, nil
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
	}
}

// talking tells whether there is somebody to talk to, or a transfer that may yet come back.
func (c *Call) talking() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer != nil || c.transfer != nil
}

// part ends the bridge: whoever is still there goes.
func (c *Call) part() {
	c.mu.Lock()
	peer := c.peer
	c.peer = nil
	if c.caller != nil {
		c.caller.media.Silence()
	}
	c.mu.Unlock()
	if peer != nil {
		peer.dismiss()
	}
}

// join lets caller and peer hear each other, or music while the other is away. c.mu is held.
func (c *Call) join() {
	if c.caller == nil || c.peer == nil {
		return
	}
	callerHolds, peerHolds := c.caller.isHeld(), c.peer.isHeld()
	if !callerHolds && !peerHolds && !c.held {
		media.Bridge(c.caller.media, c.peer.media)
		return
	}
	c.engine.hear(c.caller, peerHolds || c.held)
	c.engine.hear(c.peer, callerHolds || c.held)
}

// hear gives a leg music or silence.
func (e *Engine) hear(l *leg, music bool) {
	if music {
		if p, err := e.newMusic(""); err == nil {
			l.media.Play(p)
			return
		}
	}
	l.media.Silence()
}

// holdChanged is told when a phone puts the other side on hold or retrieves it (RFC 3264 section 8.4).
func (c *Call) holdChanged(l *leg, held bool) {
	c.mu.Lock()
	c.join()
	if c.peer != nil && c.state != StateEnded {
		c.state = StateAnswered
		if c.peer.isHeld() {
			c.state = StateHeld
		}
	}
	byPeer := l == c.peer
	c.mu.Unlock()
	if byPeer {
		name := "unheld"
		if held {
			name = "held"
		}
		c.post(func() { c.emit(Event{Name: name}) })
	}
}

func (l *leg) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *leg) codec() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.agreed.Codec.Name
}

// Hold puts the caller on hold: he hears music, and his words go nowhere. music "" is the usual music.
func (c *Call) Hold(ctx context.Context, music string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	p, err := c.engine.newMusic(music)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.held, c.state = true, StateHeld
	if c.peer != nil {
		c.join()
	}
	c.mu.Unlock()
	c.music = p
	c.setSource(p)
	return nil
}

// Unhold takes the caller off hold.
func (c *Call) Unhold(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	c.held, c.state = false, StateAnswered
	c.mu.Unlock()
	return c.StopMusic(ctx)
}

// worse ranks how an attempt failed: what happened at a phone says more than that there was none.
func worse(a, b Outcome) Outcome {
	if outcomeRank[b] > outcomeRank[a] {
		return b
	}
	return a
}

var outcomeRank = map[Outcome]int{
	OutcomeUnreachable: 0, OutcomeCancelled: 1, OutcomeCongested: 2, OutcomeBusy: 3, OutcomeRejected: 4, OutcomeNoAnswer: 5,
}

// outcomeOf reads a final response (RFC 3261 section 21).
func outcomeOf(err error, rang bool) Outcome {
	var status *sip.StatusError
	if !errors.As(err, &status) {
		if rang {
			return OutcomeNoAnswer
		}
		return OutcomeUnreachable
	}
	switch code := status.Code; {
	case code == 486, code == 600:
		return OutcomeBusy
	case code == 403, code == 603, code == 607:
		return OutcomeRejected
	case code == 408 && rang, code == 480 && rang:
		return OutcomeNoAnswer
	case code == 487:
		return OutcomeCancelled
	case code >= 500 && code < 600:
		return OutcomeCongested
	}
	return OutcomeUnreachable
}
