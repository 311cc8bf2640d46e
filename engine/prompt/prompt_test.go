package prompt

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// wav is a sound of n equal samples: a test tells files apart by their value.
func wav(t testing.TB, value int16, n int) []byte {
	t.Helper()
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = value
	}
	var b bytes.Buffer
	if err := media.WriteWAV(&b, media.NewClip(8000, pcm)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files is a source with one short sound a name, numbered.
func files(t testing.TB, values map[string]int16) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	for name, v := range values {
		m[name] = &fstest.MapFile{Data: wav(t, v, 80)}
	}
	return m
}

// heard is the value of the sound that a name leads to, -1 for none.
func heard(t testing.TB, l *Library, name, language string) int16 {
	t.Helper()
	s, err := l.Sound(t.Context(), name, language)
	if err != nil {
		if !errors.Is(err, ErrNoPrompt) {
			t.Errorf("%s: %v", name, err)
		}
		return -1
	}
	if len(s.Clips) != 1 || s.Loop {
		t.Errorf("%s: %d clips, loop %v", name, len(s.Clips), s.Loop)
	}
	return s.Clips[0].PCM()[0]
}

func TestSourcesInOrderFileByFile(t *testing.T) {
	own := files(t, map[string]int16{"en/vm-intro.wav": 1, "en/ours/hello.wav": 2})
	shipped := files(t, map[string]int16{"en/vm-intro.wav": 10, "en/vm-goodbye.wav": 11, "en/digits/1.wav": 12})
	l := New(Options{Sources: []fs.FS{own, os.DirFS(filepath.Join(t.TempDir(), "not there")), shipped}})
	for name, want := range map[string]int16{"vm-intro": 1, "ours/hello": 2, "vm-goodbye": 11, "digits/1": 12, "digits/2": -1} {
		if got := heard(t, l, name, ""); got != want {
			t.Errorf("%s: heard %d, want %d", name, got, want)
		}
	}
	if got, want := l.Names(""), []string{"digits/1", "ours/hello", "vm-goodbye", "vm-intro"}; !slices.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
}

func TestLanguageFallsBack(t *testing.T) {
	l := New(Options{Language: "en_GB", Sources: []fs.FS{
		files(t, map[string]int16{"cy/one.wav": 1, "en/one.wav": 2, "en/two.wav": 3}),
		files(t, map[string]int16{"en-gb/one.wav": 4, "en-gb/two.wav": 5, "en/three.wav": 6, "de_AT/one.wav": 7}),
	}})
	for _, c := range []struct {
		name, language string
		want           int16
	}{
		{"one", "", 4}, {"two", "", 5}, {"three", "", 6}, {"four", "", -1},
		{"one", "en", 2}, {"one", "en-GB", 4}, {"one", "EN_us", 2}, {"three", "en_au", 6},
		{"one", "cy", 1}, {"two", "cy", 5}, {"three", "cy-GB", 6},
		{"one", "de", 7}, {"one", "de-at", 7}, {"one", "de-ch", 7}, {"two", "de", 5},
		{"one", "tlh", 4}, {"one", "../en", 4}, {"one", ".", 4},
	} {
		if got := heard(t, l, c.name, c.language); got != c.want {
			t.Errorf("%s in %q: heard %d, want %d", c.name, c.language, got, c.want)
		}
		if has := l.Has(c.name, c.language); has != (c.want >= 0) {
			t.Errorf("Has(%s, %q) = %v", c.name, c.language, has)
		}
	}
}

