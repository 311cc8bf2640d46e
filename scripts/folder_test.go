package scripts_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/scripts"
)

// What is no dialplan's folder gets one clear sentence, at once.
func TestFoldersThatAreNoDialplans(t *testing.T) {
	fill := func(t *testing.T, n int, name, text string) string {
		dir := t.TempDir()
		for i := range n {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf(name, i)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, c := range []struct{ name, dir, want string }{
		{"nowhere", filepath.Join(t.TempDir(), "nowhere"), "no such file"},
		{"empty", t.TempDir(), "there is no main.lua"},
		{"other files", fill(t, 100, "photo%d.jpg", "\xff\xd8\x00"), "there is no main.lua"},
		{"binary files", fill(t, 100, "m%d.lua", "\x00\x01"), "this and 99 other files are not texts, let alone Lua"},
		{"too many files", fill(t, 2001, "m%d.lua", ""), "there are more than 2000 files or 32 MiB of Lua in it"},
		{"too many bytes", fill(t, 34, "m%d.lua", strings.Repeat(" ", 1<<20)), "there are more than 2000 files or 32 MiB of Lua in it"},
		{"one that is too long", fill(t, 1, "main.lua%.0d", strings.Repeat(" ", 1<<20+1)), "this file is longer than 1024 KiB"},
		{"a file", filepath.Join(fill(t, 1, "main.lua%.0d", ""), "main.lua"), "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems, err := scripts.Check(context.Background(), scripts.Options{Dir: c.dir})
			var said []string
			if err != nil {
				said = append(said, err.Error())
			}
			for _, p := range problems {
				said = append(said, p.Error())
			}
			if len(said) != 1 || !strings.Contains(said[0], c.want) {
				t.Errorf("%q, want one sentence with %q", said, c.want)
			}
		})
	}
}
