// Package diag says what is wrong with a script: where, what, how to put it right, and
// what follows from it.
package diag

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The codes of problems. They are stable: people search for them and allow them by name.
const (
	CodeSyntax    = "E001" // not Lua
	CodeUnclosed  = "E002" // a block or bracket without its end
	CodeGlobal    = "E010" // a name nobody defined
	CodeMethod    = "E011" // a method or field the object does not have
	CodeOption    = "E012" // an option the function does not take
	CodeArgument  = "E013" // a value of the wrong type or out of range
	CodePrompt    = "E014" // a prompt that does not exist
	CodeRequire   = "E015" // a module that does not exist, or requires itself
	CodePattern   = "E016" // an extension's pattern that is none
	CodeConflict  = "E017" // two extensions take the same calls
	CodeAtLoad    = "E018" // a call's verb, or a change, while loading
	CodeGlobalSet = "E019" // a global assigned
	CodeRun       = "E020" // any other error while the script ran
	CodeLimit     = "E021" // a budget used up
	CodeTarget    = "E022" // a target or trunk that does not exist
	CodeSetting   = "E030" // a setting that is wrong
	CodeFile      = "E040" // a file that cannot be read
)

// The codes of warnings: a dialplan with them is loaded, and does what its author cannot have meant.
const (
	CodeOutcome     = "W001" // compared with a text that it never is
	CodeUnit        = "W002" // milliseconds, where seconds are counted
	CodeLine        = "W003" // a line that does not exist
	CodeMailbox     = "W004" // a mailbox that does not exist
	CodeGroup       = "W005" // a group that nothing declares
	CodeNumber      = "W006" // a number that no extension takes
	CodePermission  = "W007" // a permission that no line has
	CodeUnreachable = "W008" // an extension that others hide
	CodeCollision   = "W009" // a code that is the beginning of another's number
	CodeState       = "W010" // a value of the file, changed by a call
	CodeUnanswered  = "W011" // a path without any answer
	CodeAfterEnd    = "W012" // a statement behind the end of the handler
	CodeCircle      = "W013" // redirects in a circle
)

// Problem is one thing wrong with a script.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0: the file as a whole
	Col     int    `json:"col"`  // in characters, from 1; 0: unknown
	Width   int    `json:"-"`    // of what the caret underlines, in characters
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Effect  string `json:"effect,omitempty"` // "this dialplan was not loaded; generation 7 keeps serving"
	Path    []Step `json:"path,omitempty"`   // how the script came there, innermost first; only if more than one step
	Source  string `json:"-"`                // the file's text
}

// Warning tells whether the dialplan is loaded all the same.
func (p Problem) Warning() bool { return strings.HasPrefix(p.Code, "W") }

// Step is one place on the way to a problem.
type Step struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col,omitempty"`      // in characters, from 1; 0: unknown
	Func string `json:"function,omitempty"` // that it is in; "": it has no name
}

// String is the file and the line, "sales.lua:12"; "" of no place.
func (s Step) String() string {
	if s.File == "" {
		return ""
	}
	return s.File + ":" + strconv.Itoa(s.Line)
}

// Error is the problem in one line.
func (p Problem) Error() string {
	s := p.place() + ": " + p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

func (p Problem) place() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
}

// String is the problem as it is printed: the place, what is wrong, the lines around it
// with a caret, a hint, and what follows from it.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.place(), p.Message)
	if p.Code != "" {
		fmt.Fprintf(&b, "  [%s]", p.Code)
	}
	b.WriteString("\n")
	p.excerpt(&b)
	if p.Hint != "" {
		fmt.Fprintf(&b, "\n   hint: %s\n", p.Hint)
	}
	if len(p.Path) > 1 {
		b.WriteString("\n   on the way:")
		for _, s := range p.Path {
			fmt.Fprintf(&b, " %s", s)
		}
		b.WriteString("\n")
	}
	if p.Effect != "" {
		fmt.Fprintf(&b, "\n   %s\n", p.Effect)
	}
	return b.String()
}

func (p Problem) excerpt(b *strings.Builder) {
	lines := strings.Split(strings.ReplaceAll(p.Source, "\r\n", "\n"), "\n")
	if p.Source == "" || p.Line < 1 || p.Line > len(lines) {
		return
	}
	b.WriteString("\n")
	for n := max(1, p.Line-1); n <= min(len(lines), p.Line+1); n++ {
		text := strings.ReplaceAll(lines[n-1], "\t", " ")
		if n == len(lines) && text == "" {
			break // the end of the file, not a line
		}
		mark := " "
		if n == p.Line {
			mark = ">"
		}
		fmt.Fprintf(b, " %s %3d | %s\n", mark, n, text)
		if n == p.Line && p.Col > 0 {
			width := max(1, min(p.Width, utf8.RuneCountInString(text)-p.Col+1))
			fmt.Fprintf(b, "       | %s%s\n", strings.Repeat(" ", p.Col-1), strings.Repeat("^", width))
		}
	}
}

// Aim sets the column by finding word, as a word of its own, in the problem's line or one of
// the few after it: a call that spans lines is known only by its first.
func (p Problem) Aim(word string) Problem {
	if word == "" || p.Col > 0 {
		return p
	}
	lines := strings.Split(p.Source, "\n")
	for n := p.Line; n >= 1 && n <= len(lines) && n < p.Line+12; n++ {
		if at := findWord(lines[n-1], word); at >= 0 {
			p.Line = n
			p.Col = utf8.RuneCountInString(lines[n-1][:at]) + 1
			p.Width = utf8.RuneCountInString(word)
			return p
		}
	}
	return p
}

func findWord(line, word string) int {
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return -1
		}
		at, end := from+i, from+i+len(word)
		if !(at > 0 && letter(line[at-1]) && letter(word[0])) &&
			!(end < len(line) && letter(line[end]) && letter(word[len(word)-1])) {
			return at
		}
		from = at + 1
	}
}

func letter(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
