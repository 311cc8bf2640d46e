package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const (
	recordRate    = 8000 // Hz; what a recorder delivers
	maxRecordTime = time.Hour
)

// Record records the caller, in memory, for an hour at most. What was said before a hang-up is
// returned together with ErrHangup.
func (c *Call) Record(ctx context.Context, o RecordOptions) (*Recording, error) {
	if len(o.Prompt) > 0 {
		if _, err := c.PlayPrompt(ctx, o.Prompt, PlayOptions{Language: o.Language}); err != nil {
			return nil, err
		}
	}
	var sound []int16
	t, err := c.tape(ctx, tapeOptions{
		beep: !o.NoBeep, terminator: o.Terminator,
		silence:   cmp.Or(o.Silence, 5*time.Second),
		maxLength: min(cmp.Or(o.MaxLength, 3*time.Minute), maxRecordTime),
		write:     func(pcm []int16) error { sound = append(sound, pcm...); return nil },
	})
	if t.outcome == "" {
		return nil, err
	}
	sound = sound[:max(0, len(sound)-samples(t.trailing))]
	clip := media.NewClip(recordRate, sound)
	return &Recording{Clip: clip, Outcome: t.outcome, Length: clip.Duration()}, err
}

type tapeOptions struct {
	beep       bool
	terminator string
	silence    time.Duration // negative: none
	maxLength  time.Duration
	write      func(pcm []int16) error
}

// taped is how a recording ended; outcome is empty when it never began.
type taped struct {
	outcome  Outcome
	trailing time.Duration // silence at its end
	err      error         // of write
}

// tape records the caller into o.write until he presses a terminator, falls silent, or hangs up.
// On hang-up it returns both what there is and the error. Keys pressed before the beep do not count.
func (c *Call) tape(ctx context.Context, o tapeOptions) (taped, error) {
	if err := c.Answer(ctx); err != nil {
		return taped{}, err
	}
	defer c.want()()
	if o.beep {
		if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "tone:beep"}}, PlayOptions{}); err != nil {
			return taped{}, err
		}
	}
	c.digits = nil
	left := o.maxLength
	for {
		l, err := c.here(ctx)
		if err != nil {
			return taped{outcome: OutcomeRecorded}, err
		}
		r := c.engine.media.NewRecorder(media.RecordOptions{Write: o.write, Silence: max(o.silence, 0), MaxLength: left, OnDone: c.signal})
		l.media.Record(r)
		c.sound("recording")
		ended, err := c.await(ctx, r.Done(), func() bool { return c.pressedAny(o.terminator) || c.callerLeg() != l })
		r.Stop()
		left -= r.Length()
		if c.Traced() {
			c.sound("recorded", r.Length().Round(100*time.Millisecond).String())
		}
		if err == nil && c.callerLeg() != l && r.Reason() == media.Stopped && left > 0 && ended {
			continue // another has taken his place: what he says belongs to it
		}
		return tapedBy(r), err
	}
}

func tapedBy(r Recorder) taped {
	t := taped{outcome: OutcomeRecorded, trailing: r.TrailingSilence()}
	switch r.Reason() {
	case media.Silent:
		t.outcome = OutcomeSilence
	case media.MaxLength:
		t.outcome = OutcomeMaxLength
	case media.Failed:
		t.outcome = OutcomeFailed
		t.err = fmt.Errorf("record the caller: %w", r.Err())
	}
	return t
}

func samples(d time.Duration) int { return int(d * recordRate / time.Second) }
