package diag

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/gopher-lua/parse"
)

// Syntax makes what the parser said about source into a problem. The parser knows where it
// stopped; what people look for is the block or bracket that was never closed.
func Syntax(file, source string, err error) Problem {
	p := Problem{File: file, Source: source, Code: CodeSyntax, Message: err.Error(), Line: 1}
	var syntax *parse.Error
	if !errors.As(err, &syntax) {
		return p
	}
	p.Message = strings.TrimSpace(syntax.Message)
	if (p.Message == "syntax error" || p.Message == "Invalid token") && syntax.Token != "" {
		p.Message = "'" + syntax.Token + "' cannot stand here"
		p.Hint = misuse(syntax.Token)
	}
	if open, ok := unclosed(source); ok && p.Hint == "" {
		p.Line, p.Col, p.Width = open.line, open.col, len(open.text)
		p.Code, p.Message, p.Hint = CodeUnclosed, "this '"+open.text+"' is never closed", closing(open.text)
		return p
	}
	if syntax.Pos.Line > 0 {
		p.Line = syntax.Pos.Line
		return p.aimAt(syntax.Pos.Column, syntax.Token)
	}
	p.Line = strings.Count(strings.TrimRight(source, "\n"), "\n") + 1
	return p
}

// aimAt sets the column to a byte position, if the word is there, or else finds it.
func (p Problem) aimAt(col int, word string) Problem {
	lines := strings.Split(p.Source, "\n")
	if p.Line > len(lines) || col < 1 || col > len(lines[p.Line-1]) || !strings.HasPrefix(lines[p.Line-1][col-1:], word) {
		return p.Aim(word)
	}
	p.Col, p.Width = utf8.RuneCountInString(lines[p.Line-1][:col-1])+1, utf8.RuneCountInString(word)
	return p
}

func misuse(token string) string {
	switch token {
	case "!=":
		return "'not equal' is written ~="
	case "!":
		return "'not equal' is written ~=, and 'not' is written not"
	case "&&", "&":
		return "write and"
	case "||", "|":
		return "write or"
	case "+=", "-=":
		return "write x = x + 1"
	}
	return ""
}

func closing(open string) string {
	switch open {
	case "(":
		return "add ')'"
	case "{":
		return "add '}'"
	case "[":
		return "add ']'"
	case "if":
		return "every 'if … then' needs an 'end'"
	case "for", "while":
		return "every '" + open + " … do' needs an 'end'"
	case "repeat":
		return "every 'repeat' needs an 'until'"
	default:
		return "every '" + open + "' needs an 'end'"
	}
}

type opener struct {
	text      string
	line, col int
	indent    int // of its line
}

var reToken = regexp.MustCompile(`--\[\[(?s:.*?)\]\]|--[^\n]*|\[\[(?s:.*?)\]\]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|` +
	`\b(?:function|if|for|while|do|repeat|end|until|elseif|else)\b|[(){}\[\]]`)

// unclosed finds the block or bracket that is never closed. Where several could be it, what
// stands to the left of its opener tells: a block whose end is indented less than itself has lost its own.
func unclosed(source string) (opener, bool) {
	var open []opener
	line, lineStart, last := 1, 0, 0
	for _, m := range reToken.FindAllStringIndex(source, -1) {
		line += strings.Count(source[last:m[0]], "\n")
		if i := strings.LastIndexByte(source[:m[0]], '\n'); i >= lineStart {
			lineStart = i + 1
		}
		last = m[0]
		text := source[m[0]:m[1]]
		before := source[lineStart:m[0]]
		indent := len(before) - len(strings.TrimLeft(before, " \t"))
		at := opener{text, line, utf8.RuneCountInString(before) + 1, indentOf(source[lineStart:])}
		switch text {
		case "do":
			if n := len(open); n > 0 && (open[n-1].text == "for" || open[n-1].text == "while") && !strings.HasSuffix(open[n-1].text, "+do") {
				open[n-1].text += "+do" // belongs to it
				continue
			}
			open = append(open, at)
		case "function", "if", "for", "while", "repeat", "(", "{", "[":
			open = append(open, at)
		case "end", "until", ")", "}", "]":
			if len(open) == 0 {
				continue
			}
			top := open[len(open)-1]
			first := strings.TrimSpace(before) == ""
			switch {
			case !closes(text, top.text):
				return top.plain(), true
			case text == "end" && first && indent < top.indent:
				return top.plain(), true
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return opener{}, false
	}
	return open[len(open)-1].plain(), true
}

func (o opener) plain() opener {
	o.text = strings.TrimSuffix(o.text, "+do")
	return o
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

func closes(end, open string) bool {
	switch open {
	case "(":
		return end == ")"
	case "{":
		return end == "}"
	case "[":
		return end == "]"
	case "repeat":
		return end == "until"
	default:
		return end == "end"
	}
}
