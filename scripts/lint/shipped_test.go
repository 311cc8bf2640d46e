package lint_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/stdlib"
)

// There is no false alarm on what is shipped: the dialplans, the examples, and the standard library with what it is tested with.
func TestShippedDialplansHaveNoProblems(t *testing.T) {
	root := filepath.Join("..", "..")
	dirs := []string{filepath.Join(root, "dialplans", "chorus"), filepath.Join(root, "dialplans", "starter"), filepath.Join(root, "stdlib")}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.lua"))
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	for _, e := range examples {
		dirs = append(dirs, filepath.Dir(e))
	}
	for _, dir := range dirs {
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
			t.Errorf("%s: %s", dir, p)
		}
	}
}
