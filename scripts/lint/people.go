package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// target looks at whom bridge calls; whole says that the text is all of it and not its beginning.
func (w *linter) target(name string, s *syntax.String, whole bool) {
	scheme, rest, ok := strings.Cut(s.Value, ":")
	switch {
	case scheme == "trunk" && ok:
		trunk, number, slash := strings.Cut(rest, "/")
		if slash || whole {
			w.trunk(s, trunk)
		}
		if whole && (!slash || number == "") {
			w.report(w.file.Inside(s), diag.CodeTarget, fmt.Sprintf("%q names no number", s.Value), `write "trunk:NAME/NUMBER"`, "")
		}
	case scheme == "sip" && ok:
	case ok:
		w.report(w.file.Inside(s), diag.CodeTarget, fmt.Sprintf("nobody can be called as %q", s.Value), `targets: "77513", "trunk:NAME/NUMBER", "sip:user@host"`, "")
	case whole:
		w.line(s, "")
	}
}

func (w *linter) trunk(s *syntax.String, trunk string) {
	if w.site.Trunks == nil || slices.Contains(w.site.Trunks, trunk) {
		return
	}
	hint := diag.DidYouMean(trunk, w.site.Trunks)
	switch {
	case len(w.site.Trunks) == 0:
		hint = "settings.lua has no trunks: trunks = { " + trunk + " = { host = … } }"
	case hint == "":
		hint = "trunks in settings.lua: " + strings.Join(w.site.Trunks, ", ")
	}
	at := w.file.Inside(s)
	if i := strings.Index(w.file.Text[at.Start:at.End], trunk); i >= 0 && trunk != "" {
		at = syntax.Span{Start: at.Start + i, End: at.Start + i + len(trunk)}
	}
	w.report(at, diag.CodeTarget, "there is no trunk '"+trunk+"'", hint, "")
}

// from looks at who may reach an extension.
func (w *linter) from(e syntax.Expr) {
	list := []syntax.Expr{e}
	if t, ok := e.(*syntax.Table); ok {
		list = nil
		for _, f := range t.Fields {
			list = append(list, f.Value)
		}
	}
	for _, e := range list {
		s, ok := e.(*syntax.String)
		if !ok || s.Value == "lines" || s.Value == "any" {
			continue
		}
		if trunk, ok := strings.CutPrefix(s.Value, "trunk:"); ok && trunk != "" {
			w.trunk(s, trunk)
			continue
		}
		w.report(w.file.Inside(s), diag.CodeOption, fmt.Sprintf(`extension: from = %q is neither "lines", "any" nor "trunk:NAME"`, s.Value), "", "")
	}
}

// permission looks at a word that a line must have: one that lines have, or that is always known.
func (w *linter) permission(e syntax.Expr) {
	s, ok := e.(*syntax.String)
	if !ok || w.site.Permissions == nil {
		return
	}
	words, all := w.site.Permissions()
	if slices.Contains(words, s.Value) {
		return
	}
	hint := diag.DidYouMean(s.Value, words)
	if hint == "" && !all {
		return
	}
	if hint == "" {
		hint = "give it to a line: the column permissions of lines.csv"
	}
	w.report(w.file.Inside(s), diag.CodePermission, fmt.Sprintf("no line has the permission %q", s.Value), hint, "every line that needs it is turned away")
}

// line looks at a number that should be a line's.
func (w *linter) line(s *syntax.String, what string) {
	if w.site.Line == nil {
		return
	}
	if known, _ := w.site.Line(s.Value); known {
		return
	}
	w.report(w.file.Inside(s), diag.CodeLine, "there is no line "+s.Value+what, w.lineHint(s.Value), "whoever calls it hears that it cannot be reached")
}

func (w *linter) lineHint(number string) string {
	if w.site.Numbers != nil {
		if near := diag.Nearest(number, w.site.Numbers()); near != "" {
			return "did you mean '" + near + "'?"
		}
	}
	return "belfry line add " + number + ", or a row in lines.csv"
}

// mailboxes looks at line("600"), mailbox("600") and call:recordVoicemail("600").
func (w *linter) mailboxes(what string, e *syntax.Call) {
	s, ok := literal(e, 0)
	if !ok || w.site.Line == nil {
		return
	}
	known, voicemail := w.site.Line(s.Value)
	switch {
	case what == "line" && !known:
		w.line(s, "")
	case what == "mailbox" && !voicemail:
		m := w.mention(s)
		m.At.Code, m.At.Message, m.At.Hint = diag.CodeMailbox, "there is no mailbox "+s.Value, w.lineHint(s.Value)
		if known {
			m.At.Hint = "line " + s.Value + " has voicemail = no"
		}
		m.At.Effect = "no message can be left there"
		if !slices.Contains(w.allowed[m.At.Line], m.At.Code) {
			w.result.Boxes = append(w.result.Boxes, m)
		}
	}
}

// group looks at the members of a group that is declared, and remembers one that is read.
func (w *linter) group(e *syntax.Call) {
	if s, ok := literal(e, 0); ok && len(e.Args) == 1 {
		w.result.Groups = append(w.result.Groups, w.mention(s))
	}
	if len(e.Args) != 2 {
		return
	}
	t, ok := e.Args[1].(*syntax.Table)
	if !ok {
		return
	}
	for _, f := range t.Fields {
		key, ok := f.Key.(*syntax.String)
		members, list := f.Value.(*syntax.Table)
		if !ok || !list || key.Value != "members" {
			continue
		}
		for _, m := range members.Fields {
			if one, ok := m.Value.(*syntax.Table); ok && len(one.Fields) > 0 {
				m = one.Fields[0]
			}
			if s, ok := m.Value.(*syntax.String); ok && m.Key == nil {
				w.line(s, ", a member of the group")
			}
		}
	}
}

// testedObject looks at what a test names. A line that the test makes itself, with t:line(number, options), there is.
func (w *linter) testedObject(name string, e *syntax.Call) {
	s, ok := literal(e, 0)
	if !ok {
		return
	}
	switch name {
	case "t:trunk":
		w.trunk(s, s.Value)
	case "t:group":
		w.result.Groups = append(w.result.Groups, w.mention(s))
	case "t:mailbox":
		if !w.makes(s.Value) {
			w.mailboxes("mailbox", e)
		}
	default:
		if !w.makes(s.Value) {
			w.line(s, "")
		}
	}
}

// makes tells whether a test in the file makes a line.
func (w *linter) makes(number string) bool {
	if w.made == nil {
		w.made = map[string]bool{}
		syntax.Inspect(w.file.Chunk, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.Call); ok && call.Method != nil && call.Method.Text == "line" && len(call.Args) == 2 {
				if s, ok := literal(call, 0); ok {
					w.made[s.Value] = true
				}
			}
			return true
		})
	}
	return w.made[number]
}
