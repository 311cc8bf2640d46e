// Package stdlib is what every dialplan may count on: the Lua modules that
// require finds after the site's own, and the prompts and music that ship
// with Belfry.
package stdlib

import (
	"embed"
	"io/fs"
)

// Files is this folder as it was when the program was built: the Lua modules
// at its root and in folders of their own, the sounds under prompts.
//
// The patterns take every file with a dot in its name, three folders deep, so that
// a new module or folder is in the program without a change here, and a folder
// that is still empty is no error.
//
//go:embed *.* */*.* */*/*.* */*/*/*.*
var Files embed.FS

// Prompts returns the shipped sounds, laid out as package prompt wants a
// source: en/vm-intro.wav, music/bells.wav.
func Prompts() fs.FS {
	sub, err := fs.Sub(Files, "prompts")
	if err != nil { // the name is a constant and valid: unreachable
		return Files
	}
	return sub
}
