package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// Keys: those that a telephone presses, and those that the exchange sends to it.

// pressFor is how long the telephone holds a key down.
const pressFor = 100 * time.Millisecond

// press has the telephone press a key, after those that it is pressing. The exchange is told when it is let go.
func (s *session) press(key byte) {
	if s.closed {
		return
	}
	s.presses = append(s.presses, key)
	switch {
	case len(s.presses) > 1:
	case s.pressed == nil:
		s.pressed = s.engine.world.afterFunc(pressFor, s.release)
	default:
		s.pressed.Reset(pressFor)
	}
}

// release ends a press.
func (s *session) release() {
	if len(s.presses) == 0 {
		return
	}
	key := s.presses[0]
	s.presses = slices.Delete(s.presses, 0, 1)
	if len(s.presses) > 0 {
		s.pressed.Reset(pressFor)
	}
	if !s.hears() {
		return
	}
	if s.source == fromPeer && s.peer.sends() && s.peer.format.EventPayloadType != 0 {
		s.peer.keys = append(s.peer.keys, key)
	}
	if s.events.Digit != nil {
		s.events.Digit(media.Digit{Key: key, Duration: pressFor})
	}
}

// heardKeys are the keys that the exchange, or whom it talks to, has sent to the telephone.
func (s *session) heardKeys() string { return string(s.keys) }

const (
	digitKeys    = "0123456789*#ABCD"
	defaultPress = 100 * time.Millisecond
	minPress     = 40 * time.Millisecond // ITU-T Q.24
	maxPress     = 8 * time.Second
	maxDigits    = 256
)

// sendJob is one SendDigits.
type sendJob struct {
	session *session
	keys    []byte // still to be sent
	each    time.Duration
	gap     time.Duration
	timer   *timer
	over    bool
	err     error
	wake    func()
}

// SendDigits implements engine.Session.
func (s *session) SendDigits(ctx context.Context, digits string, each, gap time.Duration) error {
	digits = strings.ToUpper(digits)
	switch bad := strings.Trim(digits, digitKeys); {
	case len(digits) > maxDigits:
		return fmt.Errorf("media: send %d digits: %w: at most %d at a time", len(digits), media.ErrBadDigit, maxDigits)
	case bad != "":
		return fmt.Errorf("media: send digits %q: %w", digits, media.ErrBadDigit)
	case s.closed:
		return media.ErrClosed
	case s.format.EventPayloadType == 0:
		return media.ErrNoEvents
	case !s.format.Send:
		return media.ErrNotSending
	case digits == "":
		return nil
	}
	place := s.engine.world.NewWaiter()
	job := &sendJob{session: s, keys: []byte(digits), each: pressLength(each), gap: pressLength(gap), wake: place.Wake}
	if s.sending = append(s.sending, job); len(s.sending) == 1 {
		job.begin()
	}
	for !job.over && ctx.Err() == nil {
		place.Wait(ctx, ctx)
	}
	if !job.over {
		job.next(nil)
		return fmt.Errorf("media: send digits: %w", context.Cause(ctx))
	}
	return job.err
}

func pressLength(d time.Duration) time.Duration {
	if d <= 0 {
		d = defaultPress
	}
	return min(max(d, minPress), maxPress)
}

func (j *sendJob) begin() { j.timer = j.session.engine.world.afterFunc(j.each, j.sent) }

// sent has the telephone hear a key, which has been let go.
func (j *sendJob) sent() {
	if !j.session.sends() || j.session.format.EventPayloadType == 0 { // a re-INVITE came between
		j.next(media.ErrNotSending)
		return
	}
	j.session.keys = append(j.session.keys, j.keys[0])
	j.keys = j.keys[1:]
	j.timer = j.session.engine.world.afterFunc(j.gap, func() {
		if len(j.keys) == 0 {
			j.next(nil)
			return
		}
		j.begin()
	})
}

// next ends the job; the one after it begins.
func (j *sendJob) next(err error) {
	s := j.session
	first := len(s.sending) > 0 && s.sending[0] == j
	s.sending = slices.DeleteFunc(s.sending, func(other *sendJob) bool { return other == j })
	j.end(err)
	if first && len(s.sending) > 0 {
		s.sending[0].begin()
	}
}

func (j *sendJob) end(err error) {
	if j.timer != nil {
		j.timer.Stop()
	}
	j.over, j.err = true, err
	j.wake()
}
