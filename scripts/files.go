package scripts

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// definitions is what a file begins with that is not to be run, but tells editors of what there is (LuaCATS, @meta).
const definitions = "---@meta"

// libraryPrefix is what the names of standard library files begin with in errors.
const libraryPrefix = "stdlib/"

// The bounds of a dialplan's folder.
const (
	maxFiles  = 2000
	maxDepth  = 8
	maxFolder = 32 << 20 // bytes of Lua in all
	maxSeen   = 50_000   // files and folders of any kind
)

// source is one Lua file.
type source struct {
	name  string // as shown: "sales.lua", "stdlib/menu.lua"
	text  string
	file  *syntax.File       // as read by compile
	proto *lua.FunctionProto // as compiled; nil if it could not be
}

func isLua(name string) bool  { return strings.HasSuffix(name, ".lua") }
func isTest(name string) bool { return strings.HasSuffix(name, "_test.lua") }

// isModule tells whether a file of a dialplan's folder can be required: tests, settings
// and what editors leave behind cannot.
func isModule(name string) bool {
	return isLua(name) && !isTest(name) && name != "settings.lua"
}

// readFolder reads the Lua files of a folder and the folders in it, by their slashed names.
// Links are followed, names that begin with a dot are not looked at: that is how configuration
// volumes are swapped under a running program.
func readFolder(fsys fs.FS, prefix string) (map[string]*source, error) {
	files := map[string]*source{}
	total, seen := 0, 0
	var read func(dir string, depth int) error
	read = func(dir string, depth int) error {
		if depth > maxDepth {
			return fmt.Errorf("folders are nested deeper than %d: %s", maxDepth, dir)
		}
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			return unreadable(dir, err)
		}
		if seen += len(entries); seen > maxSeen {
			return fmt.Errorf("there are more than %d files in it: is it a dialplan's folder?", maxSeen)
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if strings.HasPrefix(e.Name(), ".") || e.Type().IsRegular() && !isLua(name) {
				continue
			}
			info, err := fs.Stat(fsys, name) // of what a link leads to
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone in the meantime, or a link to nowhere, as editors use for locks
			} else if err != nil {
				return err
			}
			if info.IsDir() {
				if err := read(name, depth+1); err != nil {
					return err
				}
				continue
			}
			if !isLua(name) || !info.Mode().IsRegular() {
				continue
			}
			if total += int(info.Size()); total > maxFolder || len(files) >= maxFiles {
				return fmt.Errorf("there are more than %d files or %d MiB of Lua in it", maxFiles, maxFolder>>20)
			}
			text, err := fs.ReadFile(fsys, name)
			if err != nil {
				return unreadable(name, err)
			}
			if !bytes.HasPrefix(text, []byte(definitions)) {
				files[name] = &source{name: prefix + name, text: string(text)}
			}
		}
		return nil
	}
	if err := read(".", 0); err != nil {
		return nil, err
	}
	return files, nil
}

// unreadable says which file or folder cannot be read, and why.
func unreadable(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if name == "." {
		return fmt.Errorf("the folder cannot be read: %w", err)
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}

// readDir reads a dialplan's folder.
func readDir(dir string) (map[string]*source, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	return readFolder(os.DirFS(resolved), "")
}

// fingerprint tells folders apart by what their modules say.
func fingerprint(files map[string]*source) [sha256.Size]byte {
	h := sha256.New()
	for _, name := range sortedNames(files) {
		if isModule(name) {
			fmt.Fprintf(h, "%s %d %s", name, len(files[name].text), files[name].text)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// changed lists the modules that differ.
func changed(old, now map[string]*source) []string {
	var names []string
	for name, f := range now {
		if o, ok := old[name]; isModule(name) && (!ok || o.text != f.text) {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, ok := now[name]; isModule(name) && !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func sortedNames(files map[string]*source) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// compile reads and compiles one file.
func (f *source) compile() (problem *diag.Problem) {
	f.file, f.proto, problem = sandbox.Read(f.name, f.text)
	return problem
}

// moduleFile is the file a required name means.
func moduleFile(name string) (string, bool) {
	file := strings.TrimSuffix(name, ".lua")
	if !strings.Contains(file, "/") {
		file = strings.ReplaceAll(file, ".", "/")
	}
	if !fs.ValidPath(file) || file == "." {
		return "", false
	}
	return file + ".lua", true
}
