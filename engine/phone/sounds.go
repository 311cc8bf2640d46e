package phone

import (
	"hash/maphash"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Known sounds are recognised by their very samples: what an exchange plays arrives as the coder made it, unless it is
// played at another volume, mixed with other voices or coded anew on the way. Short windows of each sound are kept by their
// hash; a few that are heard in the right distance from each other tell the sound and where in it the exchange is.
const (
	window    = 32 // samples
	stride    = 80 // between two windows that are kept, in samples
	leastHits = 4  // windows that make a sound known
	lively    = 10 // different samples in a window, at least: fewer are silence or a tone
	maxAlike  = 8  // places of one window; more say nothing
	rollBy    = 1099511628211
)

// Sounds are those that phones can tell the names of. It is filled before phones have it.
type Sounds struct {
	codec  codec.Codec
	seed   maphash.Seed
	known  []known
	places map[uint64][]place
	same   map[uint64]int // those that sound alike, by the hash of the whole
}

// known is one sound.
type known struct {
	names  []string
	length int // samples
	first  int // where its first and last windows are
	last   int
	pause  int // longest distance between two windows
}

// place is where a window is.
type place struct{ sound, at int }

// NewSounds makes an empty collection, for phones whose only codec is PCMU or PCMA.
func NewSounds(c codec.Codec) *Sounds {
	return &Sounds{codec: c, seed: maphash.MakeSeed(), places: map[uint64][]place{}, same: map[uint64]int{}}
}

// Add makes a sound known. One that is silent, or a tone, is not recognised.
func (s *Sounds) Add(name string, clip *media.Clip) {
	pcm := s.coded(clip)
	whole := hashOf(s.seed, pcm)
	if i, ok := s.same[whole]; ok {
		s.known[i].names = append(slices.Clip(s.known[i].names), name)
		return
	}
	k := known{names: []string{name}, length: len(pcm), first: -1}
	for at := 0; at+window <= len(pcm); at += stride {
		w := pcm[at : at+window]
		if !isLively(w) {
			continue
		}
		var h uint64
		for _, v := range w {
			h = h*rollBy + sample(v)
		}
		if len(s.places[h]) >= maxAlike {
			continue
		}
		s.places[h] = append(s.places[h], place{len(s.known), at})
		if k.first < 0 {
			k.first = at
		} else {
			k.pause = max(k.pause, at-k.last)
		}
		k.last = at
	}
	if k.first >= 0 {
		s.same[whole] = len(s.known)
		s.known = append(s.known, k)
	}
}

// coded is a clip as it arrives.
func (s *Sounds) coded(clip *media.Clip) []int16 {
	pcm := slices.Clone(codec.Resample(clip.PCM(), clip.Rate(), sampleRate))
	coded := make([]byte, len(pcm))
	s.codec.Encode(coded, pcm)
	s.codec.Decode(pcm, coded)
	return pcm
}

func hashOf(seed maphash.Seed, pcm []int16) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, v := range pcm {
		_ = h.WriteByte(byte(v))
		_ = h.WriteByte(byte(v >> 8))
	}
	return h.Sum64()
}

func isLively(w []int16) bool {
	sorted := slices.Clone(w)
	slices.Sort(sorted)
	return len(slices.Compact(sorted)) >= lively
}

// sample is what a sample counts in a window's hash.
func sample(v int16) uint64 { return uint64(uint16(v)) + 1 }
