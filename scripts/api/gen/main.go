// Command gen writes the editors' type files of the Lua API: go generate ./scripts/api
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/scripts/api"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER")
		os.Exit(2)
	}
	for name, text := range api.Belfry().TypeFiles() {
		path := filepath.Join(os.Args[1], name)
		if err := os.MkdirAll(os.Args[1], 0o755); err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
			if err == nil {
				continue
			}
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}
