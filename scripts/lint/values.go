package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// lookCall is about methods that an object does not have, and about what a function of the API is given.
func (w *linter) lookCall(e *syntax.Call) {
	f, name, ok := w.callee(e)
	if !ok {
		w.noMethod(e)
		return
	}
	w.count(f, name, e)
	for i, p := range f.Params {
		if i < len(e.Args) {
			w.value(name, p, e.Args[i])
		}
	}
	switch name {
	case "require":
		w.module(e)
	case "line", "mailbox":
		w.mailboxes(name, e)
	case "group":
		w.group(e)
	case "line:hasPermission":
		if len(e.Args) > 0 {
			w.permission(e.Args[0])
		}
	case "call:redirect", "call:transfer":
		if s, ok := literal(e, 0); ok {
			w.result.Redirects = append(w.result.Redirects, w.mention(s))
		}
	case "schedule":
		w.hours(e)
	case "call:recordVoicemail":
		w.mailboxes("mailbox", e)
	case "voicemail.leave", "voicemail.readMessages":
		w.mailboxes("mailbox", after(e))
	case "t:phone", "t:lamp", "t:log", "t:line", "t:mailbox", "t:trunk", "t:group":
		w.testedObject(name, e)
	case "huntgroup.call", "features.groupLogin":
		if s, ok := literal(e, 1); ok {
			w.result.Groups = append(w.result.Groups, w.mention(s))
		}
	}
	if f.Options == nil {
		return
	}
	at := len(f.Params)
	if at > 0 && len(e.Args) == at && f.Params[at-1].Optional && f.Params[at-1].Type != api.Any && f.Params[at-1].Type != api.Table {
		at-- // an options table may stand where a parameter that can be left out would
	}
	if name == "extension" && len(e.Args) < 3 || at >= len(e.Args) {
		return
	}
	t, ok := e.Args[at].(*syntax.Table)
	if !ok {
		return
	}
	w.options(name, f, t)
	w.required(name, f, t, e)
	if name == "call:readDigits" {
		w.inOrder(name, t, "min", "max")
	}
}

// hours are the rules of a schedule, as far as they are texts.
func (w *linter) hours(e *syntax.Call) {
	if len(e.Args) == 0 {
		return
	}
	t, ok := e.Args[0].(*syntax.Table)
	if !ok || w.site.Hours == nil {
		return
	}
	for _, field := range t.Fields {
		if s, ok := field.Value.(*syntax.String); ok && field.Key == nil {
			if err := w.site.Hours(s.Value); err != nil {
				w.report(w.file.Inside(s), diag.CodeArgument, "schedule: "+err.Error(), `"mon-fri 09:00-17:30", "sat", "22:00-06:00"`, "")
			}
		}
	}
}

// inOrder is about two options of which the first must not be above the second.
func (w *linter) inOrder(name string, t *syntax.Table, least, most string) {
	number := func(option string) (at *syntax.Number, value float64) {
		for _, field := range t.Fields {
			if key, ok := field.Key.(*syntax.String); ok && key.Value == option {
				if n, ok := field.Value.(*syntax.Number); ok {
					if value, err := strconv.ParseFloat(n.Text, 64); err == nil {
						return n, value
					}
				}
			}
		}
		return nil, 0
	}
	from, lo := number(least)
	to, hi := number(most)
	if from != nil && to != nil && lo > hi {
		w.report(from, diag.CodeArgument, fmt.Sprintf("%s: %s is above %s, and nobody can dial that", name, least, most), fmt.Sprintf("make %s at least %s", most, from.Text), "")
	}
}

// after is a call of the standard library's without its first argument, the call.
func after(e *syntax.Call) *syntax.Call {
	rest := *e
	rest.Args = e.Args[min(1, len(e.Args)):]
	return &rest
}

// literal is an argument that is a text as it is written.
func literal(e *syntax.Call, i int) (*syntax.String, bool) {
	if i >= len(e.Args) {
		return nil, false
	}
	s, ok := e.Args[i].(*syntax.String)
	return s, ok
}

