package site

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// sounds writes sound files of a length by which they are known again.
func sounds(t *testing.T, dir string, length time.Duration, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name+".wav")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := media.WriteWAV(f, media.NewClip(8000, make([]int16, 8*length.Milliseconds()))); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever is nearer to the administrator wins, file by file: the site's folder, the command line's, those of the
// settings, Debian's package, the shipped set.
func TestWhoseSoundIsHeard(t *testing.T) {
	dir, given, debian := t.TempDir(), t.TempDir(), t.TempDir()
	const shipped = 0
	all := []string{"vm-goodbye", "vm-intro", "digits/1", "digits/2", "digits/3"}
	sounds(t, filepath.Join(dir, "prompts", "en"), time.Millisecond, all[:1]...)
	sounds(t, given, 2*time.Millisecond, all[:2]...) // names at the root
	sounds(t, filepath.Join(dir, "ours", "en"), 3*time.Millisecond, all[:3]...)
	sounds(t, filepath.Join(debian, "en_US_f_Allison"), 4*time.Millisecond, all[:4]...)
	if err := os.Symlink("en_US_f_Allison", filepath.Join(debian, "en")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings string
		want     []time.Duration // by sound, in ms; shipped: longer than any of these
	}{
		{`{ prompts = "ours" }`, []time.Duration{1, 2, 3, 4, shipped}},
		{`{}`, []time.Duration{1, 2, 4, 4, shipped}},
		{`{ prompts = { debian = false } }`, []time.Duration{1, 2, shipped, shipped, shipped}},
		{`{ prompts = { "ours", debian = false } }`, []time.Duration{1, 2, 3, shipped, shipped}},
	} {
		if err := os.WriteFile(filepath.Join(dir, "settings.lua"), []byte("return "+c.settings), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := LoadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		if config.Debian != DebianSounds {
			t.Errorf("Debian's sounds are looked for in %q", config.Debian)
		}
		config.Debian = debian
		library := config.PromptLibrary(dir, []fs.FS{os.DirFS(given)}, nil)
		for i, name := range all {
			s, err := library.Sound(t.Context(), name, "")
			if err != nil {
				t.Errorf("%s: %s: %v", c.settings, name, err)
				continue
			}
			got := s.Clips[0].Duration()
			if c.want[i] == shipped && got < 100*time.Millisecond || c.want[i] != shipped && got != c.want[i]*time.Millisecond {
				t.Errorf("%s: %s lasts %s, want %d ms (0: the shipped one)", c.settings, name, got, c.want[i])
			}
		}
	}
}

// What Debian does not have, and a machine without the package, is no fault.
func TestDebianNotInstalled(t *testing.T) {
	config, err := LoadConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config.Debian = filepath.Join(t.TempDir(), "none")
	if _, err := config.PromptLibrary(t.TempDir(), nil, nil).Sound(t.Context(), "vm-intro", ""); err != nil {
		t.Error(err)
	}
}
