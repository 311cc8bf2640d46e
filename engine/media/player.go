package media

import (
	"math"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// PlayOptions say how a Player plays.
type PlayOptions struct {
	Loop   bool          // begin again at the end
	Volume float64       // in dB, 0: as recorded; -60 to +20
	Start  time.Duration // where in the row of clips to begin
	OnDone func()        // called once, when Done is closed; it must not wait
}

// Player plays clips in a row, once, to whom it is given: a session, a mixer or a
// mixer's member. It is safe for concurrent use.
type Player struct {
	clips []*Clip
	loop  bool
	gain  int32 // times 1<<gainBits
	done  chan struct{}
	told  func() // Done is closed

	mu       sync.Mutex // never held while anything waits: the packet path takes it
	rate     int        // Hz: of the sound it gives
	total    int64      // samples of all clips
	clip     int        // the clip that is played
	at       int        // the next sample in it
	attached bool       // it has been given to somebody
	paused   bool
	over     bool // done is closed
	finished bool // it came to its end
}

const gainBits = 12

// playState says what a frame of a player is.
type playState uint8

const (
	playing playState = iota
	paused
	ended
)

// NewPlayer makes a player of clips. Who is given it brings them to the rate that is
// listened at, which may take a while where it was not done before.
func NewPlayer(clips []*Clip, o PlayOptions) *Player {
	volume := min(max(o.Volume, -60), 20)
	p := &Player{
		clips: clips, loop: o.Loop, done: make(chan struct{}), told: o.OnDone,
		gain: int32(math.Round(math.Pow(10, volume/20) * (1 << gainBits))),
	}
	p.setRate(sampleRate)
	p.seekTo(samplesIn(o.Start, p.rate))
	return p
}

func (p *Player) setRate(rate int) {
	p.rate, p.total = rate, 0
	for _, c := range p.clips {
		p.total += c.length(rate)
	}
}

// Done is closed when the player has finished, was stopped, or was replaced by
// another source.
func (p *Player) Done() <-chan struct{} { return p.done }

// Finished tells that the clips were played to their end.
func (p *Player) Finished() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finished
}

// Stop ends the player.
func (p *Player) Stop() { p.end(false) }

// Pause keeps the player silent where it is.
func (p *Player) Pause() { p.setPaused(true) }

// Resume goes on after Pause.
func (p *Player) Resume() { p.setPaused(false) }

func (p *Player) setPaused(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = on
}

// Seek moves forward or back. It stops at the beginning and the end; a loop goes round.
func (p *Player) Seek(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seekTo(p.position() + samplesIn(by, p.rate))
}

// Position is how far into the clips the player is.
func (p *Player) Position() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return durationOf(p.position(), p.rate)
}

func (p *Player) position() int64 {
	n := int64(p.at)
	for _, c := range p.clips[:p.clip] {
		n += c.length(p.rate)
	}
	return n
}

func (p *Player) seekTo(to int64) {
	if p.loop && p.total > 0 {
		to = (to%p.total + p.total) % p.total
	}
	to = min(max(0, to), p.total)
	p.clip, p.at = 0, 0
	for p.clip < len(p.clips) && to >= p.clips[p.clip].length(p.rate) {
		to -= p.clips[p.clip].length(p.rate)
		p.clip++
	}
	p.at = int(to)
}

// attach takes the player for one listener; it is false for one that serves or has
// served already.
func (p *Player) attach() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.attached || p.over {
		return false
	}
	p.attached = true
	return true
}

// takePlayer attaches p, or ends it where nobody is left to hear it.
func takePlayer(p *Player, wanted bool) *Player {
	if p == nil || !p.attach() {
		return nil
	}
	if !wanted {
		p.end(false)
		return nil
	}
	return p
}

func (p *Player) end(finished bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked(finished)
}

func (p *Player) endLocked(finished bool) {
	if !p.over {
		p.over, p.finished = true, finished
		close(p.done)
		if p.told != nil {
			p.told()
		}
	}
}

// prepare brings the clips to what suits a listener: a codec, or where there is none
// sound at a rate, in Hz. It may take a while.
func (p *Player) prepare(to codec.Codec, rate int) {
	if to.Valid() {
		rate = to.SampleRate()
	}
	best := sampleRate
	for _, c := range p.clips {
		best = max(best, c.playingRate(rate))
	}
	for _, c := range p.clips {
		c.sound(best)
		if p.gain == 1<<gainBits {
			c.Prepare(to)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.attached || best == p.rate {
		return
	}
	at := p.position() * int64(best) / int64(p.rate)
	p.setRate(best)
	p.seekTo(at)
}

// frame tells what the next frame is. The player ends a frame after its last
// sample: only then has it been heard. The caller holds p.mu.
func (p *Player) frame() playState {
	if !p.over {
		p.nextClip()
		if p.clip == len(p.clips) {
			p.endLocked(true)
		}
	}
	switch {
	case p.over:
		return ended
	case p.paused:
		return paused
	}
	return playing
}

// nextClip passes over clips that are through, and begins again in a loop.
func (p *Player) nextClip() {
	for p.clip < len(p.clips) && p.at >= len(p.clips[p.clip].sound(p.rate)) {
		p.clip, p.at = p.clip+1, 0
		if p.clip == len(p.clips) && p.loop && p.total > 0 {
			p.clip = 0
		}
	}
}

// payload writes the next frame to dst, if it is there encoded: in G.711, as it was
// recorded. The state is playing, and n 0, where samples must be asked instead.
func (p *Player) payload(dst []byte, c codec.Codec) (n int, state playState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state = p.frame()
	if state != playing || p.rate != sampleRate || p.gain != 1<<gainBits || c > codec.PCMA {
		return 0, state
	}
	encoded := p.clips[p.clip].payload(c)
	if p.at+len(dst) > len(encoded) {
		return 0, state
	}
	n = copy(dst, encoded[p.at:])
	p.at += n
	return n, state
}

// samples writes the next frame to pcm, which has room for one at any rate, and
// returns it.
func (p *Player) samples(pcm []int16) (frame []int16, rate int, state playState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state = p.frame()
	if state == playing {
		frame = pcm[:p.rate/50]
		p.fill(frame)
	}
	return frame, p.rate, state
}

// fill takes a frame from the clips, across their seams; after the last comes silence.
func (p *Player) fill(pcm []int16) {
	n := 0
	for n < len(pcm) {
		p.nextClip()
		if p.clip == len(p.clips) {
			break
		}
		took := copy(pcm[n:], p.clips[p.clip].sound(p.rate)[p.at:])
		p.at += took
		n += took
	}
	clear(pcm[n:])
	if p.gain == 1<<gainBits {
		return
	}
	for i, v := range pcm[:n] {
		pcm[i] = int16(min(max(int32((int64(v)*int64(p.gain))>>gainBits), math.MinInt16), math.MaxInt16))
	}
}
