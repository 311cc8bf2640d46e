package media

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Session is the media of one leg: a pair of ports, what it sends and what it
// hears. It is safe for concurrent use; calls take effect in their order, at the
// next tick.
type Session struct {
	engine *Engine
	events Events
	rtp    *socket
	rtcp   *socket
	cname  string
	home   *shard      // whose dispatcher calls the events, always the same, so that they keep their order
	gone   atomic.Bool // Close was called: no more events

	mu     sync.Mutex // orders control calls
	closed bool
	on     *shard // where commands go
	agreed Format // the last SetFormat

	statsMu sync.Mutex
	stats   SessionStats

	// ---- of the shard's thread
	shard *shard
	phase int64
	index int // in its group

	format    Format // Codec None: not set yet
	origin    origin
	reception reception
	detector  detector
	keyed     bool // telephone-events have come
	ear       *ear // nil while nobody needs the sound
	// transcodes: what is heard is said to the listener, not relayed.
	transcodes bool
	recorders  []*Recorder // of what it hears
	overheard  []*Recorder // of what it sends
	heard      time.Time   // when RTP last came, or was first expected
	silent     bool        // the time-out has been reported

	source sourceKind
	player *Player
	peer   *Session
	member *Member
	sender sender
	mouth  *mouth // nil while it is not needed
	digits digitQueue
	event  *eventRelay // nil until one is converted

	control rtcpState
	counts  counters
}

// sourceKind is where that which a session sends comes from.
type sourceKind uint8

const (
	fromNothing sourceKind = iota
	fromPlayer
	fromEcho
	fromPeer
	fromMixer
)

// Events of one session are called in order, from a goroutine that is not the
// packet path and serves other sessions too: they must not block. Nil ones are
// not called.
type Events struct {
	// Digit is a key, by RFC 4733 or with Format.Inband in the sound, reported once a
	// press, at its end.
	Digit func(Digit)
	// Timeout tells that RTP was expected and has not come for Options.RTPTimeout.
	// It comes once for each SetFormat.
	Timeout func()
}

// Digit is one press of a key.
type Digit struct {
	Key      byte // '0' to '9', '*', '#', 'A' to 'D'
	Duration time.Duration
}

// LocalAddr is where RTP is received. RTCP is received on the next port.
func (s *Session) LocalAddr() netip.AddrPort { return s.rtp.addr }

// SetFormat says what SDP agreed, at first and after each re-INVITE. The time-out
// starts anew, and so does learning. Errors: ErrBadFormat, ErrClosed.
func (s *Session) SetFormat(f Format) error {
	f.Remote, f.RemoteRTCP = unmap(f.Remote), unmap(f.RemoteRTCP)
	if err := f.check(s.LocalAddr()); err != nil {
		return err
	}
	f.complete()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.post(func() { s.setFormat(f) }) {
		return ErrClosed
	}
	s.agreed = f
	return nil
}

// post runs f on the session's shard, which then looks at the session at its next turn.
// The caller holds s.mu. It is false once session or engine are closed.
func (s *Session) post(f func()) bool {
	return !s.closed && s.on.post(func() { f(); s.wake() })
}

// Play makes p the source, from p's beginning. A player serves once: one that is
// playing elsewhere or has ended is as good as none.
func (s *Session) Play(p *Player) {
	if p != nil {
		p.prepare(s.agreedCodec(), sampleRate) // may take a while: not under the lock
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.post(func() { s.play(p) }) && p != nil {
		p.Stop()
	}
}

func (s *Session) agreedCodec() codec.Codec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed.Codec
}

// agreedRate is the rate at which the peer can hear, in Hz.
func (s *Session) agreedRate() int { return max(s.agreedCodec().SampleRate(), sampleRate) }

// Echo makes the session send back what it hears, in the codec it sends.
func (s *Session) Echo() { s.setSourceLater(fromEcho) }

// Silence makes the session send nothing.
func (s *Session) Silence() { s.setSourceLater(fromNothing) }

func (s *Session) setSourceLater(k sourceKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post(func() { s.setSource(k) })
}

// Record has r hear what the session hears, until r ends or StopRecord. A
// recorder serves once.
func (s *Session) Record(r *Recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.start() {
		return
	}
	if !s.post(func() { s.tap(r) }) {
		r.finish(Stopped)
	}
}

// StopRecord takes r off the session and ends it, as r.Stop does.
func (s *Session) StopRecord(r *Recorder) { r.Stop() }

// Stats tell how the session fares; after Close, how it fared.
func (s *Session) Stats() SessionStats {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	return s.stats
}

// Close ends the session: its player and recorders end, RTCP BYE is sent, the
// ports are freed at the next tick. Events that are not under way yet do not come.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone.Store(true)
	on := s.on
	s.post(func() { s.end(on) })
	s.closed = true
}

// Bridge makes a and b each other's source: what one hears the other sends, its
// header rewritten, its payload untouched or, between the two laws of G.711,
// translated. What one sends in a codec that the other does not get is transcoded,
// each way by itself, for as long as it lasts. RFC 4733 events are passed on and
// reported. Giving either another source ends the bridge for both. b moves to a's
// shard, which takes up to two ticks.
func Bridge(a, b *Session) {
	if a == b || a.engine != b.engine {
		return // a session cannot be its own peer, nor reach into another engine
	}
	first, second := a, b
	if b.rtp.addr.Compare(a.rtp.addr) < 0 { // one order for all, so that two Bridges cannot block each other
		first, second = b, a
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	switch {
	case a.closed && b.closed:
	case a.closed:
		b.post(func() { b.setSource(fromNothing) })
	case b.closed:
		a.post(func() { a.setSource(fromNothing) })
	case b.moveTo(a.on):
		a.post(func() { a.bridge(b) })
	}
}

// moveTo brings the session to another shard, where it arrives with no source.
// The caller holds s.mu.
func (s *Session) moveTo(to *shard) bool {
	from := s.on
	if from == to {
		return true
	}
	left := make(chan struct{})
	if s.closed || !from.post(func() { // not by s.post: when it has left, this shard may not look at it
		defer close(left)
		if s.shard == from { // else a panic has ended it
			from.detach(s)
		}
	}) {
		return false
	}
	<-left // a command that was taken is always run
	from.load.Add(-1)
	to.load.Add(1)
	s.on = to
	if !to.post(func() { to.attach(s) }) {
		s.closed = true
		_ = s.release()
		to.load.Add(-1)
		return false
	}
	return true
}

// release closes the ports of a session that is on no shard.
func (s *Session) release() error {
	err := errors.Join(s.engine.net.closeSocket(s.rtp), s.engine.net.closeSocket(s.rtcp))
	s.engine.ports.give(s.rtp.addr.Port())
	return err
}
