package phone

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/stdlib"
)

// shipped are the prompts that an exchange brings along.
func shipped(t *testing.T) (*Sounds, map[string]*media.Clip) {
	t.Helper()
	library := prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}})
	known, clips := NewSounds(codec.PCMU), map[string]*media.Clip{}
	for _, name := range library.Names("") {
		s, err := library.Sound(context.Background(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		known.Add(name, s.Clips[0])
		clips[name] = s.Clips[0]
	}
	return known, clips
}

// coded is what arrives of these clips, one after the other.
func (s *Sounds) arrives(clips ...*media.Clip) (pcm []int16) {
	for _, c := range clips {
		pcm = append(pcm, s.coded(c)...)
	}
	return pcm
}

func heard(known *Sounds, pcm []int16) []Named {
	e := newEar(sampleRate, known, func(Sound, bool) {})
	for part := range slices.Chunk(pcm, 160) {
		_ = e.write(part)
	}
	return e.named()
}

// A prompt is told by its name between two others, and said twice it is told twice.
func TestPromptsAreToldByName(t *testing.T) {
	known, clips := shipped(t)
	quiet := media.NewClip(sampleRate, make([]int16, sampleRate/2))
	for i, name := range slices.Sorted(maps.Keys(clips)) {
		if i%25 != 0 && name != "vm-intro" {
			continue
		}
		pcm := known.arrives(quiet, clips["vm-intro"], clips[name], quiet, clips["vm-youhave"], quiet)
		if got, want := namesOf(heard(known, pcm), name), []string{"vm-intro", name, "vm-youhave"}; !slices.Equal(got, want) {
			t.Errorf("heard %v, want %v", got, want)
		}
	}
}

// namesOf are the names of what was heard; where there are several, the one that is wanted. "?": it is not known.
func namesOf(all []Named, wanted string) (names []string) {
	for _, n := range all {
		switch {
		case slices.Contains(n.Names, wanted):
			names = append(names, wanted)
		case n.Names == nil:
			names = append(names, "?")
		default:
			names = append(names, n.Names[0])
		}
	}
	return names
}

// A prompt that is cut off is told, and so is that somebody speaks whom nobody knows; tones are not.
func TestWhatNobodyKnowsIsNotNamed(t *testing.T) {
	known, clips := shipped(t)
	intro := known.arrives(clips["vm-intro"])
	pcm := slices.Concat(intro[:sampleRate], sound(part{length: time.Second}, speech(1500), part{length: time.Second}, ms(400, 1000)))
	all := heard(known, pcm)
	if got, want := namesOf(all, ""), []string{"vm-intro", "?"}; !slices.Equal(got, want) {
		t.Fatalf("heard %v, want %v", got, want)
	}
	if all[0].Now || all[0].End > 1100*time.Millisecond || all[1].Start < 1900*time.Millisecond || all[1].End > 3600*time.Millisecond {
		t.Errorf("heard %v", all)
	}
}
