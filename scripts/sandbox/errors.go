package sandbox

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// ScriptError is an error that a script raised and did not catch.
type ScriptError struct{ Raised Raised }

// Error is the error in one line.
func (e *ScriptError) Error() string { return e.Raised.Text }

// Problem is the error as a problem; file is the one that it is in, nil if that is not known.
func (e *ScriptError) Problem(file *syntax.File) diag.Problem {
	r := e.Raised
	p := diag.Problem{File: r.File, Line: r.Line, Code: r.Code, Message: r.Message, Hint: r.Hint, Path: r.Path}
	if p.Code == "" {
		p.Code = diag.CodeRun
	}
	return point(p, file, r)
}

// Problem is the limit as a problem: at the loop that was running, or else at what was.
func (e *LimitError) Problem(file *syntax.File) diag.Problem {
	p := diag.Problem{File: e.At.File, Line: e.At.Line, Code: diag.CodeLimit, Message: e.Error()}
	if file != nil && file.Chunk != nil && e.inner == e.At {
		if loop := loopAt(file, e.At.Line, e.At.Col); loop != nil {
			at := file.Problem(syntax.Span{Start: loop.Pos().Start, End: wordEnd(file.Text, loop.Pos().Start)}, p.Code, p.Message, "")
			return at
		}
	}
	return point(p, file, Raised{Col: e.At.Col})
}

var (
	reAt    = regexp.MustCompile(`^([^:\n]+):(\d+): `)
	reIndex = regexp.MustCompile(`^attempt to index a non-table object\((\w+)\) with key '(.*)'$`)
	reArith = regexp.MustCompile(`^cannot perform (\w+) operation between (\w+) and (\w+)$`)
	reTrace = regexp.MustCompile(`(?m)^\t([^:\n\[]+):(\d+): in (?:function '([^'\n]*)')?`)
)

// scriptError makes what the virtual machine returned into an error with a place, and its
// terser messages into sentences.
func (s *State) scriptError(err error) *ScriptError {
	text := err.Error()
	var path []diag.Step
	var api *lua.ApiError
	if errors.As(err, &api) {
		text = s.text(api.Object)
		path = traced(api.StackTrace)
	}
	if s.last != nil && s.last.Text == text {
		return &ScriptError{*s.last}
	}
	r := Raised{Text: text, Message: text, Path: path}
	if file, line, col, rest := told(text); file != "" {
		r.File, r.Line, r.Col, r.Message = file, line, col, rest
	} else if m := reAt.FindStringSubmatch(text); m != nil { // caught, and raised again
		r.File, r.Message = m[1], strings.TrimPrefix(text, m[0])
		r.Line, _ = strconv.Atoi(m[2])
	} else if len(path) > 0 {
		r.File, r.Line, r.Col = path[0].File, path[0].Line, path[0].Col
	}
	r.explain()
	if r.File != "" {
		r.Text = fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Message)
	}
	return &ScriptError{r}
}

// explain says in words what the virtual machine says in its own terms.
func (r *Raised) explain() {
	switch m := reIndex.FindStringSubmatch(r.Message); {
	case m != nil:
		r.Word = m[2]
		r.Message = fmt.Sprintf("what stands before '%s' here is %s, which has no fields", m[2], aOrNil(m[1]))
		if m[1] == "nil" {
			r.Hint = "test it first, or look where it should have come from"
		}
		return
	case r.Message == "attempt to call a non-function object":
		r.Message = "what is called here is not a function"
		r.Hint = "is the name right, and does the object have such a method?"
		return
	case strings.Contains(r.Message, "stack overflow"):
		r.Message, r.Hint = "functions call each other too deeply", "does one call itself without an end?"
		return
	}
	if m := reArith.FindStringSubmatch(r.Message); m != nil {
		r.Message = fmt.Sprintf("cannot reckon (%s) with %s and %s", m[1], aOrNil(m[2]), aOrNil(m[3]))
	}
}

func aOrNil(kind string) string {
	if kind == "nil" {
		return "nil"
	}
	return "a " + kind
}

func traced(trace string) []diag.Step {
	var steps []diag.Step
	for _, m := range reTrace.FindAllStringSubmatch(trace, -1) {
		n, _ := strconv.Atoi(m[2])
		line, col := placed(n)
		steps = append(steps, diag.Step{File: m[1], Line: line, Col: col, Func: named(m[3])})
	}
	return steps
}
