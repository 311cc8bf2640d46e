package live

import (
	"context"
	"math/rand/v2"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/prompt"
)

// What telephones speak: µ-law alone, in which silence is exactly nothing, so that a prompt arrives as it was sent even
// where voices are mixed.
const spoken = codec.PCMU

const (
	voices     = maxLines + 100
	voiceRate  = 8000
	voiceTurn  = voiceRate / 5 // samples: what a telephone says to be recognised
	voiceLevel = 3000
)

// Sounds are what telephones recognise: the prompts and the music of a site, and each other's voices.
type Sounds struct {
	known  *phone.Sounds
	voices [][]int16
}

// Learn makes the sounds of a library known. It takes a second or two.
func Learn(ctx context.Context, library *prompt.Library) (*Sounds, error) {
	s := &Sounds{known: phone.NewSounds(spoken)}
	for i := range voices {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		pcm := make([]int16, voiceTurn)
		for n := range pcm {
			pcm[n] = int16(r.NormFloat64() * voiceLevel)
		}
		s.voices = append(s.voices, pcm)
		s.known.Add(voiceName(i), media.NewClip(voiceRate, pcm))
	}
	for _, name := range library.Names("") {
		sound, err := library.Sound(ctx, name, "")
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil { // one that cannot be read is nobody's to hear
			s.add(sound)
		}
	}
	for _, name := range library.MusicNames() {
		if music, err := library.Music(name); err == nil {
			s.add(music)
		}
	}
	return s, nil
}

func (s *Sounds) add(sound prompt.Sound) {
	for _, clip := range sound.Clips {
		s.known.Add(clip.Name(), clip)
	}
}

// voice is so many samples of a voice.
func (s *Sounds) voice(i, samples int) *media.Clip {
	pcm := make([]int16, samples)
	for n := 0; n < samples; n += voiceTurn {
		copy(pcm[n:], s.voices[i])
	}
	return media.NewClip(voiceRate, pcm)
}
