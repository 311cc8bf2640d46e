// Package api is the one description of what Lua can call: every function, method,
// option, field, type and default. The bindings check arguments by it, the editor's
// type files and the reference are generated from it.
package api

//go:generate go run ./gen ../../stdlib/types

import (
	"slices"
	"strings"
)

// Type is what a value may be. The names are those of the type files.
type Type string

// The types of arguments, options, fields and results.
const (
	Text     Type = "string"
	Bool     Type = "boolean"
	Int      Type = "integer"
	Number   Type = "number"
	Duration Type = "Duration"  // "20s", "1m30s", or seconds
	Digits   Type = "Digits"    // a telephone number: a text, never a Lua number
	Prompt   Type = "Prompt"    // a name, a recording, or a list of them
	Music    Type = "Music"     // the name of hold music
	Route    Type = "Route"     // a number that the dialplan answers, or a function that is given the call
	Routes   Type = "Routes"    // a table of them, by what the caller dials
	Targets  Type = "Targets"   // a target or a list of them
	Texts    Type = "Texts"     // a text or a list of texts
	Keys     Type = "Keys"      // keys of a telephone; true: any, false: none
	Function Type = "function"  //
	Table    Type = "table"     //
	Any      Type = "any"       //
	Nothing  Type = ""          // a function that returns nothing
	Time     Type = "Time"      // seconds since 1970, UTC
	Sound    Type = "Recording" // what record returns
	Members  Type = "Members"   // of a group
	Diverted Type = "Diverted"  // who diverted a call, and why
)

// Value is a parameter, an option or a field.
type Value struct {
	Name     string
	Type     Type
	OneOf    []string // a text out of these
	Default  string   // as written in Lua; "": none
	Required bool     // parameters are unless Optional; options are not unless this says so
	Optional bool
	Secret   bool    // what is given must not be shown: a PIN
	Min, Max float64 // of numbers and durations in seconds; both 0: any that is not negative
	Doc      string
}

// Func is a function or method.
type Func struct {
	Name    string
	Params  []Value
	Options []Value // of the table that is the last argument; nil: none
	Free    bool    // the options table takes other keys too (list items, fields)
	Returns []Value
	Fails   bool // may return nil, err
	Doc     string
	Example string
	AtLoad  bool // may also be called while the dialplan is loaded
	Ends    bool // ends the handler
}

// Class is a kind of object.
type Class struct {
	Name    string
	Called  string // what messages call an object of it; "": the name in lower case
	Tests   bool   // only tests have such objects: package scripts/dialtest does what their methods are for
	Doc     string
	Fields  []Value
	Methods []Func
}

// Module is a global table of functions.
type Module struct {
	Name, Doc string
	Funcs     []Func
}

// API is all of it.
type API struct {
	Funcs   []Func
	Modules []Module
	Classes []Class
}

// Belfry is the API of this version.
func Belfry() *API {
	return &API{
		Funcs:   functions(),
		Modules: []Module{logModule()},
		Classes: slices.Concat([]Class{callClass()}, resultClasses(), objectClasses(), testClasses()),
	}
}

// Class finds a class by its name.
func (a *API) Class(name string) (Class, bool) {
	i := slices.IndexFunc(a.Classes, func(c Class) bool { return c.Name == name })
	if i < 0 {
		return Class{}, false
	}
	return a.Classes[i], true
}

// Func finds a global function.
func (a *API) Func(name string) (Func, bool) { return find(a.Funcs, name) }

// Word is what messages call an object of the class.
func (c Class) Word() string {
	if c.Called != "" {
		return c.Called
	}
	return strings.ToLower(c.Name)
}

// Method finds a method.
func (c Class) Method(name string) (Func, bool) { return find(c.Methods, name) }

func find(list []Func, name string) (Func, bool) {
	i := slices.IndexFunc(list, func(f Func) bool { return f.Name == name })
	if i < 0 {
		return Func{}, false
	}
	return list[i], true
}

// Members are the names of a class's fields and methods.
func (c Class) Members() []string {
	return append(Names(c.Fields), c.MethodNames()...)
}

// MethodNames are the names of a class's methods.
func (c Class) MethodNames() []string {
	var all []string
	for _, m := range c.Methods {
		all = append(all, m.Name)
	}
	return all
}

// Names are the names of values.
func Names(list []Value) []string {
	var all []string
	for _, v := range list {
		all = append(all, v.Name)
	}
	return all
}

// Globals are the names of all functions and modules.
func (a *API) Globals() []string {
	var all []string
	for _, f := range a.Funcs {
		all = append(all, f.Name)
	}
	for _, m := range a.Modules {
		all = append(all, m.Name)
	}
	return all
}

// Quoted is a list of alternatives as an author would write them.
func Quoted(list []string) string {
	return `"` + strings.Join(list, `", "`) + `"`
}

func opt(name string, t Type, def, doc string) Value {
	return Value{Name: name, Type: t, Default: def, Doc: doc}
}

func param(name string, t Type, doc string) Value { return Value{Name: name, Type: t, Doc: doc} }

func optional(name string, t Type, def, doc string) Value {
	return Value{Name: name, Type: t, Default: def, Optional: true, Doc: doc}
}

func choice(name string, def string, doc string, of ...string) Value {
	v := Value{Name: name, Type: Text, OneOf: of, Doc: doc}
	if def != "" {
		v.Default = `"` + def + `"`
	}
	return v
}

func one(t Type, doc string) []Value { return []Value{{Type: t, Doc: doc}} }
