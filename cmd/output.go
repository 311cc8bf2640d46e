package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// console is where a verb reads and writes. What it prints on out is data; talk goes to err.
type console struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	colours  bool // out is a terminal
}

func newConsole(in io.Reader, out, err io.Writer) *console {
	return &console{in: in, out: out, err: err, colours: isTerminal(out) && os.Getenv("NO_COLOR") == ""}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// say is for people; nothing reads it.
func (c *console) say(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

// answer prints v as JSON, or lets text print it for people.
func (c *console) answer(v any, text func()) error {
	if !c.json {
		text()
		return nil
	}
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

func (c *console) paint(colour, text string) string {
	if !c.colours || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// table prints rows in columns, two blanks apart. Columns whose head ends in ">" are aligned right.
func (c *console) table(head []string, rows [][]string) {
	right := make([]bool, len(head))
	width := make([]int, len(head))
	for i := range head {
		head[i], right[i] = strings.CutSuffix(head[i], ">")
		width[i] = utf8.RuneCountInString(head[i])
		for _, r := range rows {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if right[i] {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
			b.WriteString("  ")
		}
		return strings.TrimRight(b.String(), " ")
	}
	c.printf("%s\n", c.paint(dim, line(head)))
	for _, r := range rows {
		c.printf("%s\n", line(r))
	}
}

// fail prints an error: what happened, and what to do.
func (c *console) fail(f *failure) {
	if c.json {
		_ = json.NewEncoder(c.err).Encode(struct {
			Error   string   `json:"error"`
			Details []string `json:"details,omitempty"`
			Hint    string   `json:"hint,omitempty"`
			Code    int      `json:"exitCode"`
		}{f.what, f.more, f.do, f.code})
		return
	}
	fmt.Fprintf(c.err, "belfry: %s\n", f.what)
	for _, m := range f.more {
		fmt.Fprintf(c.err, "  %s\n", strings.ReplaceAll(strings.TrimRight(m, "\n"), "\n", "\n  "))
	}
	if f.do != "" {
		fmt.Fprintf(c.err, "  %s\n", f.do)
	}
}

// seconds is a length as people say it: "5 s", "1 min 20 s".
func seconds(s float64) string {
	switch {
	case s < 9.95:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", s), ".0") + " s"
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	}
	whole := int(s + 0.5)
	if whole < 3600 {
		return strings.TrimSuffix(fmt.Sprintf("%d min %d s", whole/60, whole%60), " 0 s")
	}
	return fmt.Sprintf("%d h %d min", whole/3600, whole%3600/60)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
