package lint_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/stdlib"
)

// There is no false alarm on what is shipped: the dialplans, the examples, and the standard library as if it were one.
func TestShippedDialplansHaveNoProblems(t *testing.T) {
	root := filepath.Join("..", "..")
	dirs := []string{filepath.Join(root, "dialplans", "chorus"), filepath.Join(root, "dialplans", "starter")}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.lua"))
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	for _, e := range examples {
		dirs = append(dirs, filepath.Dir(e))
	}
	library := t.TempDir()
	if err := os.CopyFS(library, stdlib.Files); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(library, "types")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(library, "main.lua"), []byte(`extension("1", function(call) call:answer() end)`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, library) {
		config, err := site.LoadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := scripts.Check(context.Background(), scripts.Options{
			Dir: dir, Stdlib: stdlib.Files, Prompts: config.PromptLibrary(dir, nil, nil), Trunks: config.TrunkNames(),
		})
		if err != nil {
			t.Error(err)
		}
		for _, p := range problems {
			if dir == library && strings.HasPrefix(p.File, "main.lua") {
				continue
			}
			t.Errorf("%s: %s", dir, p)
		}
	}
}
