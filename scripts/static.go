package scripts

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/lint"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
)

// facts are what the files of a dialplan may refer to.
func (h *Host) facts(files map[string]*source) lint.Site {
	g := &generation{host: h, files: files}
	site := lint.Site{
		API: h.api, Absent: sandbox.Absent, Trunks: h.opts.Trunks,
		Duration: func(text string) (time.Duration, bool) { return duration(luaText(text)) },
		Module: func(name string) (bool, []string) {
			if file, valid := moduleFile(name); valid && files[file] != nil && isModule(file) {
				return true, nil // its own problems are reported by itself
			}
			_, ok := g.module(name)
			return ok, g.modules()
		},
		Prompt: func(name string) (message, hint string) {
			if fn, _ := spoken(name); fn != "" {
				return "", ""
			}
			return missingPrompt(h.opts.Prompts, name, h.opts.Language)
		},
	}
	lines := readLines(filepath.Join(h.opts.Dir, "lines.csv"))
	if lines == nil {
		return site
	}
	site.Numbers = func() []string {
		var all []string
		for number := range lines {
			all = append(all, number)
		}
		slices.Sort(all)
		return all
	}
	site.Line = func(number string) (known, voicemail bool) {
		voicemail, known = lines[number]
		if known || h.opts.Engine == nil {
			return known, voicemail
		}
		l, err := h.opts.Engine.Directory().Line(context.Background(), number)
		return err == nil, err == nil && l.Voicemail
	}
	return site
}

// readLines are the numbers in a lines.csv, and which of them have voicemail; nil if there is no such file. What is
// wrong with it, its import says.
func readLines(path string) map[string]bool {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil
	}
	number, voicemail := slices.Index(rows[0], "number"), slices.Index(rows[0], "voicemail")
	if number < 0 {
		return nil
	}
	lines := map[string]bool{}
	for _, row := range rows[1:] {
		if number < len(row) {
			lines[row[number]] = voicemail < 0 || voicemail < len(row) && row[voicemail] != "no" && row[voicemail] != ""
		}
	}
	return lines
}

// findings are what looking at the files has found.
type findings struct {
	errors, warnings []diag.Problem
	files            map[string]lint.Result // by the name in errors
	noDialplan       bool                   // most files are not even texts
}

// static looks at files that have been read, without running anything.
func (h *Host) static(files map[string]*source, which func(name string) bool) *findings {
	found := &findings{files: map[string]lint.Result{}}
	site := h.facts(files)
	var noText []diag.Problem
	for _, name := range sortedNames(files) {
		if !which(name) {
			continue
		}
		f := files[name]
		if problem := f.compile(); problem != nil && problem.Code == diag.CodeFile {
			noText = append(noText, *problem)
			continue
		} else if problem != nil {
			found.errors = append(found.errors, *problem)
			continue
		}
		r := lint.Check(f.file, site, isTest(name))
		found.files[f.name] = r
		for _, p := range r.Problems {
			if p.Warning() {
				found.warnings = append(found.warnings, p)
			} else {
				found.errors = append(found.errors, p)
			}
		}
	}
	if n := len(noText); n > 3 { // one sentence for a folder full of them
		noText[0].Message = fmt.Sprintf("this and %d other files are not texts, let alone Lua", n-1)
		noText[0].Hint = "is this a dialplan's folder?"
		noText, found.noDialplan = noText[:1], true
	}
	found.errors = append(found.errors, noText...)
	return found
}

// allowed tells whether a comment allows a problem that was found by running the dialplan.
func (g *generation) allowed(p diag.Problem) bool {
	f := g.find(p.File)
	return f != nil && f.file != nil && f.file.Chunk != nil && lint.Allowed(f.file, p.Line, p.Code)
}
