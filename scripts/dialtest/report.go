package dialtest

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Style is how a report is printed.
type Style struct {
	Dir     string                           // what is put before the names of files
	Paint   func(colour, text string) string // nil: no colours
	Verbose bool                             // the time line of every test that has failed, whole
}

// The colours that Paint is asked for.
const (
	Red   = "31"
	Green = "32"
	Dim   = "2"
)

// nameWidth is how wide the names of tests are printed at least, and widestName what of longer ones is aligned.
const (
	nameWidth  = 50
	widestName = 90
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer, s Style) {
	if s.Paint == nil {
		s.Paint = func(_, text string) string { return text }
	}
	printed := false
	for _, f := range r.Files {
		if len(f.Results) == 0 && len(f.Problems) == 0 {
			continue
		}
		if printed {
			fmt.Fprintln(w)
		}
		printed = true
		s.file(w, f)
	}
}

// Shows tells whether Print writes anything.
func (r *Report) Shows() bool {
	for _, f := range r.Files {
		if len(f.Results) > 0 || len(f.Problems) > 0 {
			return true
		}
	}
	return false
}

// Add counts another report with this one.
func (r *Report) Add(other *Report) {
	r.Files = append(r.Files, other.Files...)
	r.Took += other.Took
}

// Broken adds what is wrong with a dialplan that cannot be tested for it.
func (r *Report) Broken(p diag.Problem) {
	if i := slices.IndexFunc(r.Files, func(f File) bool { return f.Name == p.File }); i >= 0 {
		r.Files[i].Problems = append(r.Files[i].Problems, p)
		return
	}
	r.Files = append(r.Files, File{Name: p.File, Problems: []diag.Problem{p}})
}

// Last is the last line of a report.
func (r *Report) Last() string {
	passed, failed, virtual := r.Count()
	left := ""
	if n := r.LeftOut(); n > 0 {
		left = fmt.Sprintf(", %d left out", n)
	}
	return fmt.Sprintf("%d passed, %d failed%s     %s of calls in %d ms", passed, failed, left, whole(virtual), max(1, r.Took.Milliseconds()))
}

// whole is a length to the second, in words.
func whole(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60), " 0 s")
	default:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
}

func (s Style) file(w io.Writer, f File) {
	fmt.Fprintln(w, filepath.Join(s.Dir, f.Name))
	for _, p := range f.Problems {
		fmt.Fprintf(w, "\n%s\n", indent(p.String(), "  "))
	}
	width := 0
	for _, t := range f.Results {
		width = max(width, utf8.RuneCountInString(t.Name))
	}
	width = min(max(width, nameWidth), widestName)
	for _, t := range f.Results {
		colour := Green
		switch {
		case t.LeftOut != "":
			colour = Dim
		case !t.OK():
			colour = Red
		}
		word := s.Paint(colour, t.Word())
		pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(t.Name)))
		fmt.Fprintf(w, "  %s  %s%s  %s\n", word, t.Name, pad, s.Paint(Dim, fmt.Sprintf("%7s%s", short(t.Took.Round(100*time.Millisecond)), faults(t.Faults))))
		switch {
		case t.LeftOut != "":
			fmt.Fprintf(w, "        left out: %s\n", t.LeftOut)
		case t.Failure != nil:
			s.failure(w, t)
		}
		for _, b := range t.Broken {
			fmt.Fprintf(w, "\n    with a fault (%s): %s\n", b.Fault, b.Failure.At.Message)
			s.story(w, b.Calls)
			fmt.Fprintln(w)
		}
	}
}

func faults(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  %d faults", n)
}

func (s Style) failure(w io.Writer, t Result) {
	at := t.Failure.At
	fmt.Fprintln(w)
	if t.Failure.Expected != "" {
		fmt.Fprintf(w, "    %s:%d: %s\n", at.File, at.Line, at.Message)
		excerpt(w, at)
	} else {
		fmt.Fprintln(w, indent(strings.TrimRight(at.String(), "\n"), "    "))
	}
	for _, e := range t.Errors {
		fmt.Fprintf(w, "\n%s\n", indent(strings.TrimRight(e, "\n"), "    "))
	}
	if t.Unsteady {
		fmt.Fprintf(w, "\n    When it was run again, it did not fail like this: the test does not always do the same.\n")
	}
	s.story(w, t.Calls)
	fmt.Fprintln(w)
}

// excerpt is the line of a failure, with a caret.
func excerpt(w io.Writer, at diag.Problem) {
	lines := strings.Split(at.Source, "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return
	}
	text := strings.ReplaceAll(strings.TrimRight(lines[at.Line-1], "\r"), "\t", " ")
	fmt.Fprintf(w, "\n      %s\n", text)
	if at.Col > 0 {
		fmt.Fprintf(w, "      %s%s\n", strings.Repeat(" ", at.Col-1), strings.Repeat("^", max(1, at.Width)))
	}
}

