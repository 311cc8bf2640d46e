package media

import (
	"slices"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

const (
	heldChunks  = 8               // how many chunks wait for one that is missing
	heldTicks   = 20              // and how long, 100 ms
	aheadOfTime = 1 * sampleRate  // how much more than the time that has passed may be recorded
	jumpSamples = 10 * sampleRate // a timestamp further off than this belongs to another count
)

// timeline puts the chunks of a recording in order by their timestamps. What is
// missing becomes silence: by the timestamps where something follows, by the clock
// where nothing comes. Whatever the timestamps say, a recording does not grow
// faster than time.
type timeline struct {
	emit func([]int16) bool // false: enough

	begun   bool
	first   int64  // tick of the beginning
	now     int64  // tick of the latest news
	emitted int64  // samples
	ssrc    uint32 // of the chunk last given out
	synced  bool   // next means something
	next    uint32 // timestamp of the sample to give out next
	due     int64  // tick at which it is due
	filled  uint32 // silence given out by the clock since the last sound
	held    []chunk

	pcm     [frameSamples]int16
	silence [frameSamples]int16
}

// add takes a chunk; it is false when emit has had enough.
func (t *timeline) add(c *chunk) bool {
	if !t.begun {
		t.begun, t.first, t.due = true, c.tick, c.tick
	}
	t.now = c.tick
	if c.codec == codec.None {
		return t.pass(c.tick)
	}
	ahead := int32(c.timestamp - t.next)
	switch {
	case !t.synced || c.ssrc != t.ssrc || ahead > jumpSamples || ahead < -jumpSamples:
		if !t.flush() {
			return false
		}
		t.synced, t.ssrc, t.next = true, c.ssrc, c.timestamp
	case ahead < 0 && uint32(-ahead) <= t.filled:
		t.next = c.timestamp // it was delayed: the silence was none of the sender's
	case ahead < 0:
		return true // late, or again
	case ahead > 0:
		return t.hold(c)
	}
	return t.sound(c) && t.release(c.tick)
}

// hold keeps a chunk that came before its time.
func (t *timeline) hold(c *chunk) bool {
	i, again := slices.BinarySearchFunc(t.held, c, func(h chunk, c *chunk) int {
		return int(int32(h.timestamp - c.timestamp))
	})
	if !again {
		t.held = slices.Insert(t.held, i, *c)
	}
	return t.release(c.tick)
}

// release gives out the held chunks that follow directly, or have waited long
// enough for what is missing.
func (t *timeline) release(tick int64) bool {
	for len(t.held) > 0 {
		c := &t.held[0]
		ahead := int32(c.timestamp - t.next)
		if ahead > 0 {
			if len(t.held) < heldChunks && tick-c.tick < heldTicks {
				return true
			}
			if !t.quiet(int64(ahead)) {
				return false
			}
			t.next = c.timestamp
		}
		if ahead >= 0 && !t.sound(c) {
			return false
		}
		t.held = slices.Delete(t.held, 0, 1)
	}
	return true
}

// flush gives out all that is held.
func (t *timeline) flush() bool {
	for len(t.held) > 0 {
		if !t.release(t.held[0].tick + heldTicks) {
			return false
		}
	}
	return true
}

// pass tells that it is tick and nothing has come.
func (t *timeline) pass(tick int64) bool {
	if !t.flush() {
		return false
	}
	missing := (tick - t.due) * tickSamples
	if missing <= 0 {
		return true
	}
	t.due = tick
	t.next += uint32(missing)
	t.filled += uint32(missing)
	return t.quiet(missing)
}

// sound gives out a chunk whose turn it is.
func (t *timeline) sound(c *chunk) bool {
	n := c.codec.Decode(t.pcm[:], c.payload[:c.n])
	t.next = c.timestamp + uint32(n)
	t.due = c.tick + int64(n/tickSamples)
	t.filled = 0
	return t.give(t.pcm[:n])
}

func (t *timeline) quiet(n int64) bool {
	for n > 0 {
		piece := min(n, frameSamples)
		if !t.give(t.silence[:piece]) {
			return false
		}
		n -= piece
	}
	return true
}

func (t *timeline) give(pcm []int16) bool {
	if t.emitted > (t.now-t.first)*tickSamples+aheadOfTime {
		return true // faster than time: dropped
	}
	t.emitted += int64(len(pcm))
	return t.emit(pcm)
}
