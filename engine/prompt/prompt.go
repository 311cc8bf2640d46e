// Package prompt finds sounds by name: spoken prompts, hold music, tones and
// silences.
//
// Prompts are files, en/vm-intro.wav, looked for in several sources in order, so
// that an administrator's own recording stands in for a shipped one, file by
// file. A sound is decoded once and kept; a newer file is noticed at its next use.
package prompt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/media"
)

// ErrNoPrompt is matched by the errors for names that no source has.
var ErrNoPrompt = errors.New("no such prompt")

// DefaultMusic is the hold music of an exchange that names none.
const DefaultMusic = "bells"

// Options say where the sounds are.
type Options struct {
	// Sources are searched in order, file by file. Each holds folders named by
	// language (en, en-gb, en_GB, or as Asterisk's sets en_US_f_Allison) and
	// music; or prompts at its root, which are then of the default language.
	Sources  []fs.FS
	Language string // where a call names none or its language lacks the prompt; "": en

	// CacheBytes bounds the memory of decoded sounds, those heard longest ago
	// going first; 0: 128 MiB, in which the whole shipped set finds room.
	CacheBytes int64
	Log        *slog.Logger // nil: slog.Default()
}

// Sound is what a player plays: clips in a row, from the start again where it loops.
type Sound struct {
	Clips []*media.Clip
	Loop  bool
}

// Library finds sounds. Many goroutines may use it at once.
type Library struct {
	sources  []*source
	language string
	cache    *cache
	tones    func() map[string]Sound
	log      *slog.Logger
}

// New makes a library. It reads nothing until a sound is asked for.
func New(o Options) *Library {
	if o.Language = tag(o.Language); o.Language == "" {
		o.Language = "en"
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 128 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	l := &Library{language: o.Language, cache: newCache(o.CacheBytes), tones: sync.OnceValue(allTones), log: o.Log}
	for _, s := range o.Sources {
		l.sources = append(l.sources, &source{fsys: s})
	}
	return l
}

// Sound finds a prompt: a name as in the Asterisk core sound sets ("vm-intro",
// "digits/1"), a tone ("tone:busy") or a silence ("silence:2s", "silence/2").
//
// A prompt is looked for in the language, then in what it is a kind of (en-gb:
// en), then in the library's own language; "" is the library's own. Where nothing
// is found the error matches ErrNoPrompt and names the nearest prompt there is. A
// file that is not a readable sound is passed over, with a line in the log; if
// there is no other, its fault is the error.
func (l *Library) Sound(ctx context.Context, name, language string) (Sound, error) {
	if err := ctx.Err(); err != nil {
		return Sound{}, context.Cause(ctx)
	}
	if s, ok, err := l.made(name); ok || err != nil {
		return s, err
	}
	clip, err := l.find(ctx, l.chain(language), name)
	if err == nil {
		return Sound{Clips: []*media.Clip{clip}}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Sound{}, fmt.Errorf("prompt %q: %w", name, err)
	}
	if s, ok := numberedSilence(name); ok {
		return s, nil
	}
	return Sound{}, l.missing("prompt", name, l.Names(language))
}

// Music finds hold music by name, or DefaultMusic for "". It loops. A tone or a
// silence will do as well.
func (l *Library) Music(name string) (Sound, error) {
	if name == "" {
		name = DefaultMusic
	}
	if s, ok, err := l.made(name); ok || err != nil {
		s.Loop = true
		return s, err
	}
	clip, err := l.find(context.Background(), []string{musicFolder}, name)
	if err == nil {
		return Sound{Clips: []*media.Clip{clip}, Loop: true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Sound{}, fmt.Errorf("music %q: %w", name, err)
	}
	return Sound{}, l.missing("music", name, l.MusicNames())
}

// Has tells whether Sound would find a file, tone or silence of that name. It
// does not read the file.
func (l *Library) Has(name, language string) bool {
	if _, ok, err := l.made(name); ok || err != nil {
		return ok
	}
	if _, ok := numberedSilence(name); ok {
		return true
	}
	if !valid(name) {
		return false
	}
	for _, lang := range l.chain(language) {
		for _, s := range l.sources {
			if _, _, ok := s.stat(lang, lang == l.language, name); ok {
				return true
			}
		}
	}
	return false
}

// HasMusic tells whether Music would find a file, tone or silence of that name. It does not read the file.
func (l *Library) HasMusic(name string) bool {
	if _, ok, err := l.made(name); ok || err != nil {
		return ok
	}
	return valid(name) && slices.ContainsFunc(l.sources, func(s *source) bool { _, _, ok := s.stat(musicFolder, false, name); return ok })
}

// MusicNames lists, sorted, the hold music that there are files of.
func (l *Library) MusicNames() []string { return l.names([]string{musicFolder}) }

// Names lists, sorted, the prompts that Sound finds as files for that language.
func (l *Library) Names(language string) []string { return l.names(l.chain(language)) }

// made answers the names that no file has: tones and silences.
func (l *Library) made(name string) (Sound, bool, error) {
	if t, ok := strings.CutPrefix(name, "tone:"); ok {
		if s, ok := l.tones()[t]; ok {
			return s, true, nil
		}
		return Sound{}, false, l.missing("prompt", name, toneNames())
	}
	if d, ok := strings.CutPrefix(name, "silence:"); ok {
		s, err := silence(d)
		if err != nil {
			return Sound{}, false, fmt.Errorf("prompt %q: %w", name, err)
		}
		return s, true, nil
	}
	return Sound{}, false, nil
}

// find returns the clip of the first file that can be read: language by
// language, source by source. fs.ErrNotExist: there is no file at all.
func (l *Library) find(ctx context.Context, chain []string, name string) (*media.Clip, error) {
	fault := error(fs.ErrNotExist)
	if !valid(name) {
		return nil, fault
	}
	for _, lang := range chain {
		label := name
		if lang == musicFolder {
			label = musicFolder + "/" + name
		}
		for _, s := range l.sources {
			path, info, ok := s.stat(lang, lang == l.language, name)
			if !ok {
				continue
			}
			clip, err := l.cache.clip(ctx, s, path, label, info)
			if err == nil {
				return clip, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			l.log.Warn("a sound file cannot be played", "file", path, "error", err)
			if errors.Is(fault, fs.ErrNotExist) {
				fault = fmt.Errorf("reading %s: %w", path, faultOf(err))
			}
		}
	}
	return nil, fault
}

// faultOf keeps a file that vanished between two looks from counting as "there
// never was one": its name is in the error then.
func faultOf(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the file has just gone")
	}
	return err
}

// missing is the error for a name that is not there.
func (l *Library) missing(kind, name string, names []string) error {
	if near := nearest(name, names); near != "" {
		return fmt.Errorf("%s %q: %w; did you mean %q?", kind, name, ErrNoPrompt, near)
	}
	return fmt.Errorf("%s %q: %w", kind, name, ErrNoPrompt)
}
