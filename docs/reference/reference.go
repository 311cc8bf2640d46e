// Package reference makes the reference: of what Lua can call, of the command, and of the settings. go generate writes it.
package reference

//go:generate go run ./gen .

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/belfry-pbx/belfry/scripts/api"
)

//go:embed lua/examples
var files embed.FS

// Pages are the generated pages by their paths in this folder.
func Pages() (map[string]string, error) {
	pages := map[string]string{"settings.md": settingsPage()}
	command, err := commandPage()
	if err != nil {
		return nil, err
	}
	pages["command.md"] = command
	lua, err := luaPages(api.Belfry())
	if err != nil {
		return nil, err
	}
	for name, text := range lua {
		pages[path.Join("lua", name)] = text
	}
	return pages, nil
}

// Example is a dialplan that shows functions, and tests of it, if it has any.
type Example struct {
	File  string // "call.lua"
	Names []string
	Main  string // main.lua
	Own   bool   // Main is this example's and not that of all of its file
	Test  string // main_test.lua; "": none
}

// TestedMain is the dialplan that the examples of the test language are tests of.
const TestedMain = "tests.main.lua"

// Examples are those of a file.
func Examples(file string) ([]Example, error) {
	text, err := fs.ReadFile(files, "lua/examples/"+file)
	if err != nil {
		return nil, err
	}
	main, err := fs.ReadFile(files, "lua/examples/"+TestedMain)
	if err != nil {
		return nil, err
	}
	var all []Example
	inTest := false
	for _, line := range strings.SplitAfter(string(text), "\n") {
		heading, ok := strings.CutPrefix(line, "--- ")
		switch heading = strings.TrimSpace(heading); {
		case ok && heading == "main_test.lua" && len(all) > 0:
			inTest = true
		case ok:
			all = append(all, Example{File: file, Names: strings.Fields(heading)})
			inTest = false
		case len(all) == 0:
			return nil, fmt.Errorf("%s does not begin with --- and a name", file)
		case inTest:
			all[len(all)-1].Test += line
		default:
			all[len(all)-1].Main += line
		}
	}
	for i := range all {
		e := &all[i]
		if e.Own = !strings.Contains(e.Main, "\ntest(") && !strings.HasPrefix(e.Main, "test("); !e.Own {
			e.Main, e.Test = string(main), e.Main
		}
	}
	return all, nil
}

// Site has the files beside main.lua of every example.
func Site() fs.FS {
	sub, _ := fs.Sub(files, "lua/examples/site") // it is in the program
	return sub
}
