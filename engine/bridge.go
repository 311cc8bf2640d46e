package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultTimeout = 25 * time.Second
	defaultRingFor = 15 * time.Second
)

// errInRoom says that a caller in a conference can talk to nobody else.
var errInRoom = errors.New("the caller is in a conference")

// Bridge calls targets, joins the first that answers to the caller, and returns when
// either hangs up. A target is "77513" (the phones of a line), "trunk:NAME/NUMBER" or
// "sip:user@host". When the caller hangs up it returns ErrHangup, as every primitive does.
// A Bridge within another, from a function registered with On, keeps the first peer on hold.
func (c *Call) Bridge(ctx context.Context, targets []string, o BridgeOptions) (BridgeResult, error) {
	if err := c.over(ctx); err != nil {
		return BridgeResult{}, err
	}
	if c.inConference() != nil {
		return BridgeResult{}, fmt.Errorf("bridge: %w", errInRoom)
	}
	defer c.park()()
	var peer *leg
	var outcome Outcome
	var err error
	var begun time.Time
	c.engine.work.Do(func() { // what follows is all that waits as long as they talk
		if peer, outcome, err = c.find(ctx, targets, o); peer != nil {
			begun = c.join(peer)
		}
	})
	if err == nil && peer == nil {
		c.detail("nobody has answered:", slog.String("outcome", string(outcome)))
	}
	if err != nil || peer == nil {
		return BridgeResult{Outcome: outcome}, err
	}
	defer c.part()
	err = c.talk(ctx, o.Limit)
	return BridgeResult{Outcome: OutcomeAnswered, By: peer.target, Talked: c.engine.clock.Now().Sub(begun)}, err
}

// find rings targets until somebody answers.
func (c *Call) find(ctx context.Context, targets []string, o BridgeOptions) (*leg, Outcome, error) {
	switch o.Strategy {
	case "", Simultaneous:
		return c.ringAll(ctx, targets, cmp.Or(o.Timeout, defaultTimeout), o)
	case Sequential:
	default:
		return nil, "", fmt.Errorf("bridge: no strategy %q", o.Strategy)
	}
	begun := c.engine.clock.Now()
	best := OutcomeUnreachable
	for _, target := range targets {
		ringFor := cmp.Or(o.RingFor, defaultRingFor)
		if o.Timeout > 0 {
			ringFor = min(ringFor, o.Timeout-c.engine.clock.Now().Sub(begun))
		}
		if ringFor <= 0 {
			break
		}
		peer, outcome, err := c.ringAll(ctx, []string{target}, ringFor, o)
		if err != nil || peer != nil {
			return peer, outcome, err
		}
		best = worse(best, outcome)
	}
	return nil, best, nil
}

// ringAll rings targets at once.
func (c *Call) ringAll(ctx context.Context, targets []string, timeout time.Duration, o BridgeOptions) (*leg, Outcome, error) {
	near, err := c.here(ctx)
	if err != nil {
		return nil, OutcomeCancelled, err
	}
	if o.Ringback != nil { // he hears it before anybody answers: his codec is settled first, and then offered
		if err := near.earlyMedia(ctx, nil); err != nil {
			return nil, OutcomeCancelled, c.unless(ctx, near, err)
		}
	}
	r := c.newRinging(near, targets, o)
	defer r.stop()
	defer c.setLayer(func(h *layers) { h.early, h.ring = nil, nil })
	var heard *leg            // who hears it ring
	rang := map[string]bool{} // targets, told of once however many phones they have
	told := c.told            // what he heard since of functions registered with On took the place of the ringing
	best, waiting, late := OutcomeUnreachable, r.count, false
	expired, stop := c.after(timeout)
	defer stop()
	for waiting > 0 {
		l, err := c.here(ctx)
		if err == nil && (l != heard || told != c.told) { // an attended transfer may put another in his place
			heard, told, err = l, c.told, c.ringback(ctx, l, o)
		}
		if err != nil {
			return nil, OutcomeCancelled, err
		}
		if late && r.confirming.Load() == 0 {
			return nil, OutcomeNoAnswer, nil
		}
		n, some := r.next()
		switch {
		case !some && c.happened():
		case !some && !late && closed(expired):
			late = true // who has answered already may still say that he takes it
		case !some:
			c.waiting.Wait(ctx, c.ctx)
		case !n.final:
			if !rang[n.leg.target] {
				rang[n.leg.target] = true
				c.detail("ringing", slog.String("target", n.leg.target))
			}
			if err := c.showProgress(ctx, l, n, r); err != nil {
				return nil, OutcomeCancelled, err
			}
		case n.leg == nil:
			waiting--
			best = worse(best, n.outcome)
		default:
			c.seat(n.leg)
			if err := c.answer(ctx, n.leg); err != nil {
				c.part()
				return nil, OutcomeCancelled, err
			}
			r.win()
			c.detail("answered", slog.String("by", n.leg.target))
			return n.leg, OutcomeAnswered, nil
		}
	}
	return nil, best, nil
}

