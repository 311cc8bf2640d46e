package scripts

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/lint"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// facts are what the files of a dialplan may refer to.
func (h *Host) facts(files map[string]*source) lint.Site {
	g := &generation{host: h, files: files}
	site := lint.Site{
		API: h.api, Absent: sandbox.Absent, Trunks: h.opts.Trunks,
		Duration: func(text string) (time.Duration, bool) { return duration(luaText(text)) },
		Hours:    func(rule string) error { _, err := parseRule(rule); return err },
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
	site.Music = func(name string) (message, hint string) { return missingMusic(h.opts.Prompts, name) }
	lines := readLines(filepath.Join(h.opts.Dir, "lines.csv"))
	site.Permissions = func() (words []string, all bool) { return h.permissions(lines), lines != nil }
	site.Library = func(name string) *syntax.File {
		f, ok := g.module(name)
		if !ok || !strings.HasPrefix(f.name, libraryPrefix) {
			return nil
		}
		return f.file
	}
	if lines == nil {
		return site
	}
	site.Numbers = func() []string { return slices.Sorted(maps.Keys(lines)) }
	site.Line = func(number string) (known, voicemail bool) {
		l, known := lines[number]
		if known || h.opts.Engine == nil {
			return known, l.voicemail
		}
		kept, err := h.opts.Engine.Directory().Line(context.Background(), number)
		return err == nil, err == nil && kept.Voicemail
	}
	return site
}

// permissions are the words that lines may have: those of the ladder, the standard library's, and those that lines have.
func (h *Host) permissions(lines map[string]row) []string {
	words := append(directory.Ladder(), "callWaiting")
	for _, l := range lines {
		words = append(words, l.permissions...)
	}
	if h.opts.Engine != nil {
		kept, _ := h.opts.Engine.Directory().Lines(context.Background()) // of one that cannot be read, the file says it
		for _, l := range kept {
			words = append(words, l.Permissions...)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// row is what a line of lines.csv says that dialplans refer to.
type row struct {
	voicemail   bool
	permissions []string
}

// readLines are the lines in a lines.csv by their numbers; nil if there is no such file. What is wrong with it, its
// import says.
func readLines(path string) map[string]row {
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
	column := func(name string) func(fields []string) (string, bool) {
		i := slices.Index(rows[0], name)
		return func(fields []string) (string, bool) {
			if i < 0 || i >= len(fields) {
				return "", i >= 0
			}
			return fields[i], true
		}
	}
	number, voicemail, permissions := column("number"), column("voicemail"), column("permissions")
	if _, ok := number(nil); !ok {
		return nil
	}
	lines := map[string]row{}
	for _, fields := range rows[1:] {
		n, _ := number(fields)
		has, told := voicemail(fields)
		may, _ := permissions(fields)
		if n != "" {
			lines[n] = row{voicemail: !told || has != "no" && has != "", permissions: strings.Fields(may)}
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
