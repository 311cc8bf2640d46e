package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/docs/checks"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/stdlib"
)

type checkCmd struct {
	Dir     string `arg:"" default:"." help:"The dialplan's folder."`
	Explain string `placeholder:"CODE" help:"Print the page of a code, such as W011, instead."`
}

func (k *checkCmd) Run(ctx context.Context, c *console) error {
	if k.Explain != "" {
		return explainCode(c, k.Explain)
	}
	if info, err := os.Stat(k.Dir); err != nil || !info.IsDir() {
		return yours("name the folder that holds main.lua", "%s is not a folder", k.Dir)
	}
	problems, err := check(ctx, k.Dir)
	if err != nil {
		return yours("", "%s cannot be checked: %v", k.Dir, err)
	}
	for i := range problems {
		if p := &problems[i]; p.Effect == "" && !p.Warning() {
			p.Effect = "a dialplan with this is not loaded; what serves calls goes on serving them"
			if strings.HasSuffix(p.File, "_test.lua") {
				p.Effect = "no test of this file is run; calls are served all the same"
			}
		}
	}
	if c.json {
		if err := c.answer(orEmpty(problems), nil); err != nil {
			return err
		}
	} else {
		for i, p := range problems {
			if i > 0 {
				c.printf("\n")
			}
			p.File = shown(k.Dir, p.File)
			c.printf("%s", p.String())
		}
	}
	if len(problems) > 0 {
		return &failure{code: exitYours, what: fmt.Sprintf("%s in %s", plural(len(problems), "problem"), k.Dir)}
	}
	c.say("%s: no problems", k.Dir)
	return nil
}

// explainCode prints the page of a code.
func explainCode(c *console, code string) error {
	page, ok := checks.Page(code)
	if !ok {
		return usage("codes: "+strings.Join(checks.Codes(), " "), "there is no code %s", code)
	}
	if c.json {
		return c.answer(map[string]string{"code": strings.ToUpper(code), "page": page}, nil)
	}
	c.printf("%s", page)
	return nil
}

// shown is a file as it can be opened from here; the standard library's have no place on the disk.
func shown(dir, file string) string {
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err != nil {
		return file
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}

// check finds what is wrong with a site: its settings, its lines.csv and its dialplan.
func check(ctx context.Context, dir string) ([]diag.Problem, error) {
	config, err := site.LoadConfig(dir)
	problems := site.Problems(err)
	if err != nil && problems == nil {
		return nil, err
	}
	o := scripts.Options{Dir: dir, Stdlib: stdlib.Files, Prompts: config.PromptLibrary(dir, nil, nil), Language: config.Language}
	if problems == nil {
		o.Trunks = config.TrunkNames()
	}
	lines, err := site.CheckLines(ctx, dir)
	if err != nil {
		return nil, err
	}
	more, err := scripts.Check(ctx, o)
	return slices.Concat(problems, lines, more), err
}
