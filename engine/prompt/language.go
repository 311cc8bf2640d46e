package prompt

import (
	"slices"
	"strings"
)

// tag brings a language to one spelling: en_GB and en-gb are the same.
func tag(language string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(language), "_", "-"))
}

// chain lists the languages to look in: the one asked for, what it is a kind of
// (RFC 4647 section 3.4, lookup), then the library's own in the same way.
func (l *Library) chain(language string) []string {
	var chain []string
	for _, lang := range []string{tag(language), l.language} {
		for lang != "" {
			if !slices.Contains(chain, lang) {
				chain = append(chain, lang)
			}
			cut := strings.LastIndexByte(lang, '-')
			lang = lang[:max(cut, 0)]
		}
	}
	return chain
}
