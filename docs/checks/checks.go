// Package checks has a page for each code of belfry check: what it means, why it matters, wrong and right.
package checks

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.md
var pages embed.FS

// Page is the page of a code, "W004".
func Page(code string) (text string, ok bool) {
	b, err := pages.ReadFile(strings.ToUpper(code) + ".md")
	if err != nil || strings.ToUpper(code) == "README" {
		return "", false
	}
	return string(b), true
}

// Codes are those that have a page, in order.
func Codes() []string {
	entries, _ := pages.ReadDir(".") // it is in the program
	var all []string
	for _, e := range entries {
		if code := strings.TrimSuffix(e.Name(), ".md"); code != "README" {
			all = append(all, code)
		}
	}
	slices.Sort(all)
	return all
}
