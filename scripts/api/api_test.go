package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/parse"
)

func TestTypeFilesAreCurrent(t *testing.T) {
	for name, want := range Belfry().TypeFiles() {
		got, err := os.ReadFile(filepath.Join("..", "..", "stdlib", "types", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("stdlib/types/%s is not what the API says: go generate ./scripts/api", name)
		}
		if _, err := parse.Parse(strings.NewReader(want), name); err != nil {
			t.Errorf("%s is not Lua: %v", name, err)
		}
	}
}

// each calls fn for every function and method.
func each(fn func(name string, f Func)) {
	a := Belfry()
	for _, f := range a.Funcs {
		fn(f.Name, f)
	}
	for _, m := range a.Modules {
		for _, f := range m.Funcs {
			fn(m.Name+"."+f.Name, f)
		}
	}
	for _, c := range a.Classes {
		for _, f := range c.Methods {
			fn(c.Name+":"+f.Name, f)
		}
	}
}

// Everything is documented, and every example is Lua.
func TestEverythingIsDocumented(t *testing.T) {
	each(func(name string, f Func) {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: doc %q", name, f.Doc)
		}
		if f.Example == "" {
			t.Errorf("%s has no example", name)
		}
		example := strings.ReplaceAll(f.Example, "…", "")
		if _, err := parse.Parse(strings.NewReader(example), name); err != nil {
			t.Errorf("%s: the example %q is not Lua: %v", name, f.Example, err)
		}
		for _, o := range f.Options {
			if o.Doc == "" && len(o.OneOf) == 0 && o.Name != "limit" {
				t.Errorf("%s: option %s is not described", name, o.Name)
			}
		}
	})
}

// The types named in the API are Lua's, aliases or classes.
func TestTypesExist(t *testing.T) {
	known := map[string]bool{"string": true, "boolean": true, "integer": true, "number": true, "function": true, "table": true, "any": true}
	for _, line := range strings.Split(aliases, "\n") {
		if f := strings.Fields(line); len(f) > 1 {
			known[f[1]] = true
		}
	}
	for _, c := range Belfry().Classes {
		known[c.Name] = true
	}
	check := func(where string, v Value) {
		if !known[strings.TrimSuffix(string(v.Type), "[]")] {
			t.Errorf("%s: there is no type %q", where, v.Type)
		}
	}
	each(func(name string, f Func) {
		for _, list := range [][]Value{f.Params, f.Options, f.Returns} {
			for _, v := range list {
				check(name, v)
			}
		}
	})
	for _, c := range Belfry().Classes {
		for _, f := range c.Fields {
			check(c.Name, f)
		}
	}
}