// ringback is what a caller hears at once: one who can hear already hears it as sound, any other
// hears his phone ring when the called one does.
func (c *Call) ringback(ctx context.Context, l *leg, o BridgeOptions) error {
	prompts := o.Ringback
	if prompts == nil {
		if !l.isAnswered() && !l.early() {
			return nil
		}
		prompts = []Prompt{{Name: "tone:ringing"}}
	}
	if err := l.earlyMedia(ctx, nil); err != nil {
		return c.unless(ctx, l, err)
	}
	clips, err := c.engine.clips(ctx, prompts, o.Language)
	if err != nil {
		return err
	}
	c.setLayer(func(h *layers) { h.ring = &loop{clips: clips} })
	return nil
}

// showProgress passes on what a called phone says before it answers. What a single
// target lets us hear (an announcement of the network) the caller hears, unless the
// dialplan has him hear something else.
func (c *Call) showProgress(ctx context.Context, l *leg, p news, r *ringing) error {
	if !p.early || r.count > 1 || r.opts.Ringback != nil {
		return c.Ring(ctx)
	}
	if err := l.earlyMedia(ctx, p.leg); err != nil {
		return c.unless(ctx, l, err)
	}
	c.setLayer(func(h *layers) { h.early = p.leg })
	return nil
}

// seat makes a leg that has answered the caller's peer, before the caller is answered: as soon as the two hear each other,
// either may transfer.
func (c *Call) seat(peer *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer = peer
	peer.give(c)
}

// join begins the conversation of the caller and a peer that is still there; part ends it.
func (c *Call) join(peer *leg) (begun time.Time) {
	begun = c.engine.clock.Now()
	c.mu.Lock()
	if c.peer == peer {
		c.noteTalk(peer)
		c.settle()
	}
	how := c.sounds()
	c.mu.Unlock()
	if c.Traced() {
		c.sound("they hear each other:", string(how))
	}
	c.adopted(peer)
	return begun
}

// talk waits until caller or peer hangs up, the time is up, or the conversation moves elsewhere.
func (c *Call) talk(ctx context.Context, limit time.Duration) error {
	var expired <-chan struct{}
	if limit > 0 {
		var stop func()
		expired, stop = c.after(limit)
		defer stop()
	}
	apart, err := c.await(ctx, expired, func() bool { return !c.talking() })
	if !apart && err == nil {
		c.tell("the time for this conversation is up", "limit", limit)
	}
	return err
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
	c.peerGone()
	c.endTalk()
	c.settle()
	c.mu.Unlock()
	if peer != nil {
		peer.dismiss(c)
	}
}

// peerGone leaves the caller without a peer. What is recorded from now on is the caller. c.mu is held.
func (c *Call) peerGone() {
	if c.peer != nil && c.caller != nil && c.recording.isAt(c.peer) {
		c.recording.follow(c.caller, true)
	}
	c.peer = nil
}

// park has the peer, if there is one, wait with music until the function that it returns is called.
func (c *Call) park() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	parked := c.peer
	if parked == nil {
		return func() {}
	}
	c.peer = nil
	c.engine.hear(parked, true)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if parked.owner() == c {
			c.peer = parked
		}
		c.settle()
		c.signal()
	}
}

// holdChanged is told when a phone puts the other side on hold or retrieves it (RFC 3264 section 8.4).
func (c *Call) holdChanged(l *leg, held bool) {
	c.mu.Lock()
	byPeer := l == c.peer
	if c.peer != nil {
		c.settle()
		if byPeer && c.state != StateEnded {
			c.state = StateAnswered
			if held || c.held {
				c.state = StateHeld
			}
		}
	}
	c.mu.Unlock()
	name := "unheld"
	if held {
		name = "held"
	}
	c.traceParty(l, name+" by ", "")
	if byPeer {
		c.post(func() { c.emit(Event{Name: name}) })
	}
}

// Hold puts the caller on hold: he hears music, and his words go nowhere. music "" is the usual
// music, or silence where there is none.
func (c *Call) Hold(ctx context.Context, music string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	m, err := c.engine.music(music)
	if err != nil && music != "" {
		return err
	}
	c.sound("held by the exchange, music", music)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.state = true, StateHeld
	c.hears.music = m
	c.settle()
	return nil
}

// Unhold takes the caller off hold.
func (c *Call) Unhold(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.held, c.state = false, StateAnswered
	}
	c.hears.music = nil
	c.settle()
	return nil
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
