package playout

// fade is how long what was lost is made up for before it is taken for a pause, in
// frames: the decoder's concealment is silent by then (G.711 Appendix I: 60 ms).
const fade = 3

// more has b.sound hold n samples for the frame that is due in the tick now, and tells
// what was put there.
func (b *Buffer) more(n int, now int64) Kind {
	kind := Silence
	for b.sound.len() < n {
		b.advance(n, now)
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
	if p.seq == b.next && p.at > b.cursor {
		b.idle = true // nothing was lost: the sender paused
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
	if p.samples == 0 {
		return // no sound
	}
	b.control.needed(b.lead(p, now), b.spare, p.samples, b.frame)
	n := b.dec.Decode(b.sound.room(p.samples), p.payload)
	if n == 0 {
		b.stats.Dropped++
		b.conceal(p.samples)
	} else {
		b.sound.merge(min(surplus, n, b.sound.len()), n)
		b.kind = Sound
	}
	b.cursor, b.filled = p.at+int64(p.samples), 0
}

// fill makes up about n samples for which there is no packet.
func (b *Buffer) fill(n int) {
	if !b.idle {
		b.conceal(n)
		b.idle = b.filled >= fade*b.frame
		return
	}
	clear(b.sound.room(n))
	b.sound.add(n)
	b.kind = Silence
}

// conceal makes up 20 ms, or 10 if no more than that is missing.
func (b *Buffer) conceal(n int) {
	if n > b.frame/2 {
		n = b.frame
	} else {
		n = b.frame / 2
	}
	b.dec.Conceal(b.sound.room(n))
	b.sound.add(n)
	b.kind = Concealed
	b.filled += n
	b.samples.concealed += int64(n)
}
