package media

import (
	"log/slog"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tickLength = 5 * time.Millisecond
	phases     = frameTicks // a session is visited every fourth tick, so that sends are spread over a frame

	// maxCatchUp is how many ticks a shard makes up for after a stall, 100 ms.
	// What is beyond is skipped: nobody wants to hear it in one burst.
	maxCatchUp = 20

	commandQueue = 1024
	eventQueue   = 4096
)

// shard is one thread of packets. Everything below the line belongs to its thread.
type shard struct {
	engine *Engine
	index  int
	log    *slog.Logger

	commands   chan func()
	events     chan event
	quit       chan struct{} // closed: end
	started    chan error    // gets one value: how opening the driver went
	done       chan struct{} // the thread has ended
	closed     error         // how closing the driver went; set before done is closed
	dispatched chan struct{} // the dispatcher has ended
	load       atomic.Int32  // sessions, those on their way included
	lostEvents atomic.Uint64

	mu    sync.Mutex
	stats Stats // as of the last tick

	// ---
	drv       driver
	woken     func()        // a command that has been taken and not run yet; nil: none
	tick      int64         // since the engine's epoch, in tickLength; the same on every shard
	now       time.Time     // by the engine's clock
	arrival   uint32        // the time of this sweep, in samples
	sessions  [phases]group // by phase
	mixers    []*Mixer
	nextPhase int64    // of the next mixer
	current   *Session // whose packet or frame is being worked on: to blame for a panic
	totals    counters
	stalled   bool
	stalls    uint64
	worst     time.Duration
	out       [headerSize + maxPayload]byte // a packet being made
	heard     [maxFrame]int16               // a frame of what came in
	pcm       [maxFrame]int16               // one to be sent
	resampled [maxFrame]int16               // and the same at another rate
	sum       [maxFrame]int32               // what one member of a conference hears, before it is limited
	report    [maxReport]byte
}

// group is the sessions visited in the same tick.
type group []place

// place is a session's in its group. It says when the session is to be visited: what is
// only relayed need not be looked at every frame, which takes longer than to skip it.
type place struct {
	session *Session
	due     int64 // tick; what is past: at the next turn
}

// idleVisits is how seldom a session is visited in which nothing is due each frame,
// in ticks: 100 ms.
const idleVisits = 5 * frameTicks

// event is something to tell a session's owner.
type event struct {
	session *Session
	digit   Digit // Key 0: a time-out
}

func newShard(e *Engine, index int) *shard {
	return &shard{
		engine: e, index: index, log: e.opts.Log.With("component", "media", "shard", index),
		commands: make(chan func(), commandQueue), events: make(chan event, eventQueue),
		quit: make(chan struct{}), started: make(chan error, 1), done: make(chan struct{}), dispatched: make(chan struct{}),
		now: e.opts.Clock.Now(),
	}
}

// post has f run on the shard's thread at its next tick, after all that was posted
// before. It waits while the queue is full and is false once the engine is closed.
func (sh *shard) post(f func()) bool {
	sh.engine.mu.RLock()
	defer sh.engine.mu.RUnlock()
	if sh.engine.closed {
		return false
	}
	sh.commands <- f
	return true
}

// run is the shard's thread: ticks at absolute times until quit is closed. The
// thread ends with it.
func (sh *shard) run() {
	runtime.LockOSThread()
	defer close(sh.done)
	var err error
	sh.drv, err = sh.engine.net.newDriver()
	sh.started <- err
	if err != nil {
		return
	}
	defer func() { sh.closed = sh.drv.close() }()
	sh.tick = int64(time.Since(sh.engine.epoch) / tickLength)
	for {
		select {
		case <-sh.quit:
			sh.end()
			return
		default:
		}
		if sh.idle() {
			sh.rest()
		}
		if early := -sh.lateness(); early > 0 {
			time.Sleep(early)
		}
		sh.catchUp()
		sh.step()
	}
}

// idle tells whether no tick has anything to do before a command comes.
func (sh *shard) idle() bool {
	for _, g := range sh.sessions {
		if len(g) > 0 {
			return false
		}
	}
	return len(sh.mixers) == 0
}

// rest waits for a command, which the next tick runs, and leaves out those that there were until it came: no session is
// there to miss them.
func (sh *shard) rest() {
	select {
	case sh.woken = <-sh.commands:
	case <-sh.quit:
	}
	sh.tick = max(sh.tick, int64(time.Since(sh.engine.epoch)/tickLength)+1)
}

// catchUp counts a stall, and skips what of it is too long to make up for. Whole
// frames are skipped, so that every session keeps its phase.
func (sh *shard) catchUp() {
	late := sh.lateness()
	stalled := late > phases*tickLength
	if stalled && !sh.stalled { // the ticks that catch up are part of the same stall
		sh.stalls++
		sh.worst = max(sh.worst, late)
	}
	sh.stalled = stalled
	if late > maxCatchUp*tickLength {
		sh.tick += int64(late/tickLength-maxCatchUp) / phases * phases
	}
}

// lateness is how long ago the present tick was due.
func (sh *shard) lateness() time.Duration {
	return time.Since(sh.engine.epoch) - time.Duration(sh.tick)*tickLength
}