// shownSteps is how many steps of a call are printed, if not all: the last ones.
const shownSteps = 30

// storyWidth is how wide calls are drawn.
const storyWidth = 112

func (s Style) story(w io.Writer, calls []trace.Trace) {
	for i, c := range calls {
		var b strings.Builder
		if n := len(c.Steps) - shownSteps; n > 0 && !s.Verbose {
			c.Steps = c.Steps[n:]
			fmt.Fprintf(&b, "… %d steps before; -v shows them\n", n)
		}
		o := trace.RenderOptions{Width: storyWidth}
		if i == len(calls)-1 && len(c.Steps) > 0 {
			o.Mark = c.Steps[len(c.Steps)-1].Seq
		}
		_ = trace.Render(&b, c.Info, c.Steps, o) // a Builder takes everything
		fmt.Fprintf(w, "\n%s\n", indent(b.String(), "      "))
	}
}

func indent(text, by string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = by + l
		}
	}
	return strings.Join(lines, "\n")
}

// JSON is the report for programs.
type JSON struct {
	Files     []JSONFile `json:"files"`
	Cover     []*Cover   `json:"cover,omitempty"` // of each site, if asked for
	Passed    int        `json:"passed"`
	Failed    int        `json:"failed"`
	LeftOut   int        `json:"leftOut,omitempty"`
	VirtualMS int64      `json:"virtualMilliseconds"`
	TookMS    int64      `json:"tookMilliseconds"`
}

// JSONFile is one file of tests.
type JSONFile struct {
	File     string         `json:"file"`
	Problems []diag.Problem `json:"problems,omitempty"`
	Tests    []JSONTest     `json:"tests"`
}

// JSONTest is one test.
type JSONTest struct {
	Name      string        `json:"name"`
	Line      int           `json:"line"`
	OK        bool          `json:"ok"`
	VirtualMS int64         `json:"virtualMilliseconds"`
	LeftOut   string        `json:"leftOut,omitempty"` // why: it has neither passed nor failed
	Failure   *JSONFail     `json:"failure,omitempty"`
	Errors    []string      `json:"errors,omitempty"`
	Unsteady  bool          `json:"unsteady,omitempty"`
	Faults    int           `json:"faults,omitempty"`
	Broken    []JSONBroken  `json:"broken,omitempty"`
	Calls     []trace.Trace `json:"calls,omitempty"`
}

// JSONBroken is what came of a fault.
type JSONBroken struct {
	Fault   string        `json:"fault"`
	Message string        `json:"message"`
	Calls   []trace.Trace `json:"calls,omitempty"`
}

// JSONFail is why a test has failed.
type JSONFail struct {
	diag.Problem
	Expected string `json:"expected,omitempty"`
	Seen     string `json:"seen,omitempty"`
}

// JSON makes the report one for programs.
func (r *Report) JSON(dir string) JSON {
	out := JSON{Files: []JSONFile{}, TookMS: r.Took.Milliseconds()}
	var virtual time.Duration
	out.Passed, out.Failed, virtual = r.Count()
	out.LeftOut, out.VirtualMS = r.LeftOut(), virtual.Milliseconds()
	if r.Cover != nil {
		out.Cover = []*Cover{r.Cover}
	}
	for _, f := range r.Files {
		file := JSONFile{File: filepath.Join(dir, f.Name), Problems: f.Problems, Tests: []JSONTest{}}
		for _, t := range f.Results {
			one := JSONTest{Name: t.Name, Line: t.Line, OK: t.OK(), VirtualMS: t.Took.Milliseconds(), LeftOut: t.LeftOut, Errors: t.Errors, Unsteady: t.Unsteady, Faults: t.Faults}
			for _, b := range t.Broken {
				one.Broken = append(one.Broken, JSONBroken{b.Fault, b.Failure.At.Message, b.Calls})
			}
			if t.Failure != nil {
				one.Failure = &JSONFail{t.Failure.At, t.Failure.Expected, t.Failure.Seen}
			}
			one.Calls = t.Calls
			file.Tests = append(file.Tests, one)
		}
		out.Files = append(out.Files, file)
	}
	return out
}

// Add adds another report to this one.
func (j *JSON) Add(other JSON) {
	j.Files = append(j.Files, other.Files...)
	j.Cover = append(j.Cover, other.Cover...)
	j.Passed += other.Passed
	j.Failed += other.Failed
	j.LeftOut += other.LeftOut
	j.VirtualMS += other.VirtualMS
	j.TookMS += other.TookMS
}
