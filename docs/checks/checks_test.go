package checks

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/stdlib"
)

var (
	reBlock = regexp.MustCompile("(?ms)^```lua\n(.*?)^```$")
	reName  = regexp.MustCompile(`^-- (\w+\.lua)\n`)
	reCode  = regexp.MustCompile(`(?m)^\tCode\w+ += "([EW]\d+)"`)
)

// lines are those of the site that the examples belong to; its trunk is pstn.
const lines = "number,name,kind,person,department,secret,permissions,voicemail,pin,pickup_group,email\n" +
	"201,Ana,person,ana,,,internal,yes,274951,,\n202,Ben,person,ben,,,internal,no,830462,,\n"

// codes are those of the problems that a site with one file has.
func codes(t *testing.T, text string) (all []string) {
	name, files := "main.lua", map[string]string{"lines.csv": lines}
	if m := reName.FindStringSubmatch(text); m != nil {
		name = m[1]
	}
	if name == "settings.lua" {
		files["main.lua"] = `extension("600", function(call) call:answer() end)`
	}
	files[name] = text
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := site.LoadConfig(dir)
	problems := site.Problems(err)
	more, err := scripts.Check(context.Background(), scripts.Options{
		Dir: dir, Stdlib: stdlib.Files, Prompts: config.PromptLibrary(dir, nil, nil), Trunks: []string{"pstn"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(problems, more...) {
		all = append(all, p.Code)
		t.Log(p)
	}
	return all
}

func TestExamples(t *testing.T) {
	for _, code := range Codes() {
		t.Run(code, func(t *testing.T) {
			text, ok := Page(code)
			blocks := reBlock.FindAllStringSubmatch(text, -1)
			if !ok || len(blocks) != 2 {
				t.Fatalf("%d examples", len(blocks))
			}
			if got := codes(t, blocks[0][1]); !slices.Equal(got, []string{code}) {
				t.Errorf("the wrong example has the problems %v", got)
			}
			if got := codes(t, blocks[1][1]); len(got) != 0 {
				t.Errorf("the right example has the problems %v", got)
			}
		})
	}
}

// Every code has its page, and every page its code.
func TestEveryCodeHasAPage(t *testing.T) {
	src, err := os.ReadFile("../../scripts/diag/problem.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range reCode.FindAllStringSubmatch(string(src), -1) {
		want = append(want, m[1])
	}
	slices.Sort(want)
	if got := Codes(); len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("pages %v, codes %v", got, want)
	}
}
