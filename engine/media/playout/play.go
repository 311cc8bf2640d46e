package playout

import "github.com/belfry-pbx/belfry/engine/media/codec"

// opusRest is the length in bytes of an Opus packet that says only that the pause goes
// on (RFC 6716 section 3.2.1: frames of no bytes; RFC 7587 section 3.1.3).
const opusRest = 2

// fade is how long what was lost is made up for before it is taken for a pause, in
// frames: the decoder's concealment is silent by then (G.711 Appendix I: 60 ms).
const fade = 3

// more has b.sound hold n samples for the frame that is due in the tick now, and tells
// what was put there.
func (b *Buffer) more(n int, now int64) Kind {
	kind := Silence
	for b.sound.len() < n {
		before := b.sound.len()
		b.kind = Silence
		b.advance(n, now)
		if b.kind != Silence {
			b.last, b.hush = b.kind, 0
		} else {
			b.hush += b.sound.len() - before
		}
		kind = max(kind, b.kind)
	}
	return kind
}

// advance puts the next of what is to be heard into b.sound.
func (b *Buffer) advance(n int, now int64) {
	p := b.due(now)
	if p == nil {
		b.fill(n - b.sound.len())
		return
	}
	if p.seq == b.next && p.at > b.cursor && !b.idle {
		b.pause() // nothing was lost: the sender sent nothing
	}
	if p.seq == b.next && p.samples == 0 && !p.noise { // an event
		b.next++
		b.queue.remove(p)
		if !b.idle {
			b.pause()
		}
		return
	}
	if b.idle {
		if b.lead(p, now) < b.target() {
			b.fill(n - b.sound.len())
			return
		}
		b.idle, b.cursor, b.filled = false, p.at, 0
	}
	if p.seq == b.next {
		b.play(p, 0, now)
		return
	}
	switch missing := int(p.at-b.cursor) - b.filled; {
	case missing > p.samples || missing > 0 && !b.recover(p, missing):
		b.conceal(missing)
	case missing > 0: // recovered
	case b.lead(p, now) >= b.target():
		b.play(p, -missing, now)
	default: // the delay may grow
		b.play(p, 0, now)
	}
}

// recover makes n samples, all that is missing before p, of the copy that p has of them.
func (b *Buffer) recover(p *slot, n int) bool {
	if b.rec == nil || n*400%b.rate != 0 {
		return false
	}
	got := min(n, b.rec.Recover(b.sound.room(n), p.payload))
	if got == 0 {
		return false
	}
	b.sound.add(got)
	b.kind = Sound
	b.filled += n
	b.stats.Recovered++
	return true
}

// due is the packet to play next, whether or not others are missing before it; nil:
// there is none. What has become too old is dropped.
func (b *Buffer) due(now int64) *slot {
	for {
		p := b.queue.first(b.next)
		if p == nil || now-p.arrived <= b.max {
			return p
		}
		b.stats.Dropped++
		b.next = p.seq + 1
		b.cursor = p.at + int64(p.samples)
		b.queue.remove(p)
	}
}

// lead is how long a packet that needed the least transit would have waited in p's place, in samples.
func (b *Buffer) lead(p *slot, now int64) int {
	return int(now*b.tick - b.transit.ref - p.at - int64(p.samples))
}

// play decodes p. More was made up before it than was missing, by surplus samples.
func (b *Buffer) play(p *slot, surplus int, now int64) {
	if p.seq > b.next {
		b.stats.Lost += uint64(p.seq - b.next)
	}
	b.next = p.seq + 1
	b.queue.remove(p)
	if p.noise {
		b.describe(p.payload)
		b.idle = true
	}
	if p.samples == 0 {
		b.cursor = p.at
		return
	}
	b.control.needed(b.lead(p, now), b.spare, p.samples, b.frame)
	n := b.dec.Decode(b.sound.room(p.samples), p.payload)
	if n == 0 {
		b.stats.Dropped++
		for n = 0; n < p.samples; n += b.span(p.samples - n) {
			b.conceal(p.samples - n)
		}
	} else {
		b.sound.merge(min(surplus, n, b.sound.len()), n)
		b.kind = Sound
	}
	b.cursor, b.filled = p.at+int64(p.samples), 0
	if b.codec == codec.Opus && len(p.payload) <= opusRest {
		b.comfort.left, b.comfort.decoder = b.samplesOf(agreedNoise), true
		b.idle = true
	}
}

// fill makes up about n samples for which there is no packet.
func (b *Buffer) fill(n int) {
	if b.idle {
		b.rest(n)
		return
	}
	b.conceal(n)
	if b.filled >= fade*b.frame {
		b.pause()
	}
}

// conceal makes up about n samples, 20 ms at most, of what was lost.
func (b *Buffer) conceal(n int) {
	n = b.span(n)
	b.dec.Conceal(b.sound.room(n))
	b.sound.add(n)
	b.kind = Concealed
	b.filled += n
	b.samples.concealed += int64(n)
}

// span is the length of concealment for n samples: 20 ms, or 10 if that is enough.
func (b *Buffer) span(n int) int {
	if n > b.frame/2 {
		return b.frame
	}
	return b.frame / 2
}
