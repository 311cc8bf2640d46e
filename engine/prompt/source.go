package prompt

import (
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	musicFolder = "music"
	extension   = ".wav"
	maxName     = 200 // bytes
)

// source is one place with sounds. It remembers which folders there are, and
// looks again when the root has changed.
type source struct {
	fsys fs.FS

	mu      sync.Mutex
	changed time.Time
	looked  bool
	folders []string
}

// valid tells whether a name can be that of a prompt: a path below its folder.
// Names with "..", a leading slash or a backslash are none, so that nothing
// outside a source is ever opened.
func valid(name string) bool {
	return len(name) <= maxName && fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\:\x00")
}

// stat finds the file of a prompt in one language: the path and what the source
// says about it. A source whose prompts lie at its root holds the library's own
// language; root tells that this is the one looked for.
func (s *source) stat(lang string, root bool, name string) (string, fs.FileInfo, bool) {
	// At the root, the folders of languages and of music are not part of a name.
	first, _, below := strings.Cut(name, "/")
	root = root && !(below && (first == musicFolder || isLanguage(first)))
	for _, folder := range s.of(lang, root) {
		file := path.Join(folder, name+extension)
		if info, err := fs.Stat(s.fsys, file); err == nil && info.Mode().IsRegular() {
			return file, info, true
		}
	}
	return "", nil, false
}

// of lists the folders that hold a language: named exactly so, then kinds of it
// (en_US_f_Allison is en), then the root.
func (s *source) of(lang string, root bool) []string {
	var exact, kinds []string
	for _, folder := range s.list() {
		switch t := tag(folder); {
		case t == lang:
			exact = append(exact, folder)
		case lang != musicFolder && strings.HasPrefix(t, lang+"-"):
			kinds = append(kinds, folder)
		}
	}
	all := append(exact, kinds...)
	if root {
		all = append(all, ".")
	}
	return all
}

// list returns the folders at the root, sorted; none while there is no root.
func (s *source) list() []string {
	info, err := fs.Stat(s.fsys, ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.looked, s.folders = false, nil
		return nil
	}
	if s.looked && info.ModTime().Equal(s.changed) {
		return s.folders
	}
	entries, err := fs.ReadDir(s.fsys, ".")
	if err != nil {
		return s.folders
	}
	s.folders = nil
	for _, e := range entries {
		// A link to a folder counts: Asterisk's sets are often linked to.
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
			s.folders = append(s.folders, e.Name())
		}
	}
	s.looked, s.changed = true, info.ModTime()
	return s.folders
}

// names lists the files below the folders of a chain of languages, all sources
// together.
func (l *Library) names(chain []string) []string {
	found := map[string]bool{}
	for _, lang := range chain {
		for _, s := range l.sources {
			for _, folder := range s.of(lang, lang == l.language) {
				s.walk(folder, found)
			}
		}
	}
	all := make([]string, 0, len(found))
	for name := range found {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// walk adds the names of the sounds below a folder, as stat finds them.
func (s *source) walk(folder string, found map[string]bool) {
	sub, err := fs.Sub(s.fsys, folder)
	if err != nil {
		return
	}
	// What cannot be listed has no names; a prompt in it is still found by name.
	_ = fs.WalkDir(sub, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.IsDir() {
			if folder == "." && (file == musicFolder || isLanguage(file)) {
				return fs.SkipDir
			}
			return nil
		}
		if name, ok := strings.CutSuffix(file, extension); ok {
			found[name] = true
		}
		return nil
	})
}

// isLanguage tells whether a folder's name looks like a language's: two or three
// letters, alone or before a hyphen or underscore.
func isLanguage(folder string) bool {
	first, _, _ := strings.Cut(tag(folder), "-")
	return len(first) >= 2 && len(first) <= 3 && !slices.ContainsFunc([]byte(first), func(b byte) bool { return b < 'a' || b > 'z' })
}