// noMethod is about a call of what is not in the API, if its object is.
func (w *linter) noMethod(e *syntax.Call) {
	if e.Method == nil {
		// call.answer() for call:answer()
		if fn, ok := e.Func.(*syntax.Index); ok && fn.Dot {
			t := w.typeOf(fn.Object)
			c, _ := w.site.API.Class(t.class)
			if _, ok := c.Method(fn.Key.(*syntax.String).Value); ok && !t.list {
				key := fn.Key.(*syntax.String)
				object := w.file.Text[fn.Object.Pos().Start:fn.Object.Pos().End]
				w.report(key, diag.CodeMethod, key.Value+" is called with a colon", "write "+object+":"+key.Value+"(…)", "")
			}
		}
		return
	}
	t := w.typeOf(e.Func)
	if t.class == "" || t.list {
		return
	}
	c, _ := w.site.API.Class(t.class)
	hint := diag.DidYouMean(e.Method.Text, c.MethodNames())
	if slices.Contains(api.Names(c.Fields), e.Method.Text) {
		hint = "it is a field: write a dot, and no parentheses"
	}
	w.report(e.Method, diag.CodeMethod, w.aClass(t.class)+" has no method '"+e.Method.Text+"'", hint, "")
}

// count is about too few or too many arguments.
func (w *linter) count(f api.Func, name string, e *syntax.Call) {
	given := len(e.Args)
	open := false // the last may be any number of values
	if given > 0 {
		switch e.Args[given-1].(type) {
		case *syntax.Call, *syntax.Vararg:
			open = true
		}
	}
	at := func(i int) syntax.Node { return e.Args[i] }
	who := syntax.Node(e.Func)
	if e.Method != nil {
		who = e.Method
	}
	most, least := len(f.Params), 0
	for i, p := range f.Params {
		if !p.Optional {
			least = i + 1
		}
	}
	if f.Options != nil {
		most++
	}
	if name == "extension" {
		if fn, ok := e.Args, given > 0; ok && given >= 2 {
			switch fn[given-1].(type) {
			case *syntax.Table, *syntax.String, *syntax.Number, *syntax.Bool, *syntax.Nil:
				w.report(who, diag.CodeArgument, "extension needs a handler", `extension("600", function(call) … end)`, "")
				return
			}
		} else if given < 2 && !open {
			w.report(who, diag.CodeArgument, "extension needs a handler", `extension("600", function(call) … end)`, "")
			return
		}
		most, least = 3, 2
	}
	switch {
	case given > most:
		w.report(at(most), diag.CodeArgument, fmt.Sprintf("%s takes %s, not %s", name, takes(f, name), arguments(given)), "take this one away", "")
	case given < least && !open:
		p := f.Params[given]
		hint := p.Doc
		if len(p.OneOf) > 0 {
			hint = "one of " + api.Quoted(p.OneOf)
		}
		w.report(who, diag.CodeArgument, fmt.Sprintf("%s needs its %s", name, p.Name), hint, "")
	}
}

