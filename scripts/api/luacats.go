package api

import (
	"fmt"
	"strings"
)

// aliases are the types that are not Lua's own and not classes.
const aliases = `---@alias Duration string|number "20s", "1m30s", "250ms", or seconds
---@alias Digits string a telephone number
---@alias Prompt string|Recording|(string|Recording)[] a name, "tone:busy", "number:77513", "count:5", "time:…", "silence:2s", a recording, or a list
---@alias Music string a file of the folder music, "tone:…" or "silence:2s"
---@alias Route string|fun(call: Call) a number, as if it had been dialled, or what to do
---@alias Routes table<string, Route> by what the caller dials: digits, or a pattern of x and n, which may lead to "dialled"
---@alias Targets string|string[] "77513", "trunk:NAME/NUMBER", "sip:user@host", or a list
---@alias Texts string|string[]
---@alias Keys string|boolean keys of a telephone; true: any, false: none
---@alias Time number seconds since 1970, UTC
---@alias Diverted { number: string, reason?: string }
---@alias Members (string|{ [1]: string, ringFor?: Duration, weight?: number })[]
`

const header = "---@meta\n-- Generated from scripts/api. Do not edit.\n\n"

// TypeFiles are the LuaCATS definitions for editors, by file name.
func (a *API) TypeFiles() map[string]string {
	var globals, classes strings.Builder
	globals.WriteString(header + aliases)
	for _, f := range a.Funcs {
		writeFunc(&globals, "", f)
	}
	for _, m := range a.Modules {
		fmt.Fprintf(&globals, "\n--- %s\n%s = {}\n", m.Doc, m.Name)
		for _, f := range m.Funcs {
			writeFunc(&globals, m.Name+".", f)
		}
	}
	classes.WriteString(header)
	for i, c := range a.Classes {
		if i > 0 {
			classes.WriteString("\n")
		}
		fmt.Fprintf(&classes, "--- %s\n---@class %s\n", c.Doc, c.Name)
		for _, f := range c.Fields {
			fmt.Fprintf(&classes, "---@field %s%s %s%s\n", f.Name, mark(f.Optional), catsType(f), trail(f.Doc))
		}
		if len(c.Methods) == 0 {
			continue
		}
		fmt.Fprintf(&classes, "local %s = {}\n", c.Name)
		for _, f := range c.Methods {
			writeFunc(&classes, c.Name+":", f)
		}
	}
	return map[string]string{"globals.lua": globals.String(), "classes.lua": classes.String()}
}

func mark(optional bool) string {
	if optional {
		return "?"
	}
	return ""
}

func trail(doc string) string {
	if doc == "" {
		return ""
	}
	return " " + doc
}

func catsType(v Value) string {
	if len(v.OneOf) > 0 {
		return `"` + strings.Join(v.OneOf, `"|"`) + `"`
	}
	return string(v.Type)
}

func writeFunc(b *strings.Builder, prefix string, f Func) {
	class := ""
	if f.Options != nil && (len(f.Options) > 0 || !f.Free) {
		class = strings.Trim(strings.ReplaceAll(prefix, ":", "."), ".") + "." + f.Name + ".Options"
		class = strings.TrimPrefix(class, ".")
		fmt.Fprintf(b, "\n---@class %s\n", class)
		for _, o := range f.Options {
			doc := o.Doc
			if o.Default != "" {
				doc = strings.TrimSpace(doc + " Default: " + o.Default + ".")
			}
			fmt.Fprintf(b, "---@field %s%s %s%s\n", o.Name, mark(!o.Required), catsType(o), trail(doc))
		}
		if f.Free {
			b.WriteString("---@field [integer] string\n")
		}
	} else if f.Options != nil {
		class = "table"
	}
	fmt.Fprintf(b, "\n--- %s\n", f.Doc)
	if f.Example != "" {
		fmt.Fprintf(b, "---\n--- ```lua\n--- %s\n--- ```\n", f.Example)
	}
	var names []string
	for _, p := range f.Params {
		kind := catsType(p)
		if f.Name == "test" && p.Type == Function {
			kind = "fun(t: Test)"
		}
		fmt.Fprintf(b, "---@param %s%s %s%s\n", p.Name, mark(p.Optional), kind, trail(p.Doc))
		names = append(names, p.Name)
	}
	if class != "" {
		fmt.Fprintf(b, "---@param options? %s\n", class)
		names = append(names, "options")
	}
	if f.Name == "extension" {
		b.WriteString("---@param handler fun(call: Call)\n---@overload fun(pattern: string, handler: fun(call: Call))\n")
		names = append(names, "handler")
	}
	for _, r := range f.Returns {
		fmt.Fprintf(b, "---@return %s%s%s\n", catsType(r), mark(r.Optional || f.Fails), trail(r.Doc))
	}
	if f.Fails {
		b.WriteString("---@return Error? err\n")
	}
	fmt.Fprintf(b, "function %s%s(%s) end\n", prefix, f.Name, strings.Join(names, ", "))
}
