package phone

import (
	"slices"
	"time"
)

// Named is a stretch of sound that was recognised as one of Options.Sounds, or is neither one of them nor a tone.
type Named struct {
	Names      []string // by which it is known; nil: it is not
	Start, End time.Duration
	Now        bool // it is still heard
}

const (
	maxNamed  = 4096 // stretches of one call
	maxTracks = 256  // considered at a time

	lost       = sampleRate / 10     // samples without a window after which a sound is believed to be over, beside its own pauses
	undecided  = sampleRate * 3 / 10 // samples for which noise may yet turn out to be known
	noisePause = sampleRate / 2      // in what is not known
	leastNoise = sampleRate / 5
)

// namer names what one call hears.
type namer struct {
	sounds *Sounds
	top    uint64 // rollBy to the power of window-1
	ring   [window]int16
	hash   uint64
	n      int // samples heard
	tracks []track
	named  []stretch // the last one may go on
	doubt  []int     // frames of noise that may yet turn out to be known
	noise  []stretch // that is not known
}

// track is a known sound that may be heard now.
type track struct {
	sound, begin int // which, and where in the call it has begun, or would have
	hits         int
	last         int // hit, where in the call it ended
}

// stretch is a sound from somewhere to where the last track of it ends.
type stretch struct {
	from, to int // to: as far as it is known by now
	track    track
}

func newNamer(s *Sounds) *namer {
	n := &namer{sounds: s, top: 1}
	for range window - 1 {
		n.top *= rollBy
	}
	return n
}

// hear takes what is heard, in order.
func (n *namer) hear(pcm []int16) {
	for _, v := range pcm {
		slot := &n.ring[n.n%window]
		if n.n >= window {
			n.hash -= n.top * sample(*slot)
		}
		*slot = v
		n.hash = n.hash*rollBy + sample(v)
		n.n++
		if n.n >= window {
			for _, p := range n.sounds.places[n.hash] {
				n.hit(p)
			}
		}
		if n.n%frameSize == 0 {
			n.decide()
		}
	}
}

// hit notes a window of a known sound.
func (n *namer) hit(p place) {
	begin := n.n - window - p.at
	for i := range n.tracks {
		if t := &n.tracks[i]; t.sound == p.sound && t.begin == begin {
			t.hits++
			t.last = n.n
			return
		}
	}
	if len(n.tracks) < maxTracks {
		n.tracks = append(n.tracks, track{p.sound, begin, 1, n.n})
	}
}

// over tells whether a track is heard no longer: its next window is overdue.
func (n *namer) over(t track) bool {
	k := &n.sounds.known[t.sound]
	return n.n > t.begin+k.length || n.n-t.last > k.pause+lost && t.last < t.begin+k.last
}

// decide finds the track that is heard.
func (n *namer) decide() {
	if len(n.tracks) > 0 {
		n.follow()
	}
	for len(n.doubt) > 0 && n.n-n.doubt[0]*frameSize > undecided {
		n.unknown(n.doubt[0] * frameSize)
		n.doubt = n.doubt[1:]
	}
}

func (n *namer) follow() {
	var best *track // the one that was hit last, of those the one that was hit most
	rivals := 0     // sounds that could be it as well
	for i := range n.tracks {
		t := &n.tracks[i]
		switch {
		case t.hits < leastHits:
		case best == nil || t.last > best.last+stride || t.last >= best.last-stride && t.hits > best.hits+1:
			best, rivals = t, 0
		case t.last >= best.last-stride && t.hits >= best.hits-1:
			rivals++
		}
	}
	if best != nil && (rivals == 0 || n.n-best.last > lost) {
		n.believe(*best)
	}
	n.tracks = slices.DeleteFunc(n.tracks, n.over)
}

// believe takes a track for what is heard.
func (n *namer) believe(t track) {
	k := &n.sounds.known[t.sound]
	to := t.last
	if to >= t.begin+k.last {
		to = t.begin + k.length // its end is silence, or a tone
	}
	if i := len(n.named) - 1; i >= 0 {
		was := &n.named[i]
		switch {
		case was.track.sound == t.sound && was.track.begin == t.begin:
			was.to, was.track = to, t
			return
		case t.last <= was.track.last:
			return // it is what was believed, still
		}
		was.to = min(was.to, max(t.begin, was.track.last))
	}
	if len(n.named) < maxNamed {
		n.named = append(n.named, stretch{max(t.begin, 0), to, t})
	}
}

// frame takes note of a frame that is neither silence nor a tone.
func (n *namer) frame(index int) { n.doubt = append(n.doubt, index) }

// unknown adds a frame to the sounds that are not known, unless it is part of one.
func (n *namer) unknown(at int) {
	for _, s := range slices.Backward(n.named) {
		if at >= s.from-lost && at < s.to+lost {
			return
		}
		if s.to+lost < at {
			break
		}
	}
	if i := len(n.noise) - 1; i >= 0 && at-n.noise[i].to <= noisePause && !n.between(n.noise[i].to, at) {
		n.noise[i].to = at + frameSize
		return
	}
	if len(n.noise) < maxNamed {
		n.noise = append(n.noise, stretch{from: at, to: at + frameSize})
	}
}

// between tells whether something known has begun between two times.
func (n *namer) between(from, to int) bool {
	for _, s := range slices.Backward(n.named) {
		if s.from < from {
			return false
		}
		if s.from < to {
			return true
		}
	}
	return false
}

// all lists what was heard, in the order in which it began.
func (n *namer) all() []Named {
	all := make([]Named, 0, len(n.named)+len(n.noise))
	for i, s := range n.named {
		k := &n.sounds.known[s.track.sound]
		all = append(all, Named{
			Names: k.names, Start: samples(s.from), End: samples(s.to),
			Now: i == len(n.named)-1 && n.n < s.track.begin+k.length && !n.over(s.track),
		})
	}
	for _, s := range n.noise {
		if s.to-s.from >= leastNoise {
			all = append(all, Named{Start: samples(s.from), End: samples(s.to), Now: n.n-s.to < undecided+noisePause})
		}
	}
	slices.SortStableFunc(all, func(a, b Named) int { return int(a.Start - b.Start) })
	return all
}

func samples(n int) time.Duration { return time.Duration(n) * time.Second / sampleRate }
