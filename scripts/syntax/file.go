package syntax

import (
	"fmt"
	"sort"
	"unicode/utf8"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// MaxSource is how long a file may be, in bytes.
const MaxSource = 1 << 20

// File is a script that has been read.
type File struct {
	Name     string
	Text     string
	Chunk    *Block    // nil if it is not Lua
	Comments []Comment // in their order
	lines    []int     // where each begins
}

// Comment is a comment, with its dashes.
type Comment struct {
	Span
	Text string
}

// Error is why a text is not Lua. Looser readers than this one let some of it pass: see Strict.
type Error struct {
	Span
	Message, Hint string
	Unclosed      bool // the span is that of a block, bracket or text that is never closed
	Strict        bool // a number or nesting that gopher-lua takes, and makes nothing good of
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Parse reads a script. The error is an *Error; the file is there even so, for its lines.
func Parse(name, text string) (*File, error) {
	f := &File{Name: name, Text: text}
	f.lines = lineStarts(text)
	if len(text) > MaxSource {
		return f, &Error{Message: fmt.Sprintf("this file is longer than %d KiB", MaxSource>>10), Hint: "spread it over several modules"}
	}
	l := lexer{text: text}
	tokens := l.all()
	f.Comments = l.comments
	p := &parser{file: f, tokens: tokens}
	chunk := p.chunk()
	if p.err != nil {
		return f, p.err
	}
	if err := resolveJumps(chunk); err != nil {
		return f, err
	}
	f.Chunk = chunk
	return f, nil
}

// lineStarts finds where lines begin: after \n, \r, or either pair of them.
func lineStarts(text string) []int {
	starts := []int{0}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c == '\n' || c == '\r' {
			if i+1 < len(text) && (text[i+1] == '\n' || text[i+1] == '\r') && text[i+1] != c {
				i++
			}
			starts = append(starts, i+1)
		}
	}
	return starts
}

// Line is the number of the line, from 1, in which a byte stands.
func (f *File) Line(offset int) int {
	return sort.SearchInts(f.lines, offset+1)
}

// Place is the line and the column, both from 1 and the column in characters, of a byte.
func (f *File) Place(offset int) (line, col int) {
	line = f.Line(offset)
	return line, utf8.RuneCountInString(f.Text[f.lines[line-1]:offset]) + 1
}

// lineEnd is where the line of a byte ends, its line break not counted.
func (f *File) lineEnd(offset int) int {
	for offset < len(f.Text) && f.Text[offset] != '\n' && f.Text[offset] != '\r' {
		offset++
	}
	return offset
}

// indent is the width of the blanks before the first character of a byte's line.
func (f *File) indent(offset int) int {
	start := f.lines[f.Line(offset)-1]
	n := 0
	for start+n < len(f.Text) && (f.Text[start+n] == ' ' || f.Text[start+n] == '\t') {
		n++
	}
	return n
}

// leads tells whether a byte is the first of its line that is not blank.
func (f *File) leads(offset int) bool {
	return offset == f.lines[f.Line(offset)-1]+f.indent(offset)
}

// Inside is a literal text without its quotes, to be underlined.
func (f *File) Inside(s *String) Span {
	at := s.Span
	if c := f.Text[at.Start]; (c == '"' || c == '\'') && at.End-at.Start > 2 {
		return Span{at.Start + 1, at.End - 1}
	}
	return at
}

// Problem points at a span of the file: at what of it is in its first line.
func (f *File) Problem(at Span, code, message, hint string) diag.Problem {
	line, col := f.Place(at.Start)
	end := min(at.End, f.lineEnd(at.Start))
	width := 1
	if end > at.Start {
		width = utf8.RuneCountInString(f.Text[at.Start:end])
	}
	return diag.Problem{File: f.Name, Line: line, Col: col, Width: width, Code: code, Message: message, Hint: hint, Source: f.Text}
}

// Wrong is an error of Parse as a problem.
func (f *File) Wrong(err *Error) diag.Problem {
	code := diag.CodeSyntax
	if err.Unclosed {
		code = diag.CodeUnclosed
	}
	return f.Problem(err.Span, code, err.Message, err.Hint)
}
