package sim

import (
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// player plays clips in a row, once, for one who listens. Nobody hears its sound: it takes as long as the clips do, and
// whoever listens is told when another clip begins.
type player struct {
	world  *World
	clips  []*media.Clip
	loop   bool
	total  time.Duration
	done   chan struct{}
	onDone func()

	attached bool
	changed  func() // whoever listens is told that another clip has begun, or none sounds
	left     func() // and that there is an end
	paused   bool
	over     bool
	finished bool

	clip  int           // that is played
	at    time.Duration // where in it, when that was last noted
	since time.Time     // when that was; it goes on from there, if it runs
	turn  int           // clips begun
	timer *timer        // at the clip's end
}

func newPlayer(w *World, clips []*media.Clip, o media.PlayOptions) *player {
	p := &player{world: w, clips: clips, loop: o.Loop, done: make(chan struct{}), onDone: o.OnDone}
	for _, c := range clips {
		p.total += c.Duration()
	}
	p.seekTo(o.Start)
	return p
}

// Done implements engine.Player.
func (p *player) Done() <-chan struct{} { return p.done }

// Finished implements engine.Player.
func (p *player) Finished() bool { return p.finished }

// Stop implements engine.Player.
func (p *player) Stop() { p.end(false) }

// Pause implements engine.Player.
func (p *player) Pause() { p.setPaused(true) }

// Resume implements engine.Player.
func (p *player) Resume() { p.setPaused(false) }

func (p *player) setPaused(on bool) {
	if p.paused == on {
		return
	}
	p.note()
	p.paused = on
	p.arm()
	p.tell()
}

// Position implements engine.Player.
func (p *player) Position() time.Duration {
	p.note()
	at := p.at
	for _, c := range p.clips[:p.clip] {
		at += c.Duration()
	}
	return at
}

// Seek implements engine.Player.
func (p *player) Seek(by time.Duration) {
	p.seekTo(p.Position() + by)
	p.turn++
	p.arm()
	p.tell()
}

func (p *player) seekTo(to time.Duration) {
	if p.loop && p.total > 0 {
		to = (to%p.total + p.total) % p.total
	}
	p.clip, p.at = 0, min(max(0, to), p.total)
	p.skip()
}

// skip passes over clips that are through, and begins again in a loop.
func (p *player) skip() {
	for p.clip < len(p.clips) && p.at >= p.clips[p.clip].Duration() {
		p.at -= p.clips[p.clip].Duration()
		p.clip++
		if p.clip == len(p.clips) && p.loop && p.total > 0 {
			p.clip = 0
		}
	}
}

// runs tells whether time moves it on.
func (p *player) runs() bool { return p.attached && !p.paused && !p.over }

// note brings the position up to date.
func (p *player) note() {
	now := p.world.Now()
	if p.runs() {
		p.at += now.Sub(p.since)
		if p.loop && p.total > 0 {
			p.at %= p.total // the rest of it is left to skip
		}
		p.skip()
	}
	p.since = now
}

// sounding is the clip that is heard; nil: none.
func (p *player) sounding() *media.Clip {
	if p == nil || !p.runs() || p.clip == len(p.clips) {
		return nil
	}
	return p.clips[p.clip]
}

// attach takes the player for one who listens; it is false for one that serves or has served already.
func (p *player) attach(changed, left func()) bool {
	if p.attached || p.over {
		return false
	}
	p.attached, p.changed, p.left = true, changed, left
	return true
}

// begin has an attached player play.
func (p *player) begin() {
	p.since = p.world.Now()
	p.turn = 1
	p.arm()
}

// arm sets the timer to the end of the clip. One clip in a loop has none.
func (p *player) arm() {
	switch {
	case !p.attached || p.over:
		return
	case p.clip == len(p.clips):
		p.wakeIn(0) // even if it is paused
	case p.paused || p.loop && len(p.clips) == 1:
		if p.timer != nil {
			p.timer.Stop()
		}
	default:
		p.wakeIn(p.clips[p.clip].Duration() - p.at)
	}
}

func (p *player) wakeIn(d time.Duration) {
	if p.timer == nil {
		p.timer = p.world.afterFunc(d, p.next)
	} else {
		p.timer.Reset(d)
	}
}

// next begins the next clip, or ends with the last.
func (p *player) next() {
	if p.over {
		return
	}
	was := p.clip
	p.note()
	switch {
	case p.clip == len(p.clips):
		p.end(true)
		return
	case p.clips[was] != p.clips[p.clip] || !isSilence(p.clips[was]):
		p.turn++
	}
	p.arm()
	p.tell()
}

func (p *player) tell() {
	if p.attached && !p.over {
		p.changed()
	}
}

func (p *player) end(finished bool) {
	if p.over {
		return
	}
	p.note()
	p.over, p.finished = true, finished
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.left != nil {
		p.left()
	}
	close(p.done)
	if p.onDone != nil {
		p.onDone()
	}
}
