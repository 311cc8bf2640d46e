package main

import (
	"fmt"
	"io/fs"
	"strings"
)

// prompt is one line of the text list.
type prompt struct {
	Name  string
	Group string
	Text  string // what people read
	Say   string // what the synthesiser is given; "": the text
}

func (p prompt) isTone() bool { return p.Text == "(tone)" }

// sentences returns what is to be spoken, sentence by sentence: each is spoken
// by itself, so that the pause between two is the same everywhere.
func (p prompt) sentences() []string {
	say := p.Say
	if say == "" {
		say = p.Text
	}
	var all []string
	for _, s := range strings.SplitAfter(say, ". ") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// parseList reads a text list: comments, which name the group of the lines
// after them, and lines of a name, a text and at times a reading, with tabs between.
func parseList(text string) ([]prompt, error) {
	var list []prompt
	seen := map[string]bool{}
	group := ""
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			group = strings.TrimSpace(comment)
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) < 2 || len(fields) > 3 || fields[0] == "" || strings.TrimSpace(fields[1]) == "" {
			return nil, fmt.Errorf("line %d: want a name, a tab and a text", i+1)
		}
		p := prompt{Name: fields[0], Group: group, Text: fields[1]}
		if len(fields) == 3 {
			p.Say = fields[2]
		}
		if !fs.ValidPath(p.Name) || p.Name == "." {
			return nil, fmt.Errorf("line %d: %q is not a name that a file could have", i+1, p.Name)
		}
		if seen[p.Name] {
			return nil, fmt.Errorf("line %d: %s is there twice", i+1, p.Name)
		}
		seen[p.Name] = true
		list = append(list, p)
	}
	return list, nil
}
