package sandbox

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// Read reads and compiles a script, or says what keeps it from being Lua. The file is there in any case.
func Read(name, text string) (*syntax.File, *lua.FunctionProto, *diag.Problem) {
	whole := diag.Problem{File: name, Code: diag.CodeFile}
	switch {
	case strings.HasPrefix(text, "\x1bLua"):
		whole.Message, whole.Hint = "this is compiled Lua, which is not run here", "put the source in its place"
		return &syntax.File{Name: name}, nil, &whole
	case strings.Contains(text, "\x00"):
		whole.Message, whole.Hint = "this is not a text, let alone Lua", "take the file away"
		return &syntax.File{Name: name}, nil, &whole
	}
	file, err := syntax.Parse(name, text)
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		p := file.Wrong(wrong)
		return file, nil, &p
	}
	// The machine's own parser takes whatever ours does; its compiler has limits of its own.
	chunk, err := Parse([]byte(text), name)
	var proto *lua.FunctionProto
	if err == nil {
		proto, err = compileFile(chunk, file)
	}
	if err == nil {
		return file, proto, nil
	}
	p := diag.Problem{File: name, Line: 1, Code: diag.CodeSyntax, Message: err.Error(), Source: text}
	var compile *lua.CompileError
	if errors.As(err, &compile) {
		line, _ := placed(compile.Line)
		p.Line, p.Message = max(1, line), compile.Message
	}
	return file, nil, &p
}
