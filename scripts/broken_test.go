package scripts_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/stdlib"
)

var update = flag.Bool("update", false, "write what is found into testdata/broken")

func check(t testing.TB, dir string) []diag.Problem {
	t.Helper()
	config, err := site.LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := scripts.Options{Dir: dir, Stdlib: stdlib.Files, Prompts: config.PromptLibrary(dir, nil, nil), Trunks: config.TrunkNames()}
	problems, err := scripts.Check(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

// Each broken dialplan gets the one complaint it must get, at its place, and is loaded at run time as it says.
func TestBrokenDialplans(t *testing.T) {
	dirs, err := filepath.Glob("testdata/broken/*")
	if err != nil || len(dirs) < 50 {
		t.Fatal(len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var got strings.Builder
			problems := check(t, dir)
			for _, p := range problems {
				got.WriteString(p.String())
			}
			golden := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", &got, want)
			}
			if len(problems) != 1 {
				t.Fatalf("%d problems:\n%s", len(problems), &got)
			}
			if strings.HasSuffix(problems[0].File, "_test.lua") {
				return
			}
			_, err = scripts.Open(scripts.Options{Dir: dir, Stdlib: stdlib.Files, Trunks: []string{"pstn"}, Prompts: promptsOf(t, dir)})
			if (err == nil) != problems[0].Warning() {
				t.Errorf("at run time: %v", err)
			} else if err != nil && scripts.Problems(err)[0].Error() != problems[0].Error() {
				t.Errorf("at run time: %v, checked: %v", err, problems[0].Error())
			}
		})
	}
}

func promptsOf(t testing.TB, dir string) scripts.Prompts {
	config, err := site.LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	return config.PromptLibrary(dir, nil, nil)
}

// What it costs to check the Chorus dialplan, prompts and all.
func BenchmarkCheckChorus(b *testing.B) {
	for b.Loop() {
		if problems := check(b, "../dialplans/chorus"); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}
