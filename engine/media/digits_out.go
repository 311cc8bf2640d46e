package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

const (
	defaultPress = 100 * time.Millisecond
	minPress     = 40 * time.Millisecond // ITU-T Q.24: what every receiver takes
	maxPress     = 8 * time.Second

	endPackets  = 3    // RFC 4733 section 2.5.1.4
	eventVolume = 10   // -10 dBm0, section 2.3.4
	endBit      = 0x80 // section 2.3.2
	maxDigits   = 256
)

// SendDigits sends keys as RFC 4733 events, each for that long and with that gap
// after it (0: 100 ms; 40 ms to 8 s, in steps of 20 ms), and returns when the last
// has been sent. The source is silent meanwhile. A second call waits for the first
// to be through. Errors: ErrNoEvents if telephone-event was not negotiated,
// ErrNotSending, ErrBadDigit, ErrClosed, and ctx's cause, after which the rest is
// not sent.
func (s *Session) SendDigits(ctx context.Context, digits string, each, gap time.Duration) error {
	job := &digitJob{press: pressTicks(each), gap: pressTicks(gap), done: make(chan struct{})}
	if len(digits) > maxDigits {
		return fmt.Errorf("media: send %d digits: %w: at most %d at a time", len(digits), ErrBadDigit, maxDigits)
	}
	for _, key := range strings.ToUpper(digits) {
		code := strings.IndexRune(digitKeys, key)
		if code < 0 {
			return fmt.Errorf("media: send digit %q: %w", key, ErrBadDigit)
		}
		job.codes = append(job.codes, byte(code))
	}
	nothing := len(job.codes) == 0
	s.mu.Lock()
	var err error
	switch {
	case s.closed:
		err = ErrClosed
	case s.agreed.EventPayloadType == 0:
		err = ErrNoEvents
	case !s.agreed.Send:
		err = ErrNotSending
	case !nothing && !s.post(func() { s.queueDigits(job) }):
		err = ErrClosed
	}
	s.mu.Unlock()
	if err != nil || nothing {
		return err
	}
	if err := s.engine.wait(ctx, job.done); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.post(func() { job.cancelled = true })
		return fmt.Errorf("media: send digits: %w", err)
	}
	return job.err
}

// pressTicks rounds up to whole frames.
func pressTicks(d time.Duration) int64 {
	if d <= 0 {
		d = defaultPress
	}
	d = min(max(d, minPress), maxPress)
	frame := frameTicks * tickLength
	return int64((d+frame-1)/frame) * frameTicks
}

// digitJob is one SendDigits.
type digitJob struct {
	codes      []byte // RFC 4733 event codes still to be sent
	press, gap int64  // in ticks
	done       chan struct{}
	err        error // set before done is closed
	cancelled  bool
}

// digitQueue is what a session still has to send.
type digitQueue struct {
	jobs   []*digitJob
	down   bool   // an event is under way
	begun  int64  // tick at which it, or the gap after it, began
	start  uint32 // its timestamp, or that of its present segment
	said   uint32 // what earlier segments covered; in units of the event's clock, as length
	length uint32 // its duration
	ends   int    // END packets sent
	gap    bool
}

func (q *digitQueue) busy() bool { return len(q.jobs) > 0 }

func (s *Session) queueDigits(job *digitJob) {
	if s.shard == nil {
		job.err = ErrClosed
		close(job.done)
		return
	}
	s.digits.jobs = append(s.digits.jobs, job)
}

// next drops the job at the head of the queue.
func (q *digitQueue) next(err error) {
	job := q.jobs[0]
	q.jobs[0] = nil
	q.jobs = q.jobs[1:]
	job.err = err
	close(job.done)
}

// abort ends all jobs.
func (q *digitQueue) abort(err error) {
	for q.busy() {
		q.next(err)
	}
	q.down, q.gap = false, false
}

// sendDigit is a session's frame while there are digits to send: one packet of the
// event, or nothing in the gap after it.
func (s *Session) sendDigit(sh *shard) {
	q := &s.digits
	if q.gap {
		if sh.tick-q.begun < q.jobs[0].gap {
			return
		}
		q.gap = false
		q.jobs[0].codes = q.jobs[0].codes[1:]
	}
	if !q.down {
		for q.busy() && (q.jobs[0].cancelled || len(q.jobs[0].codes) == 0) {
			q.next(nil)
		}
		if !q.busy() {
			return
		}
		if s.format.EventPayloadType == 0 || !s.format.Send { // a re-INVITE came between
			q.abort(ErrNotSending)
			return
		}
		q.down, q.begun, q.ends, q.said = true, sh.tick, 0, 0
		q.start = s.sender.follow(sh.tick)
	}
	s.sendEvent(sh)
	if q.ends == endPackets {
		q.down, q.gap, q.begun = false, true, sh.tick
	}
}

// sendEvent sends the next packet of the event under way (RFC 4733 section 2.5.1):
// all carry the timestamp of its beginning, the first the marker bit, the last
// three the end bit and the same duration.
func (s *Session) sendEvent(sh *shard) {
	q := &s.digits
	job := q.jobs[0]
	first, elapsed := sh.tick == q.begun, sh.tick-q.begun+frameTicks
	flags := byte(eventVolume)
	units, clock := uint32(s.format.EventClockRate/sampleRate), s.sender.perTick/tickSamples // times 8 kHz
	if q.ends == 0 {
		q.length = uint32(elapsed) * tickSamples * units
		if q.length > q.said+maxSegment { // RFC 4733 section 2.5.1.3
			q.said += maxSegment
			q.start += maxSegment * clock / units
		}
	}
	if elapsed >= job.press || job.cancelled || q.ends > 0 {
		flags |= endBit
		q.ends++
	}
	if !s.format.Send || s.format.EventPayloadType == 0 {
		return
	}
	b := sh.out[:headerSize+eventSize]
	seq := s.sender.sent(sh.tick, q.start, (q.length-q.said)*clock/units)
	putHeader(b, s.format.EventPayloadType, first, seq, q.start, s.sender.ssrc)
	b[headerSize], b[headerSize+1] = job.codes[0], flags
	binary.BigEndian.PutUint16(b[headerSize+2:], uint16(q.length-q.said))
	s.transmit(sh, b)
}
