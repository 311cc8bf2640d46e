package trace

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// RenderOptions say how a trace is drawn.
type RenderOptions struct {
	Width    int  // columns of the terminal; 0: 120
	ASCII    bool // no lines and arrows of Unicode
	Messages bool // each SIP message whole, below its arrow
	Mark     int  // the step, by Seq, that is pointed at; 0: none
}

// maxColumns is how many parties have a lifeline of their own; the rest share the last.
const maxColumns = 4

// Render draws a call: a lifeline for each party with the messages as arrows between them, beside it what else happened
// and the line of the dialplan that did it.
func Render(w io.Writer, info Info, steps []Step, o RenderOptions) error {
	d := NewDrawing(w, info, o)
	d.See(steps)
	if err := d.Head(); err != nil {
		return err
	}
	for _, s := range steps {
		if err := d.Step(s); err != nil {
			return err
		}
	}
	return nil
}

// Drawing draws a call while it goes on.
type Drawing struct {
	w       io.Writer
	o       RenderOptions
	info    Info
	columns []column
	named   int    // columns whose names have been written
	place   string // the line of the dialplan that stood there last
	signs   signs
}

// column is a lifeline. The first is the caller, the second the exchange.
type column struct{ name, dialog string }

type signs struct{ line, dash, left, right, mark string }

// NewDrawing draws to w. A call's parties are those that info has; more may be seen with See.
func NewDrawing(w io.Writer, info Info, o RenderOptions) *Drawing {
	if o.Width == 0 {
		o.Width = 120
	}
	d := &Drawing{w: w, o: o, info: info, signs: signs{"│", "─", "◀", "▶", "◆"}}
	if o.ASCII {
		d.signs = signs{"|", "-", "<", ">", "*"}
	}
	for i, dialog := range info.Dialogs {
		d.add(column{dialog.Party, dialog.ID})
		if i == 0 {
			d.add(column{Exchange, ""})
		}
	}
	return d
}

func (d *Drawing) add(c column) {
	if len(d.columns) < maxColumns {
		d.columns = append(d.columns, c)
	}
}

// See makes lifelines for the parties of steps that have none.
func (d *Drawing) See(steps []Step) {
	for _, s := range steps {
		if s.Kind == SIP {
			d.column(s)
		}
	}
}

// column is where the party of a message is.
func (d *Drawing) column(s Step) int {
	party := s.From
	if party == Exchange {
		party = s.To
	}
	for i, c := range d.columns {
		if i != 1 && (s.Dialog != "" && c.dialog == s.Dialog || s.Dialog == "" && c.name == party) {
			return i
		}
	}
	if len(d.columns) == 0 {
		d.columns = []column{{party, s.Dialog}, {Exchange, ""}}
		return 0
	}
	d.add(column{party, s.Dialog})
	return len(d.columns) - 1
}

// columnWidth is how far lifelines are apart.
func (d *Drawing) columnWidth() int {
	if len(d.columns) > 3 || d.o.Width < 110 {
		return 18
	}
	return 20
}

const timeWidth = 10

// Head writes what call it is, and the names of the lifelines.
func (d *Drawing) Head() error {
	i := d.info
	head := fmt.Sprintf("call %s  %s to %s  %s", i.ID, or(i.From, "?"), or(i.To, "?"), i.Start.Local().Format("2 Jan 2006 15:04:05"))
	switch {
	case i.Outcome != "":
		head += "  " + i.Outcome
	case i.End.IsZero() && i.Steps > 0:
		head += "  under way"
	}
	if !i.End.IsZero() {
		head += "  " + lasting(i.End.Sub(i.Start))
	}
	if i.Lost > 0 {
		head += fmt.Sprintf("  %d steps were too many to keep", i.Lost)
	}
	return d.write(head + "\n\n" + d.names())
}

