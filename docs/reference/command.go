package reference

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/cmd"
	"github.com/belfry-pbx/belfry/scripts/settings"
)

var reVerb = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)*)  +\S`)

// commandPage is what the command itself says of its verbs.
func commandPage() (string, error) {
	general, err := help()
	if err != nil {
		return "", err
	}
	_, verbs, ok := strings.Cut(general, "\nCommands:\n")
	if !ok {
		return "", fmt.Errorf("belfry --help lists no commands")
	}
	var b strings.Builder
	b.WriteString(generated + "# The command\n\nWhat `belfry --help` and `belfry VERB --help` say.\n\n" +
		"Results go to standard output and talk to standard error. With `--json` every verb answers in JSON, errors included.\n\n" +
		"| exit code | what |\n|---|---|\n| 0 | fine |\n| 1 | your files or data |\n| 2 | usage |\n| 3 | no server |\n| 4 | the world: a busy line, nobody answers, a port that is taken |\n\n")
	b.WriteString(indented(general))
	for _, m := range reVerb.FindAllStringSubmatch(verbs, -1) {
		text, err := help(strings.Fields(m[1])...)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## belfry %s\n\n%s", m[1], indented(text))
	}
	return b.String(), nil
}

func help(verb ...string) (string, error) {
	var out, errOut bytes.Buffer
	if code := cmd.Main(context.Background(), append(verb, "--help"), strings.NewReader(""), &out, &errOut); code != 0 {
		return "", fmt.Errorf("belfry %s --help: exit code %d: %s", strings.Join(verb, " "), code, &errOut)
	}
	return out.String(), nil
}

func indented(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
	}
	return b.String()
}

// settingsPage lists what may stand in a settings.lua.
func settingsPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Settings\n\nA site's `settings.lua` returns one table. Everything in it may be left out; a setting that is none is a mistake " +
		"that `belfry check` finds.\n\nA secret is written `secret \"NAME\"`: its value is that of `BELFRY_SECRET_NAME` in the environment, or of a line " +
		"`NAME=value` in the file `secrets` beside the settings.\n\nDurations are texts such as `\"30s\"` or `\"1m30s\"`, or seconds.\n")
	all := settings.Describe()
	slices.SortStableFunc(all, func(a, b settings.Setting) int {
		return min(1, strings.Count(a.Path, ".")) - min(1, strings.Count(b.Path, "."))
	})
	table := "-"
	for _, s := range all {
		in, name := "", s.Path
		if i := strings.LastIndex(s.Path, "."); i >= 0 {
			in, name = s.Path[:i], s.Path[i+1:]
		}
		if in != table {
			if table = in; in != "" {
				fmt.Fprintf(&b, "\n## %s\n", in)
			}
			b.WriteString("\n| setting | takes | default | | example |\n|---|---|---|---|---|\n")
		}
		value := "`" + s.Default + "`"
		if s.Default == "" {
			value = ""
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", name, s.Takes, value, s.Doc, s.Example)
	}
	return b.String()
}
