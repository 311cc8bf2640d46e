package engine

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const recordRate = 8000 // Hz; what a recorder delivers

// Record records the caller, in memory. What was said before a hang-up is returned together with ErrHangup.
func (c *Call) Record(ctx context.Context, o RecordOptions) (*Recording, error) {
	if len(o.Prompt) > 0 {
		if _, err := c.PlayPrompt(ctx, o.Prompt, PlayOptions{Language: o.Language}); err != nil {
			return nil, err
		}
	}
	var sound []int16
	silence := cmp.Or(o.Silence, 5*time.Second)
	t, err := c.tape(ctx, tapeOptions{
		beep: !o.NoBeep, terminator: o.Terminator, silence: silence, maxLength: cmp.Or(o.MaxLength, 3*time.Minute),
		write: func(pcm []int16) error { sound = append(sound, pcm...); return nil },
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
// On hang-up it returns both what there is and the error.
func (c *Call) tape(ctx context.Context, o tapeOptions) (taped, error) {
	if err := c.Answer(ctx); err != nil {
		return taped{}, err
	}
	if o.beep {
		if _, err := c.PlayPrompt(ctx, []Prompt{{Name: "tone:beep"}}, PlayOptions{}); err != nil {
			return taped{}, err
		}
	}
	l := c.callerLeg()
	if l == nil {
		return taped{}, ErrRedirected
	}
	c.reading++
	defer func() { c.reading-- }()
	r := media.NewRecorder(media.RecordOptions{Write: o.write, Silence: max(o.silence, 0), MaxLength: o.maxLength})
	l.media.Record(r)
	err := c.await(ctx, r.Done(), func() bool {
		key, ok := c.takeDigit()
		return ok && strings.Contains(o.terminator, key)
	})
	l.media.StopRecord(r)
	r.Stop()
	<-r.Done()
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
	return t, err
}

func samples(d time.Duration) int { return int(d * recordRate / time.Second) }