// names are those of the lifelines.
func (d *Drawing) names() string {
	d.named = len(d.columns)
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", timeWidth))
	for n, c := range d.columns {
		name := c.name
		if n == maxColumns-1 && len(d.info.Dialogs) >= maxColumns {
			name = "others"
		}
		b.WriteString(centred(name, d.columnWidth()))
	}
	return b.String()
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Step writes one step.
func (d *Drawing) Step(s Step) error {
	if s.Kind == SIP {
		line := d.message(s)
		if len(d.columns) > d.named { // somebody new
			line = d.names() + "\n" + line
		}
		if err := d.write(line); err != nil || !d.o.Messages || s.Raw == "" {
			return err
		}
		for line := range strings.SplitSeq(strings.TrimRight(s.Raw, "\r\n"), "\n") {
			if err := d.write(strings.Repeat(" ", timeWidth+2) + printable(line)); err != nil {
				return err
			}
		}
		return nil
	}
	text := printable(s.Text)
	if s.Kind == Error {
		text = "!! " + text
	}
	at := s.At
	if at == d.place && s.Kind != Script {
		at = ""
	}
	if s.At != "" {
		d.place = s.At
	}
	lifelines := d.lifelines(-1, -1, "", false)
	room := max(d.o.Width-timeWidth-width(lifelines)-1, 20)
	if at != "" {
		room = max(room-width(at)-2, 20)
	}
	for i, line := range wrap(text, room) {
		if i > 0 {
			line = strings.Repeat(" ", timeWidth) + lifelines + " " + line
		} else {
			if at != "" {
				line += strings.Repeat(" ", room-width(line)) + "  " + at
			}
			line = d.when(s) + lifelines + " " + line
		}
		if err := d.write(line); err != nil {
			return err
		}
	}
	return nil
}

// wrap breaks a text into lines of so many characters. Those after the first are indented.
func wrap(text string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) > most:
			lines = append(lines, short(line, most))
			line = "  " + word
		default:
			line += " " + word
		}
	}
	return append(lines, short(line, most))
}

// message is a message's arrow.
func (d *Drawing) message(s Step) string {
	at := d.column(s)
	text := printable(s.Text)
	if at == maxColumns-1 && len(d.info.Dialogs) >= maxColumns {
		party := s.From
		if s.From == Exchange {
			party = s.To
		}
		text += " " + party
	}
	line := d.when(s) + d.lifelines(min(at, 1), max(at, 1), text, (s.From == Exchange) == (at > 1))
	return strings.TrimRight(line, " ")
}

// lifelines are the lines, with an arrow from one column to another if to is not negative.
func (d *Drawing) lifelines(from, to int, text string, right bool) string {
	w := d.columnWidth()
	if len(d.columns) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", w/2))
	for i := range d.columns {
		b.WriteString(d.signs.line)
		last := i == len(d.columns)-1
		switch {
		case last:
			b.WriteString(" ")
		case i == from && to > i:
			span := (to-i)*w - 1
			b.WriteString(d.arrow(text, span, right))
		case i > from && i < to: // below the arrow
		default:
			b.WriteString(strings.Repeat(" ", w-1))
		}
		if i == from && to > i+1 {
			// The arrow has crossed the lifelines between.
			rest := d.columns[to:]
			for j := range rest {
				b.WriteString(d.signs.line)
				if j < len(rest)-1 {
					b.WriteString(strings.Repeat(" ", w-1))
				} else {
					b.WriteString(" ")
				}
			}
			break
		}
	}
	return b.String()
}

// arrow is text on an arrow as long as span.
func (d *Drawing) arrow(text string, span int, right bool) string {
	text = " " + short(text, span-3) + " "
	dashes := span - width(text) - 1
	before := min(1, dashes)
	if right {
		return strings.Repeat(d.signs.dash, before) + text + strings.Repeat(d.signs.dash, dashes-before) + d.signs.right
	}
	return d.signs.left + strings.Repeat(d.signs.dash, before) + text + strings.Repeat(d.signs.dash, dashes-before)
}

func (d *Drawing) when(s Step) string {
	mark := " "
	if d.o.Mark > 0 && s.Seq == d.o.Mark {
		mark = d.signs.mark
	}
	return fmt.Sprintf("%s%8.3f ", mark, s.Offset.Seconds())
}

func (d *Drawing) write(line string) error {
	_, err := io.WriteString(d.w, strings.TrimRight(line, " ")+"\n")
	return err
}

// lasting is a time as people say it.
func lasting(t time.Duration) string {
	if t < 10*time.Second {
		return t.Round(100 * time.Millisecond).String()
	}
	return t.Round(time.Second).String()
}

// printable is a text without anything that a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

func width(s string) int { return utf8.RuneCountInString(s) }

// short is a text in so many characters.
func short(s string, most int) string {
	if width(s) <= most {
		return s
	}
	r := []rune(s)
	return string(r[:max(most-1, 0)]) + "…"
}

func centred(s string, w int) string {
	s = short(printable(s), w-2)
	left := (w - width(s) + 1) / 2
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", w-left-width(s))
}
