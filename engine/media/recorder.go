package media

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// RecordOptions say what a Recorder does with what it hears.
type RecordOptions struct {
	// Write takes PCM, in order; it must not keep pcm. It is called from the
	// recorder's own goroutine and may wait for a disk: some five seconds are kept
	// for it meanwhile. An error ends the recording.
	Write func(pcm []int16) error
	// Rate is that of the recording, in Hz: 8000, 16000 or 48000; others: 8000.
	Rate int
	// Silence ends the recording when nothing louder than Threshold has been heard
	// for this long; 0: never.
	Silence   time.Duration
	Threshold float64       // in dBFS; 0: -45
	MaxLength time.Duration // ends the recording; 0: none
	OnDone    func()        // called once, when Done is closed; it must not wait
}

// StopReason says why a recording ended.
type StopReason uint8

// The reasons.
const (
	Stopped   StopReason = iota // by Stop, StopRecord or the session's end
	Silent                      // RecordOptions.Silence
	MaxLength                   // RecordOptions.MaxLength
	Failed                      // Write returned an error: Err has it
)

// String is the reason in a word.
func (r StopReason) String() string {
	names := [...]string{"stopped", "silent", "maxLength", "failed"}
	if int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

const (
	recordLevel = -45 // dBFS, the default threshold
	quietAfter  = 40  // ticks without a packet after which the clock says how much silence there is
	fullScale   = 32768.0
)

// Recorder takes down what one session hears. It is safe for concurrent use.
type Recorder struct {
	opts      RecordOptions
	threshold float64 // mean square of a sample
	queue     *chunkQueue
	stop      chan struct{} // closed: no more is heard
	done      chan struct{}
	stopOnce  sync.Once
	started   atomic.Bool

	length   atomic.Int64 // samples written
	trailing atomic.Int64 // samples of silence at the end
	overflow atomic.Uint64

	mu     sync.Mutex
	reason StopReason
	err    error

	moves    bool         // it belongs to a Tape: it outlives the session
	lastTick atomic.Int64 // of the last packet

	// ---- of the recorder's goroutine
	chunk    chunk
	payload  []byte // of the chunk
	timeline timeline
	level    levelMeter
}

// NewRecorder makes a recorder; Session.Record starts it.
func NewRecorder(o RecordOptions) *Recorder {
	if o.Threshold == 0 {
		o.Threshold = recordLevel
	}
	if o.Rate != 16000 && o.Rate != 48000 {
		o.Rate = sampleRate
	}
	if o.Write == nil {
		o.Write = func([]int16) error { return nil }
	}
	amplitude := fullScale * math.Pow(10, o.Threshold/20)
	return &Recorder{
		opts: o, threshold: amplitude * amplitude,
		queue: newChunkQueue(), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Done is closed when the last sample has been written.
func (r *Recorder) Done() <-chan struct{} { return r.done }

// Reason says why the recording ended; it holds once Done is closed.
func (r *Recorder) Reason() StopReason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason
}

// Err is Write's error.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Length is how much has been written.
func (r *Recorder) Length() time.Duration {
	return durationOf(r.length.Load(), r.opts.Rate)
}

// TrailingSilence is how much of the recording's end is below the threshold.
func (r *Recorder) TrailingSilence() time.Duration {
	return durationOf(r.trailing.Load(), r.opts.Rate)
}

// Overflow is how many packets became silence because Write was too slow.
func (r *Recorder) Overflow() uint64 { return r.overflow.Load() }

// Stop ends the recording and returns when all that was heard has been written.
// It must not be called from Write.
func (r *Recorder) Stop() {
	r.finish(Stopped)
	<-r.done
}

// finish begins the end without waiting.
func (r *Recorder) finish(reason StopReason) {
	r.stopOnce.Do(func() {
		r.mu.Lock()
		r.reason = reason
		r.mu.Unlock()
		close(r.stop)
		if r.started.CompareAndSwap(false, true) {
			r.tellDone() // there is no goroutine that would
		}
	})
}

func (r *Recorder) tellDone() {
	close(r.done)
	if r.opts.OnDone != nil {
		r.opts.OnDone()
	}
}

// start begins the recorder's goroutine; it is false for one that has served.
func (r *Recorder) start() bool {
	if !r.started.CompareAndSwap(false, true) {
		return false
	}
	go r.run()
	return true
}

// begin marks the recording's first moment.
func (r *Recorder) begin(tick int64) {
	r.lastTick.Store(tick)
	r.push(&chunk{tick: tick})
}

// hear takes a packet of sound. It never waits.
func (r *Recorder) hear(p *packet, c codec.Codec, tick int64) {
	r.lastTick.Store(tick)
	r.push(&chunk{tick: tick, ssrc: p.ssrc, timestamp: p.timestamp, seq: p.seq, codec: c, payload: p.payload()})
}

// pass takes the number of a packet that has no sound, so that it is not missed.
func (r *Recorder) pass(p *packet, tick int64) {
	r.push(&chunk{tick: tick, ssrc: p.ssrc, seq: p.seq, silent: true})
}

// hearSound takes a frame of sound at a rate, in Hz, as bytes. It never waits.
func (r *Recorder) hearSound(pcm []byte, rate int, tick int64) {
	r.lastTick.Store(tick)
	r.push(&chunk{
		tick: tick, timestamp: uint32(tick) * uint32(rate/ticksPerSecond), seq: uint16(tick / frameTicks),
		rate: int32(rate), payload: pcm,
	})
}

// mark tells the recorder that time passes though nothing comes. It is false when
// the recorder has ended.
func (r *Recorder) mark(tick int64) bool {
	select {
	case <-r.stop:
		return false
	default:
	}
	if tick-r.lastTick.Load() >= quietAfter {
		r.push(&chunk{tick: tick})
	}
	return true
}

func (r *Recorder) push(c *chunk) {
	if !r.queue.put(c) && len(c.payload) > 0 {
		r.overflow.Add(1)
	}
}

// run writes what is heard until the recorder is stopped, then the rest.
func (r *Recorder) run() {
	defer r.tellDone()
	defer func() {
		if p := recover(); p != nil {
			r.fail(fmt.Errorf("media: recorder: panic: %v", p))
		}
	}()
	r.timeline.rate, r.timeline.emit = r.opts.Rate, r.write
	r.timeline.punctual = r.moves
	r.level.window = r.opts.Rate / 50
	for r.next() {
		if !r.timeline.add(&r.chunk) {
			return
		}
	}
	r.timeline.flush()
}

// next waits for a chunk; after the stop there are only those that came before it.
func (r *Recorder) next() bool {
	for {
		var ok bool
		if r.payload, ok = r.queue.take(&r.chunk, r.payload); ok {
			return true
		}
		select {
		case <-r.queue.wake:
		case <-r.stop:
			r.payload, ok = r.queue.take(&r.chunk, r.payload)
			return ok
		}
	}
}

// fail sets the error; the first reason stays.
func (r *Recorder) fail(err error) {
	r.finish(Failed)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reason, r.err = Failed, errors.Join(r.err, err)
}

// write gives out samples in their final order; it is false when that was the end.
func (r *Recorder) write(pcm []int16) bool {
	limit := samplesIn(r.opts.MaxLength, r.opts.Rate)
	full := limit > 0 && r.length.Load()+int64(len(pcm)) >= limit
	if full {
		pcm = pcm[:limit-r.length.Load()]
	}
	if err := r.opts.Write(pcm); err != nil {
		r.fail(fmt.Errorf("media: write recording: %w", err))
		return false
	}
	r.trailing.Store(r.level.trailing(pcm, r.threshold)) // before the length that it belongs to
	r.length.Add(int64(len(pcm)))
	switch {
	case full:
		r.finish(MaxLength)
		return false
	case r.opts.Silence > 0 && r.TrailingSilence() >= r.opts.Silence:
		r.finish(Silent)
		return false
	}
	return true
}

// levelMeter finds how long the sound has been below a level, in windows of 20 ms.
type levelMeter struct {
	window int // samples
	n      int
	sum    float64
	quiet  int64
}

func (m *levelMeter) trailing(pcm []int16, threshold float64) int64 {
	for _, v := range pcm {
		m.sum += float64(v) * float64(v)
		m.n++
		if m.n < m.window {
			continue
		}
		if m.sum < threshold*float64(m.window) {
			m.quiet += int64(m.window)
		} else {
			m.quiet = 0
		}
		m.n, m.sum = 0, 0
	}
	return m.quiet
}
