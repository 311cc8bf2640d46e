package sandbox

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// ScriptError is an error that a script raised and did not catch.
type ScriptError struct{ Raised Raised }

// Error is the error in one line.
func (e *ScriptError) Error() string { return e.Raised.Text }

// Problem is the error as a problem; source is the text of the file it is in.
func (e *ScriptError) Problem(source string) diag.Problem {
	r := e.Raised
	p := diag.Problem{File: r.File, Line: r.Line, Code: r.Code, Message: r.Message, Hint: r.Hint, Path: r.Path, Source: source}
	if p.Code == "" {
		p.Code = diag.CodeRun
	}
	return p.Aim(r.Word)
}

var (
	reAt    = regexp.MustCompile(`^([^:\n]+):(\d+): `)
	reIndex = regexp.MustCompile(`^attempt to index a non-table object\((\w+)\) with key '(.*)'$`)
	reArith = regexp.MustCompile(`^cannot perform (\w+) operation between (\w+) and (\w+)$`)
	reTrace = regexp.MustCompile(`(?m)^\t([^:\n\[]+):(\d+): in `)
)

// scriptError makes what the virtual machine returned into an error with a place, and its
// terser messages into sentences.
func (s *State) scriptError(err error) *ScriptError {
	text := err.Error()
	var path []diag.Step
	var api *lua.ApiError
	if errors.As(err, &api) {
		text = s.L.ToStringMeta(api.Object).String()
		path = traced(api.StackTrace)
	}
	if s.last != nil && s.last.Text == text {
		return &ScriptError{*s.last}
	}
	r := Raised{Text: text, Message: text, Path: path}
	if m := reAt.FindStringSubmatch(text); m != nil {
		r.File, r.Message = m[1], strings.TrimPrefix(text, m[0])
		r.Line, _ = strconv.Atoi(m[2])
	} else if len(path) > 0 {
		r.File, r.Line = path[0].File, path[0].Line
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
		line, _ := strconv.Atoi(m[2])
		steps = append(steps, diag.Step{File: m[1], Line: line})
	}
	return steps
}
