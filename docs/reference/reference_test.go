package reference

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
	"github.com/belfry-pbx/belfry/scripts/syntax"
	"github.com/belfry-pbx/belfry/stdlib"
)

func TestPagesAreCurrent(t *testing.T) {
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		} else if string(got) != want {
			t.Errorf("docs/reference/%s is not what is described: go generate ./docs/reference", name)
		}
	}
	there, err := filepath.Glob("lua/*.md")
	if err != nil || len(there) < 10 {
		t.Fatal(there, err)
	}
	for _, name := range there {
		if pages[filepath.ToSlash(name)] == "" {
			t.Errorf("nothing makes %s", name)
		}
	}
}

// all are the examples of every file.
func all(t *testing.T) []Example {
	t.Helper()
	names, err := fs.Glob(files, "lua/examples/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	var list []Example
	for _, name := range names {
		if filepath.Base(name) == TestedMain {
			continue
		}
		examples, err := Examples(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, examples...)
	}
	if len(list) < 80 {
		t.Fatalf("%d examples", len(list))
	}
	return list
}

// folder is an example as a site.
func folder(t *testing.T, e Example) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, Site()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"main.lua": e.Main, "main_test.lua": e.Test} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every example is a dialplan that has no problems and loads, again after a change too.
func TestExamplesLoad(t *testing.T) {
	for _, e := range all(t) {
		t.Run(e.File+" "+strings.Join(e.Names, " "), func(t *testing.T) {
			t.Parallel()
			dir := folder(t, e)
			config, err := site.LoadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			o := scripts.Options{Dir: dir, Stdlib: stdlib.Files, Prompts: config.PromptLibrary(dir, nil, nil), Trunks: config.TrunkNames()}
			problems, err := scripts.Check(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
			h, err := scripts.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(e.Main+"\n-- changed\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if r, err := h.Reload(context.Background()); err != nil || r.Generation != 2 || r.Extensions == 0 {
				t.Error(r, err)
			}
		})
	}
}

// Every example's tests pass, in a simulated exchange.
func TestExamplesDoWhatTheirTestsSay(t *testing.T) {
	for _, e := range all(t) {
		if e.Test == "" {
			continue
		}
		t.Run(e.File+" "+strings.Join(e.Names, " "), func(t *testing.T) {
			t.Parallel()
			s, err := site.Simulate(t.Context(), folder(t, e))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			report, err := dialtest.Run(t.Context(), dialtest.Options{Host: s.Host(), Open: s.Open})
			if err != nil {
				t.Fatal(err)
			}
			if passed, failed, _ := report.Count(); passed == 0 || failed > 0 {
				var b strings.Builder
				report.Print(&b, dialtest.Style{})
				t.Errorf("%d passed, %d failed\n%s", passed, failed, &b)
			}
		})
	}
}

// What an example is said to show, it calls.
func TestExamplesShowWhatTheyAreFor(t *testing.T) {
	known := map[string][]string{"functions.lua": nil}
	a := api.Belfry()
	for _, f := range a.Funcs {
		known["functions.lua"] = append(known["functions.lua"], f.Name)
	}
	for _, m := range a.Modules {
		for _, f := range m.Funcs {
			known[m.Name+".lua"] = append(known[m.Name+".lua"], f.Name)
		}
	}
	for _, c := range a.Classes {
		known[strings.ToLower(c.Name)+".lua"] = c.MethodNames()
	}
	for _, e := range all(t) {
		called := map[string]bool{}
		for _, text := range []string{e.Main, e.Test} {
			f, err := syntax.Parse("x.lua", text)
			if err != nil {
				t.Fatal(e.File, e.Names, err)
			}
			syntax.Inspect(f.Chunk, func(n syntax.Node) bool {
				if call, ok := n.(*syntax.Call); ok {
					switch fn := call.Func.(type) {
					case *syntax.Name:
						called[fn.Text] = true
					case *syntax.Index:
						if key, ok := fn.Key.(*syntax.String); ok {
							called[key.Value] = true
						}
					}
					if call.Method != nil {
						called[call.Method.Text] = true
					}
				}
				return true
			})
		}
		for _, name := range e.Names {
			if !called[name] {
				t.Errorf("%s: the example of %s does not call it", e.File, name)
			}
			if !slices.Contains(known[e.File], name) {
				t.Errorf("%s: there is no %s", e.File, name)
			}
		}
	}
}