func arguments(n int) string {
	if n == 1 {
		return "an argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func takes(f api.Func, name string) string {
	list := api.Names(f.Params)
	if f.Options != nil {
		list = append(list, "{ options }")
	}
	if name == "extension" {
		list = append(list, "handler")
	}
	if len(list) == 0 {
		return "nothing"
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (w *linter) options(name string, f api.Func, t *syntax.Table) {
	known := api.Names(f.Options)
	for _, field := range t.Fields {
		key, ok := field.Key.(*syntax.String)
		if !ok {
			continue
		}
		i := slices.Index(known, key.Value)
		switch {
		case i >= 0:
			w.value(name, f.Options[i], field.Value)
			if name == "extension" && key.Value == "from" {
				w.from(field.Value)
			}
			if key.Value == "needs" {
				w.permission(field.Value)
			}
		case !f.Free || name == "schedule":
			w.report(key, diag.CodeOption, fmt.Sprintf("%s has no option '%s'", name, key.Value), diag.Options(key.Value, "options", known), "")
		}
	}
}

// required is about options that must be given. A table with keys that are reckoned may have any.
func (w *linter) required(name string, f api.Func, t *syntax.Table, e *syntax.Call) {
	given := map[string]bool{}
	for _, field := range t.Fields {
		key, ok := field.Key.(*syntax.String)
		if !ok {
			return
		}
		given[key.Value] = true
	}
	for _, o := range f.Options {
		if o.Required && !given[o.Name] && e.Method != nil {
			w.report(e.Method, diag.CodeOption, fmt.Sprintf("%s needs the option %s", name, o.Name), o.Doc, "")
		}
	}
}

func (w *linter) wrong(at syntax.Node, name string, p api.Value, want string) {
	shown := "a table"
	switch e := at.(type) {
	case *syntax.Func:
		shown = "a function"
	case *syntax.Table:
	default:
		shown = w.file.Text[e.Pos().Start:e.Pos().End]
	}
	w.report(at, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be %s, not %s", name, p.Name, want, shown), "", "")
}

// value looks at an argument or option that stands there as it is.
func (w *linter) value(name string, p api.Value, e syntax.Expr) {
	switch v := e.(type) {
	case *syntax.String:
		w.text(name, p, v)
		return
	case *syntax.Number:
		w.number(name, p, v, 1)
		return
	case *syntax.Unary:
		if n, ok := v.X.(*syntax.Number); ok && v.Op == "-" {
			w.number(name, p, n, -1)
		}
		return
	case *syntax.Table:
		w.table(name, p, v)
		return
	case *syntax.Bool:
		if len(p.OneOf) == 0 && (p.Type == api.Bool || p.Type == api.Keys || p.Type == api.Any) {
			return
		}
	case *syntax.Func:
		if p.Type == api.Function || p.Type == api.Any || p.Type == api.Route {
			return
		}
	case *syntax.Binary:
		if p.Type == api.Targets && v.Op == ".." {
			if s, ok := v.Left.(*syntax.String); ok {
				w.target(name, s, false)
			}
		}
		return
	default:
		return
	}
	if want := w.wants(p); want != "" {
		w.wrong(e, name, p, want)
	}
}

// wants says what a parameter takes; "": anything.
func (w *linter) wants(p api.Value) string {
	if len(p.OneOf) > 0 {
		return "one of " + api.Quoted(p.OneOf)
	}
	switch p.Type {
	case api.Text, api.Music:
		return "a text"
	case api.Digits:
		return "a telephone number"
	case api.Bool:
		return "true or false"
	case api.Int:
		return "a whole number"
	case api.Number:
		return "a number"
	case api.Duration:
		return `a time such as "20s" or "1m30s"`
	case api.Time:
		return "a time, as from now()"
	case api.Function:
		return "a function"
	case api.Table, api.Members:
		return "a table"
	case api.Keys:
		return `keys such as "12#", true for any, or false for none`
	case api.Prompt:
		return "a prompt: a name, a recording, or a list of them"
	case api.Targets:
		return "a target or a list of them"
	case api.Texts:
		return "a text or a list of texts"
	case api.Sound:
		return "a recording"
	case api.Route:
		return "a number, or a function"
	case api.Routes:
		return "a table of numbers and functions"
	}
	return ""
}

// text looks at a literal text.
func (w *linter) text(name string, p api.Value, s *syntax.String) {
	at := w.file.Inside(s)
	if len(p.OneOf) > 0 {
		if !slices.Contains(p.OneOf, s.Value) {
			w.report(at, diag.CodeArgument, fmt.Sprintf("%s: %s cannot be %q", name, p.Name, s.Value), diag.Options(s.Value, "one of", p.OneOf), "")
		}
		return
	}
	switch p.Type {
	case api.Duration:
		w.duration(name, p, s)
	case api.Prompt:
		w.sound(s, w.site.Prompt)
	case api.Music:
		w.sound(s, w.site.Music)
	case api.Route:
		if s.Value != "dialled" {
			w.result.Redirects = append(w.result.Redirects, w.mention(s))
		}
	case api.Targets:
		w.target(name, s, true)
	case api.Keys:
		if strings.Trim(s.Value, "0123456789*#ABCD") != "" {
			w.wrong(s, name, p, w.wants(p))
		}
	case api.Bool, api.Int, api.Number, api.Function, api.Table, api.Routes, api.Members, api.Time, api.Sound:
		hint := ""
		if _, err := strconv.ParseFloat(s.Value, 64); err == nil && p.Type != api.Bool {
			hint = "write it without quotes"
		}
		w.report(s, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be %s, not %q", name, p.Name, w.wants(p), s.Value), hint, "")
	}
}

func (w *linter) duration(name string, p api.Value, s *syntax.String) {
	at := w.file.Inside(s)
	if w.site.Duration == nil {
		return
	}
	d, ok := w.site.Duration(s.Value)
	if !ok {
		hint := `write "20s", "1m30s", or a number of seconds`
		if _, err := strconv.ParseFloat(s.Value, 64); err == nil {
			hint = `it has no unit: write "` + s.Value + `s"`
		}
		w.report(at, diag.CodeArgument, fmt.Sprintf("%s: %s cannot be %q", name, p.Name, s.Value), hint, "")
		return
	}
	if p.Max != 0 && d.Seconds() > p.Max || d.Seconds() < p.Min {
		w.report(at, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be from %g to %g seconds", name, p.Name, p.Min, p.Max), "", "")
	}
}

// number looks at a literal number.
func (w *linter) number(name string, p api.Value, n *syntax.Number, sign float64) {
	value, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		return // hexadecimal
	}
	value *= sign
	switch {
	case p.Type == api.Digits || p.Type == api.Targets || p.Type == api.Route:
		w.report(n, diag.CodeArgument, fmt.Sprintf("%s: telephone numbers are texts, and %s is a number", name, n.Text), `write "`+n.Text+`"`, "")
	case p.Type == api.Int && value != float64(int64(value)):
		w.wrong(n, name, p, "a whole number")
	case p.Type == api.Int, p.Type == api.Number, p.Type == api.Duration:
		w.size(name, p, n, value)
	case p.Type == api.Any || p.Type == api.Time:
	default:
		hint := ""
		if p.Type == api.Text || p.Type == api.Music || p.Type == api.Keys {
			hint = `write "` + n.Text + `"`
		}
		w.report(n, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be %s, not %s", name, p.Name, w.wants(p), n.Text), hint, "")
	}
}

func (w *linter) size(name string, p api.Value, n *syntax.Number, value float64) {
	milliseconds := p.Type == api.Duration && value >= 1000 && value == float64(int64(value)) && int64(value)%1000 == 0 && int64(value)%3600 != 0
	hint := ""
	if milliseconds {
		hint = fmt.Sprintf(`a bare number is seconds: write "%gs"`, value/1000)
	}
	switch {
	case value < p.Min || value < 0 && p.Min == 0:
		w.report(n, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be %g or more, not %g", name, p.Name, max(p.Min, 0), value), hint, "")
	case p.Max != 0 && value > p.Max:
		w.report(n, diag.CodeArgument, fmt.Sprintf("%s: '%s' must be %g or less, not %g", name, p.Name, p.Max, value), hint, "")
	case milliseconds && p.Name != "ttl":
		w.report(n, diag.CodeUnit, fmt.Sprintf("%s: '%s' of %g seconds is %s", name, p.Name, value, long(value)), hint, "the caller waits a thousand times as long as was meant")
	}
}

func long(seconds float64) string {
	if seconds >= 3600 {
		return fmt.Sprintf("%.1f hours", seconds/3600)
	}
	return fmt.Sprintf("%.0f minutes", seconds/60)
}

func (w *linter) table(name string, p api.Value, t *syntax.Table) {
	switch p.Type {
	case api.Prompt, api.Targets, api.Texts, api.Members:
		item := p
		if p.Type == api.Members {
			item.Type = api.Digits
		}
		for _, f := range t.Fields {
			if f.Key != nil {
				continue
			}
			if member, ok := f.Value.(*syntax.Table); ok && p.Type == api.Members {
				if len(member.Fields) > 0 && member.Fields[0].Key == nil {
					w.value(name, item, member.Fields[0].Value)
				}
				continue
			}
			w.value(name, item, f.Value)
		}
	case api.Routes:
		item := api.Value{Name: p.Name, Type: api.Route}
		for _, f := range t.Fields {
			if f.Key != nil {
				w.value(name, item, f.Value)
			}
		}
	case api.Table, api.Any, api.Diverted, api.Sound:
	default:
		if !p.Optional {
			w.wrong(t, name, p, w.wants(p))
		}
	}
}

func (w *linter) module(e *syntax.Call) {
	s, ok := literal(e, 0)
	if !ok || w.site.Module == nil {
		return
	}
	if known, all := w.site.Module(s.Value); !known {
		w.report(w.file.Inside(s), diag.CodeRequire, "there is no module '"+s.Value+"'", diag.DidYouMean(s.Value, all), "")
	}
}

// sound looks at the name of a prompt or of music.
func (w *linter) sound(s *syntax.String, find func(name string) (message, hint string)) {
	if find == nil {
		return
	}
	if message, hint := find(s.Value); message != "" {
		w.report(w.file.Inside(s), diag.CodePrompt, message, hint, "")
	}
}
