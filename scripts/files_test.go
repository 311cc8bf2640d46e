package scripts

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// forbidden is a disk on which some file or folder may not be read.
type forbidden struct {
	fstest.MapFS
	name string
}

func (f forbidden) check(op, name string) error {
	if name == f.name {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
	}
	return nil
}

func (f forbidden) Open(name string) (fs.File, error) {
	if err := f.check("open", name); err != nil {
		return nil, err
	}
	return f.MapFS.Open(name)
}

func (f forbidden) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.check("open", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadDir(name)
}

func (f forbidden) ReadFile(name string) ([]byte, error) {
	if err := f.check("open", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadFile(name)
}

// Whatever may not be read is told in one sentence that names it.
func TestWhatCannotBeRead(t *testing.T) {
	files := fstest.MapFS{"main.lua": {Data: []byte("require 'sales.team'")}, "sales/team.lua": {Data: []byte("return {}")}}
	for name, want := range map[string]string{
		".":              "the folder cannot be read: permission denied",
		"main.lua":       "main.lua cannot be read: permission denied",
		"sales":          "sales cannot be read: permission denied",
		"sales/team.lua": "sales/team.lua cannot be read: permission denied",
	} {
		if _, err := readFolder(forbidden{files, name}, ""); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
