package sim

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const (
	writeEvery = 5 * time.Second // as long as a real recorder keeps for a slow disk
	quietest   = -45.0           // dBFS: media.RecordOptions.Threshold, if it is 0
)

// recorder takes down what the telephone of a session says: a voice that sounds the same always, and zeros.
type recorder struct {
	opts   media.RecordOptions
	done   chan struct{}
	from   *session // nil: it does not hear any
	begun  bool
	over   bool
	reason media.StopReason
	err    error

	out   writer
	loud  bool   // what has been heard since the last note is a voice
	quiet int64  // samples of silence at the end
	timer *timer // when there is an end, or something to be written
}

func newRecorder(w *World, o media.RecordOptions) *recorder {
	return &recorder{opts: o, done: make(chan struct{}), out: writer{world: w, rate: rateOf(o.Rate)}}
}

// Done implements engine.Recorder.
func (r *recorder) Done() <-chan struct{} { return r.done }

// Stop implements engine.Recorder.
func (r *recorder) Stop() { r.finish(media.Stopped) }

// Length implements engine.Recorder.
func (r *recorder) Length() time.Duration {
	r.note()
	return durationOf(r.out.written, r.out.rate)
}

// TrailingSilence implements engine.Recorder.
func (r *recorder) TrailingSilence() time.Duration {
	r.note()
	return durationOf(r.quiet, r.out.rate)
}

// Reason implements engine.Recorder.
func (r *recorder) Reason() media.StopReason { return r.reason }

// Err implements engine.Recorder.
func (r *recorder) Err() error { return r.err }

// start has the recorder hear a session; it is false for one that has served.
func (r *recorder) start(s *session) bool {
	if r.begun || r.over {
		return false
	}
	r.begun, r.from = true, s
	r.out.begin()
	return true
}

// hear tells the recorder what it hears from now on.
func (r *recorder) hear(voice bool) {
	r.note()
	r.loud = voice && voiceLevel > r.threshold()
	r.arm()
}

// threshold is the amplitude below which all is silence.
func (r *recorder) threshold() float64 {
	level := r.opts.Threshold
	if level == 0 {
		level = quietest
	}
	return math.MaxInt16 * math.Pow(10, level/20)
}

// note writes what has been heard since the last note, and ends the recording where that was enough.
func (r *recorder) note() {
	if !r.begun || r.over {
		return
	}
	n, reason := r.out.due(), media.Stopped
	if left, why := r.left(); n >= left {
		n, reason = left, why
	}
	if err := r.out.write(n, func(k int64) error { return r.write(k) }); err != nil {
		r.err = fmt.Errorf("media: write recording: %w", err)
		reason = media.Failed
	}
	if reason != media.Stopped {
		r.end(reason)
	}
}

func (r *recorder) write(n int64) error {
	if r.opts.Write != nil {
		if err := r.opts.Write(r.out.sound(r.loud, n)); err != nil {
			return err
		}
	}
	if r.quiet += n; r.loud {
		r.quiet = 0
	}
	return nil
}

// left is after how many samples the recording ends if things stay as they are, and why.
func (r *recorder) left() (n int64, why media.StopReason) {
	n = math.MaxInt64
	if d := r.opts.MaxLength; d > 0 {
		n, why = samplesIn(d, r.out.rate)-r.out.written, media.MaxLength
	}
	if d := r.opts.Silence; d > 0 && !r.loud {
		if left := samplesIn(d, r.out.rate) - r.quiet; left < n {
			n, why = left, media.Silent
		}
	}
	return n, why
}

// arm sets the timer to when note has something to do.
func (r *recorder) arm() {
	if !r.begun || r.over {
		return
	}
	left, _ := r.left()
	r.timer = r.out.arm(r.timer, left, func() { r.note(); r.arm() })
}

// finish ends the recording, if it has not ended.
func (r *recorder) finish(reason media.StopReason) {
	r.note()
	r.end(reason)
}

func (r *recorder) end(reason media.StopReason) {
	if r.over {
		return
	}
	r.over, r.reason = true, reason
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.from != nil {
		r.from.recorders = slices.DeleteFunc(r.from.recorders, func(other *recorder) bool { return other == r })
	}
	close(r.done)
	if r.opts.OnDone != nil {
		r.opts.OnDone()
	}
}
