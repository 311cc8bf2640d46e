package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns are those of lines.csv, in the order of its header.
func Columns() []string {
	return []string{"number", "name", "kind", "person", "department", "secret", "permissions", "voicemail", "pin", "pickup_group", "email", "mail"}
}

// Limits of a file, and of how many mistakes are told at once.
const (
	maxFile   = 64 << 20
	maxRows   = 200_000
	maxErrors = 100
)

// ImportError is one mistake in a file.
type ImportError struct {
	Line    int    // in the file, from 1
	Field   string // the column's name; "": the whole line
	Problem string
	Fix     string
}

func (e *ImportError) Error() string {
	where := fmt.Sprintf("line %d", e.Line)
	if e.Field != "" {
		where += ", " + e.Field
	}
	return where + ": " + e.Problem + "; " + e.Fix
}

// ImportErrors is all mistakes in a file, up to 100 of them, in the order of its lines.
type ImportErrors []*ImportError

func (list ImportErrors) Error() string {
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// row is a line of the file: the values of the columns that the file has.
type row struct {
	line   int
	fields map[string]string
}

// has reports whether the file says anything for column.
func (r row) has(column string) (string, bool) {
	v, ok := r.fields[column]
	return v, ok
}

// reader reads rows and gathers mistakes.
type reader struct {
	errs ImportErrors
}

func (rd *reader) wrong(line int, field, problem, fix string) {
	if len(rd.errs) < maxErrors {
		rd.errs = append(rd.errs, &ImportError{line, field, problem, fix})
	}
}

// result is the mistakes in the file's order, or nil.
func (rd *reader) result() error {
	if len(rd.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(rd.errs, func(a, b *ImportError) int { return cmp.Compare(a.Line, b.Line) })
	return rd.errs
}

// read takes the file apart. What it returns is complete only if rd has no mistakes.
func (rd *reader) read(ctx context.Context, in io.Reader) ([]row, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("directory: reading lines: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("directory: the file has more than %d MiB; split it", maxFile>>20)
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	c.FieldsPerRecord = -1 // told below, with what to do about it
	header, err := c.Read()
	if err != nil {
		rd.syntax(err, 1)
		return nil, nil
	}
	if !rd.header(header) {
		return nil, nil
	}
	var rows []row
	for {
		if len(rows)%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		fields, err := c.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			rd.syntax(err, 0)
			return rows, nil
		}
		line, _ := c.FieldPos(0)
		if len(rows) == maxRows {
			rd.wrong(line, "", fmt.Sprintf("more than %d lines", maxRows), "split the file")
			return rows, nil
		}
		if len(fields) != len(header) {
			rd.wrong(line, "", fmt.Sprintf("has %d fields, the header has %d", len(fields), len(header)),
				"put a comma for each empty field, and quotes around a field with a comma in it")
			continue
		}
		r := row{line, make(map[string]string, len(header))}
		for i, name := range header {
			r.fields[name] = strings.TrimSpace(fields[i])
		}
		if slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }) {
			rows = append(rows, r)
		}
	}
}

func (rd *reader) syntax(err error, line int) {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		rd.wrong(p.Line, "", p.Err.Error(), `put quotes around the whole field and write a quote inside it twice ("")`)
	case errors.Is(err, io.EOF):
		rd.wrong(1, "", "the file is empty", "begin with the header "+strings.Join(Columns(), ","))
	default:
		rd.wrong(line, "", err.Error(), "save the file as comma-separated values")
	}
}

// header checks the column names and trims them in place.
func (rd *reader) header(names []string) bool {
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		rd.wrong(1, "", "the fields are not separated by commas", "save the file as comma-separated values")
		return false
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		name = names[i]
		switch {
		case !utf8.ValidString(name):
			rd.wrong(1, "", "the file is not UTF-8 text", "save it as CSV UTF-8")
		case !slices.Contains(Columns(), name):
			fix := "remove it; the columns are " + strings.Join(Columns(), ",")
			if near := nearest(name, Columns()); near != "" {
				fix = "did you mean " + near + "?"
			}
			rd.wrong(1, quote(name), "there is no such column", fix)
		case slices.Contains(names[:i], name):
			rd.wrong(1, name, "the column is there twice", "remove one")
		}
	}
	if !slices.Contains(names, "number") {
		rd.wrong(1, "number", "there is no such column", "begin with the header "+strings.Join(Columns(), ","))
	}
	return len(rd.errs) == 0
}

// nearest is the word within two typing mistakes of s, or "".
func nearest(s string, words []string) string {
	s = strings.ToLower(s)
	best, at := "", 3
	for _, w := range words {
		if d := distance(s, strings.ToLower(w)); d < at && d < len(w) {
			best, at = w, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	if len(a) > 2*maxName {
		return len(a)
	}
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		diagonal := prev[0]
		prev[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = prev[j+1]
			prev[j+1] = min(cost, prev[j+1]+1, prev[j]+1)
		}
	}
	return prev[len(b)]
}

// ExportCSV writes all lines as a file that ImportCSV reads back, without secrets and PINs:
// reading it back leaves those as they are.
func (d *Directory) ExportCSV(ctx context.Context, w io.Writer) error {
	lines, err := d.Lines(ctx)
	if err != nil {
		return err
	}
	c := csv.NewWriter(w)
	columns := slices.DeleteFunc(Columns(), func(name string) bool { return name == "secret" || name == "pin" })
	if err := c.Write(columns); err != nil {
		return fmt.Errorf("directory: writing lines: %w", err)
	}
	for _, l := range lines {
		if err := c.Write([]string{l.Number, l.Name, string(l.Kind), l.Person, l.Department,
			strings.Join(l.Permissions, " "), yesNo(l.Voicemail), l.PickupGroup, l.Email, string(l.Mail)}); err != nil {
			return fmt.Errorf("directory: writing lines: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("directory: writing lines: %w", err)
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