func TestSetsLaidOutAsAsterisks(t *testing.T) {
	set := map[string]int16{"en_US_f_Allison/vm-intro.wav": 1, "en_US_f_Allison/digits/1.wav": 2}
	l := New(Options{Sources: []fs.FS{files(t, set)}})
	if a, b := heard(t, l, "vm-intro", "en"), heard(t, l, "digits/1", "en-gb"); a != 1 || b != 2 {
		t.Errorf("in a folder named for a voice: heard %d, %d", a, b)
	}
	// One language's set is a source as it is, of the library's own language only.
	root := files(t, map[string]int16{"vm-intro.wav": 1, "digits/1.wav": 2, "music/song.wav": 3, "de/vm-intro.wav": 4})
	l = New(Options{Sources: []fs.FS{root}})
	if a, b, c := heard(t, l, "vm-intro", ""), heard(t, l, "digits/1", "fr"), heard(t, l, "vm-intro", "de"); a != 1 || b != 2 || c != 4 {
		t.Errorf("at the root: heard %d, %d, %d", a, b, c)
	}
	if got, want := l.Names("en"), []string{"digits/1", "vm-intro"}; !slices.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
}

func TestLinkedFolderIsALanguage(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "sets", "voice", "vm-intro.wav"), wav(t, 5, 80))
	if err := os.Symlink(filepath.Join(dir, "sets", "voice"), filepath.Join(dir, "en")); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, New(Options{Sources: []fs.FS{os.DirFS(dir)}}), "vm-intro", ""); got != 5 {
		t.Errorf("heard %d, want 5", got)
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFilesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	shipped := files(t, map[string]int16{"en/vm-intro.wav": 10})
	l := New(Options{Sources: []fs.FS{os.DirFS(dir), shipped}})
	if got := heard(t, l, "vm-intro", ""); got != 10 {
		t.Fatalf("before there is an own file: heard %d", got)
	}
	path := filepath.Join(dir, "en", "vm-intro.wav")
	put(t, path, wav(t, 1, 80))
	age(t, path, time.Hour)
	if got := heard(t, l, "vm-intro", ""); got != 1 {
		t.Fatalf("with an own file: heard %d", got)
	}
	put(t, path, wav(t, 2, 80)) // of the same size: the time tells
	if got := heard(t, l, "vm-intro", ""); got != 2 {
		t.Fatalf("with a newer one: heard %d", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, l, "vm-intro", ""); got != 10 {
		t.Fatalf("without it again: heard %d", got)
	}
}

func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	old := time.Now().Add(-by)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestUnreadableFileIsPassedOver(t *testing.T) {
	bad := fstest.MapFS{"en/one.wav": {Data: []byte("no sound")}, "en/two.wav": {Data: []byte("none either")}}
	var log strings.Builder
	l := New(Options{Sources: []fs.FS{bad, files(t, map[string]int16{"en/one.wav": 1})}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if got := heard(t, l, "one", ""); got != 1 {
		t.Errorf("heard %d, want the next source's 1", got)
	}
	if !strings.Contains(log.String(), "en/one.wav") {
		t.Errorf("the log does not name the file: %q", log.String())
	}
	_, err := l.Sound(t.Context(), "two", "")
	if err == nil || errors.Is(err, ErrNoPrompt) || !strings.Contains(err.Error(), "en/two.wav") {
		t.Errorf("a prompt with nothing but a bad file: %v", err)
	}
}

func TestNamesStayBelowTheirRoot(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "secret.wav"), wav(t, 9, 80))
	put(t, filepath.Join(dir, "sounds", "en", "ok.wav"), wav(t, 1, 80))
	put(t, filepath.Join(dir, "sounds", "music", "song.wav"), wav(t, 2, 80))
	l := New(Options{Sources: []fs.FS{os.DirFS(filepath.Join(dir, "sounds"))}})
	for _, name := range []string{
		"../../secret", "../secret", "..\\..\\secret", "/secret", filepath.Join(dir, "secret"), "./ok", "a/../../../secret",
		"", ".", "..", "ok\x00", "ok/", "c:ok", strings.Repeat("x", 5000),
	} {
		if _, err := l.Sound(t.Context(), name, ""); !errors.Is(err, ErrNoPrompt) {
			t.Errorf("Sound(%.40q): %v", name, err)
		}
		if _, err := l.Music(name); name != "" && !errors.Is(err, ErrNoPrompt) {
			t.Errorf("Music(%.40q): %v", name, err)
		}
		if l.Has(name, "") {
			t.Errorf("Has(%.40q)", name)
		}
	}
}

func TestMissingPromptNamesTheNearest(t *testing.T) {
	l := New(Options{Sources: []fs.FS{files(t, map[string]int16{
		"en/vm-intro.wav": 1, "en/vm-goodbye.wav": 1, "en/belfry/restricted-code.wav": 1, "music/bells.wav": 1,
	})}})
	for name, near := range map[string]string{
		"vm-intr": "vm-intro", "VM-Goodby": "vm-goodbye", "vm-intro.wav": "vm-intro", "en/vm-intro": "vm-intro",
		"restricted-code": "belfry/restricted-code", "tone:bussy": "tone:busy", "tone:engaged": "",
		"something/else-entirely": "",
	} {
		_, err := l.Sound(t.Context(), name, "")
		if !errors.Is(err, ErrNoPrompt) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, after, _ := strings.Cut(err.Error(), "did you mean ")
		if want := near; (want == "") != (after == "") || !strings.Contains(after, want) {
			t.Errorf("%s: %v; want the suggestion %q", name, err, want)
		}
	}
	if _, err := l.Music("bell"); !errors.Is(err, ErrNoPrompt) || !strings.Contains(err.Error(), `"bells"`) {
		t.Errorf("music: %v", err)
	}
	if _, err := New(Options{}).Sound(t.Context(), "vm-intro", ""); !errors.Is(err, ErrNoPrompt) {
		t.Errorf("without sources: %v", err)
	}
}

func TestSilence(t *testing.T) {
	l := New(Options{})
	for name, want := range map[string]time.Duration{
		"silence:2s": 2 * time.Second, "silence:1m30s": 90 * time.Second, "silence:250ms": 250 * time.Millisecond,
		"silence:1.5": 1500 * time.Millisecond, "silence:0": 0, "silence/3": 3 * time.Second, "silence:1h": time.Hour,
	} {
		s, err := l.Sound(t.Context(), name, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var length time.Duration
		for _, c := range s.Clips {
			length += c.Duration()
			if slices.ContainsFunc(c.PCM(), func(v int16) bool { return v != 0 }) {
				t.Errorf("%s: not silent", name)
			}
		}
		if length != want || s.Loop {
			t.Errorf("%s: %v, loop %v; want %v", name, length, s.Loop, want)
		}
		if !l.Has(name, "") {
			t.Errorf("Has(%s) is false", name)
		}
	}
	for _, name := range []string{"silence:", "silence:long", "silence:-1s", "silence:2h", "silence:NaN", "silence:1e300", "silence/0", "silence/11", "silence/x"} {
		if _, err := l.Sound(t.Context(), name, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if l.Has(name, "") {
			t.Errorf("Has(%s) is true", name)
		}
	}
}

func TestMusicLoops(t *testing.T) {
	l := New(Options{Sources: []fs.FS{
		files(t, map[string]int16{"music/bells.wav": 1}),
		files(t, map[string]int16{"music/bells.wav": 2, "music/jazz.wav": 3}),
	}})
	for name, want := range map[string]int16{"": 1, "bells": 1, "jazz": 3} {
		s, err := l.Music(name)
		if err != nil || !s.Loop || s.Clips[0].PCM()[0] != want {
			t.Errorf("Music(%q): %v, %v; want %d", name, s, err, want)
		}
	}
	if s, err := l.Music("tone:beep"); err != nil || !s.Loop {
		t.Errorf("a tone as music: %v, %v", s, err)
	}
	if s, err := l.Sound(t.Context(), "tone:beep", ""); err != nil || s.Loop {
		t.Errorf("the same tone as a prompt: %v, %v", s, err)
	}
}

// countingFS counts how often a file is opened.
type countingFS struct {
	fstest.MapFS
	opened atomic.Int64
}

func (c *countingFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".wav") {
		c.opened.Add(1)
	}
	return c.MapFS.Open(name)
}

func (c *countingFS) Stat(name string) (fs.FileInfo, error) { return c.MapFS.Stat(name) }

func TestDecodedOnceForAll(t *testing.T) {
	source := &countingFS{MapFS: files(t, map[string]int16{"en/one.wav": 1})}
	l := New(Options{Sources: []fs.FS{source}})
	clips := make([]*media.Clip, 50)
	var all sync.WaitGroup
	for i := range clips {
		all.Go(func() {
			if s, err := l.Sound(t.Context(), "one", ""); err == nil {
				clips[i] = s.Clips[0]
			}
		})
	}
	all.Wait()
	for _, c := range clips {
		if c == nil || c != clips[0] {
			t.Fatal("not all were given the same clip")
		}
	}
	if n := source.opened.Load(); n != 1 {
		t.Errorf("the file was opened %d times", n)
	}
}

func TestCacheIsBoundedAndKeepsWhatIsHeard(t *testing.T) {
	source := &countingFS{MapFS: fstest.MapFS{}}
	for _, name := range []string{"a", "b", "c", "huge"} {
		n := 8000
		if name == "huge" {
			n = 80000
		}
		source.MapFS["en/"+name+".wav"] = &fstest.MapFile{Data: wav(t, 1, n)}
	}
	// Room for two of the sounds of one second: each counts 32,000 bytes.
	l := New(Options{Sources: []fs.FS{source}, CacheBytes: 70000})
	play := func(names ...string) int64 {
		before := source.opened.Load()
		for _, n := range names {
			heard(t, l, n, "")
			if l.cache.used > l.cache.max || len(l.cache.entries) != l.cache.recent.Len() {
				t.Fatalf("after %s: %d bytes of %d, %d entries, %d in order", n, l.cache.used, l.cache.max, len(l.cache.entries), l.cache.recent.Len())
			}
		}
		return source.opened.Load() - before
	}
	if n := play("a", "b", "a", "b"); n != 2 {
		t.Errorf("two that fit were read %d times", n)
	}
	if n := play("c"); n != 1 { // b was heard after a: a goes
		t.Errorf("a third was read %d times", n)
	}
	if n := play("b", "c"); n != 0 {
		t.Errorf("what was heard last was read again, %d times", n)
	}
	if n := play("a"); n != 1 {
		t.Errorf("what made room was read %d times", n)
	}
	if n := play("huge", "huge"); n != 2 {
		t.Errorf("what is larger than the cache was read %d times", n)
	}
}

func TestEndedContext(t *testing.T) {
	l := New(Options{Sources: []fs.FS{files(t, map[string]int16{"en/one.wav": 1})}})
	gone := errors.New("the caller has hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := l.Sound(ctx, "one", ""); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}

func BenchmarkSound(b *testing.B) {
	dir := b.TempDir()
	l := New(Options{Sources: []fs.FS{os.DirFS(dir), files(b, map[string]int16{"en/one.wav": 1})}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Sound(context.Background(), "one", ""); err != nil {
			b.Fatal(err)
		}
	}
}

// Clips have the names that traces and tests know them by, whatever language they come from.
func TestClipsAreNamed(t *testing.T) {
	l := New(Options{Sources: []fs.FS{files(t, map[string]int16{
		"en/vm-intro.wav": 1, "en/digits/7.wav": 1, "fr/vm-intro.wav": 1, "music/bells.wav": 1,
	})}})
	for _, c := range []struct{ name, language, want string }{
		{"vm-intro", "", "vm-intro"}, {"vm-intro", "fr", "vm-intro"}, {"digits/7", "fr", "digits/7"},
		{"tone:busy", "", "tone:busy"}, {"silence:1500ms", "", "silence:1.5s"}, {"silence/2", "", "silence:2s"},
	} {
		s, err := l.Sound(t.Context(), c.name, c.language)
		if err != nil {
			t.Fatal(err)
		}
		for _, clip := range s.Clips {
			if clip.Name() != c.want {
				t.Errorf("a clip of %s is %q, want %q", c.name, clip.Name(), c.want)
			}
		}
	}
	if s, err := l.Music(""); err != nil || s.Clips[0].Name() != "music/bells" {
		t.Errorf("the music is %v, %v", s, err)
	}
}