// step is one tick. A panic costs the session that it happened in, no other.
func (sh *shard) step() {
	defer func() {
		if r := recover(); r != nil {
			sh.blame(r)
		}
	}()
	sh.now = sh.engine.opts.Clock.Now()
	sh.runCommands()
	sh.arrival = uint32(time.Since(sh.engine.epoch) * sampleRate / time.Second)
	sh.drv.sweep(sh)
	phase := sh.tick % phases
	for _, m := range sh.mixers {
		if m.phase == phase {
			m.mix(sh)
		}
	}
	for i := range sh.sessions[phase] {
		if place := &sh.sessions[phase][i]; place.due <= sh.tick {
			sh.current = place.session
			place.due = place.session.visit(sh)
		}
	}
	sh.current = nil
	sh.drv.submit()
	sh.publish()
	sh.tick++
}

func (sh *shard) runCommands() {
	if f := sh.woken; f != nil {
		sh.woken = nil
		f()
	}
	for range len(sh.commands) {
		(<-sh.commands)()
	}
}

// blame logs a panic and takes its session off the shard.
func (sh *shard) blame(reason any) {
	sh.log.Error("panic on the packet path", "reason", reason, "stack", string(debug.Stack()))
	sh.tick++
	s := sh.current
	sh.current = nil
	if s == nil || s.shard != sh {
		return
	}
	s.home.tell(event{session: s}) // as good as a time-out: no more will come
	defer func() {
		if r := recover(); r != nil {
			sh.log.Error("panic while ending a session", "reason", r)
			sh.evict(s)
		}
	}()
	s.end(sh)
}

// evict takes a session off the shard without trusting anything in it.
func (sh *shard) evict(s *Session) {
	if s.shard != sh {
		return
	}
	if peer := s.peer; peer != nil && peer.peer == s {
		peer.source, peer.peer = fromNothing, nil
	}
	s.source, s.recorders = fromNothing, nil
	sh.detach(s)
	_ = s.release()
	sh.load.Add(-1)
}

// packet implements receiver.
func (sh *shard) packet(sock *socket, b []byte, from netip.AddrPort) {
	s := sock.session
	sh.current = s
	s.receive(sh, sock, b, from)
	sh.current = nil
}

// unsent implements receiver: a packet that was counted has not gone out.
func (sh *shard) unsent(sock *socket, n int) {
	s := sock.session
	s.drop(sh, DropSend)
	s.counts.packetsOut--
	s.counts.bytesOut -= uint64(n)
	sh.totals.packetsOut--
	sh.totals.bytesOut -= uint64(n)
}

// attach makes s one of the shard's sessions.
func (sh *shard) attach(s *Session) {
	s.shard = sh
	s.phase = 0 // the one with the fewest
	for phase := range sh.sessions {
		if len(sh.sessions[phase]) < len(sh.sessions[s.phase]) {
			s.phase = int64(phase)
		}
	}
	s.index = len(sh.sessions[s.phase])
	sh.sessions[s.phase] = append(sh.sessions[s.phase], place{session: s})
	for _, sock := range []*socket{s.rtp, s.rtcp} {
		if err := sh.drv.add(sock); err != nil {
			sh.log.Error("session without packets", "address", sock.addr, "error", err)
		}
	}
}

// detach takes s off the shard, silent and unbridged.
func (sh *shard) detach(s *Session) {
	s.setSource(fromNothing)
	sh.drv.remove(s.rtp)
	sh.drv.remove(s.rtcp)
	g := sh.sessions[s.phase]
	last := len(g) - 1
	g[s.index] = g[last]
	g[s.index].session.index = s.index
	g[last] = place{}
	sh.sessions[s.phase] = g[:last]
	s.shard = nil
}

// end runs what was still posted, then ends every session and mixer.
func (sh *shard) end() {
	defer func() {
		if r := recover(); r != nil {
			sh.blame(r)
		}
	}()
	sh.now = sh.engine.opts.Clock.Now()
	sh.runCommands()
	for len(sh.mixers) > 0 {
		sh.mixers[0].end(sh)
	}
	for phase := range sh.sessions {
		for len(sh.sessions[phase]) > 0 {
			g := sh.sessions[phase]
			g[len(g)-1].session.end(sh)
		}
	}
	sh.drv.submit()
	sh.publish()
}

func (sh *shard) publish() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.stats = Stats{Stalls: sh.stalls, WorstStall: sh.worst}
	sh.stats.add(&sh.totals)
}

func (sh *shard) addStats(total *Stats) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := &sh.stats
	total.Sessions += int(sh.load.Load())
	total.PacketsIn += s.PacketsIn
	total.PacketsOut += s.PacketsOut
	total.BytesIn += s.BytesIn
	total.BytesOut += s.BytesOut
	for i, n := range s.Dropped {
		total.Dropped[i] += n
	}
	total.Stalls += s.Stalls
	total.WorstStall = max(total.WorstStall, s.WorstStall)
	total.LostEvents += sh.lostEvents.Load()
}

// tell queues an event without waiting. It may be called from any shard's thread.
func (sh *shard) tell(e event) {
	select {
	case sh.events <- e:
	default:
		sh.lostEvents.Add(1)
	}
}

// dispatch calls the sessions' events, one after the other.
func (sh *shard) dispatch() {
	defer close(sh.dispatched)
	for e := range sh.events {
		sh.deliver(e)
	}
}

func (sh *shard) deliver(e event) {
	defer func() {
		if r := recover(); r != nil {
			sh.log.Error("panic in a media event", "reason", r, "stack", string(debug.Stack()))
		}
	}()
	if e.session.gone.Load() {
		return
	}
	switch {
	case e.digit.Key != 0 && e.session.events.Digit != nil:
		e.session.events.Digit(e.digit)
	case e.digit.Key == 0 && e.session.events.Timeout != nil:
		e.session.events.Timeout()
	}
}
