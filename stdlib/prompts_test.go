package stdlib_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every prompt that the Lua here and in the shipped dialplans names is one that ships.
func TestEveryPromptExists(t *testing.T) {
	known := prompts(t)
	named := regexp.MustCompile(`"((?:belfry|digits|letters)/[a-z0-9-]+|(?:vm|conf|pm|pbx|demo|ext)-[a-z0-9-]+)"`)
	for _, root := range []string{".", "../dialplans"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".lua") || strings.Contains(path, "types/") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, line := range strings.Split(string(text), "\n") {
				line, _, _ = strings.Cut(line, " -- ")
				for _, m := range named.FindAllStringSubmatch(line, -1) {
					if !known[m[1]] && !strings.HasSuffix(m[1], "-") { // "digits/day-" .. n
						t.Errorf("%s:%d: there is no prompt %q", path, i+1, m[1])
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
