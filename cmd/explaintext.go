package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// How explain's answers are told.

// showPlan lists extensions.
func showPlan(c *console, plan []explain.Rule) {
	var rows [][]string
	for _, r := range plan {
		rows = append(rows, []string{r.Pattern, dash(r.Name), strings.Join(r.From, " "), needs(r), r.Where})
	}
	c.table([]string{"pattern", "name", "from", "needs", "written at"}, rows)
}

func needs(r explain.Rule) string {
	if r.Emergency {
		return "nothing, ever"
	}
	return dash(r.Needs)
}

func showAnswer(c *console, a *explain.Answer) {
	head := callerText(a.From) + " dials " + a.Routings[0].Dialled + ", " + a.At.Format("Mon 2006-01-02 15:04")
	if a.Generation > 1 {
		head += fmt.Sprintf(", by generation %d of the dialplan", a.Generation)
	}
	c.printf("%s\n", c.paint(bold, head))
	for i, r := range a.Routings {
		c.printf("\n")
		showRouting(c, r, i > 0)
		if r.Winner() == nil {
			text := "no extension takes it"
			if a.Outcome.Status >= 300 { // else the call was answered before it was sent here
				text += fmt.Sprintf(": the caller is refused (%d)", a.Outcome.Status)
			}
			c.printf("%s\n", labelled(c, "", text))
		}
	}
	if len(a.Groups)+len(a.Lines)+len(a.Schedules) > 0 {
		c.printf("\n")
	}
	for _, s := range a.Schedules {
		c.printf("%s\n", labelled(c, "schedule", scheduleText(s)))
	}
	for _, g := range a.Groups {
		c.printf("%s\n", labelled(c, "group", groupText(g)))
	}
	for _, l := range a.Lines {
		c.printf("%s\n", labelled(c, "line", lineText(a, l)))
	}
	showSteps(c, a)
	if a.Assumed {
		c.say("No exchange runs: every line is taken to have a phone that is free.")
	}
}

// mostSteps is how many steps are printed; JSON has more.
const mostSteps = 60

// showSteps tells what would happen. The messages of SIP are left to JSON.
func showSteps(c *console, a *explain.Answer) {
	var steps []explain.Step
	width := 0
	for _, s := range a.Steps {
		if s.Kind != trace.SIP {
			steps = append(steps, s)
			width = max(width, min(len([]rune(s.Text)), 60))
		}
	}
	c.printf("\n%s\n", labelled(c, "then", "if nobody answers, and the caller presses no key:"))
	for i, s := range steps {
		if i == mostSteps {
			c.printf("%12s… and %d more\n", "", len(steps)-i)
			break
		}
		text := s.Text
		if s.Where != "" {
			text = fmt.Sprintf("%s%s   %s", text, strings.Repeat(" ", max(0, width-len([]rune(text)))), c.paint(dim, s.Where))
		}
		c.printf("%s\n", labelled(c, offset(s.After), text))
	}
	c.printf("%s\n", labelled(c, "in all", endText(a.Outcome)))
}

// offset is a time since the call began, "01:05.3".
func offset(after float64) string {
	tenths := int(after*10 + 0.5)
	return fmt.Sprintf("%02d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

func endText(o explain.Outcome) string {
	text := fmt.Sprintf("refused with %d %s after %s", o.Status, o.Phrase, seconds(o.Lasts))
	switch {
	case o.Status == 200 && o.Answered == 0:
		text = "answered at once, over after " + seconds(o.Lasts)
	case o.Status == 200:
		text = "answered after " + seconds(o.Answered) + ", over after " + seconds(o.Lasts)
	}
	if o.GivesUp {
		text += ": the caller, to whom nothing more happens, hangs up"
	}
	return text
}

func scheduleText(s explain.Schedule) string {
	is := "closed"
	if s.Open {
		is = "open"
	}
	return fmt.Sprintf("%s is %s   %s", s.Rules, is, s.Where)
}

func callerText(f explain.Caller) string {
	who := f.Number
	if who == "" {
		who = "a caller who withholds his number"
	}
	if f.Name != "" {
		who += " " + f.Name
	}
	switch {
	case f.Trunk != "":
		who += ", from outside by trunk " + f.Trunk + ","
	case f.Line == "":
		who += ", a stranger to the exchange,"
	}
	return who
}

func labelled(c *console, label, text string) string {
	return c.paint(dim, fmt.Sprintf("%10s", label)) + "  " + text
}

func showRouting(c *console, r explain.Routing, again bool) {
	number := r.Number
	if r.Changed != "" {
		number += "   (" + r.Dialled + " " + r.Changed + ")"
	}
	if again {
		number += "   (the dialplan sends the call there)"
	}
	c.printf("%s\n", labelled(c, "number", number))
	widths := [2]int{}
	for _, one := range r.Rules {
		widths[0] = max(widths[0], len(one.Pattern))
		widths[1] = max(widths[1], len([]rune(one.Name)))
	}
	slices.SortStableFunc(r.Rules, func(a, b explain.Rule) int { return rankOf(a) - rankOf(b) })
	for _, one := range r.Rules {
		label, text := "", fmt.Sprintf("%-*s  %s%s  %s", widths[0], one.Pattern, one.Name, strings.Repeat(" ", widths[1]-len([]rune(one.Name))), one.Where)
		if one.Verdict == explain.Wins {
			label, text = "taken by", c.paint(bold, text)
		}
		if label == "" && len(one.Why) > 0 {
			label = "not by"
		}
		c.printf("%s   %s\n", labelled(c, label, text), one.Why)
	}
	w := r.Winner()
	switch {
	case w == nil:
	case w.Emergency:
		c.printf("%s\n", labelled(c, "needs", "nothing: an emergency number is never refused"))
	case r.Permission == nil:
		c.printf("%s\n", labelled(c, "needs", "no permission"))
	case r.Permission.Held:
		c.printf("%s\n", labelled(c, "needs", r.Permission.Needs+": "+r.Permission.Why))
	default:
		c.printf("%s\n", labelled(c, "needs", c.paint(red, r.Permission.Needs+": "+r.Permission.Why)))
		c.printf("%s\n", labelled(c, "", "the caller hears "+strings.Join(r.Permission.Hears, ", ")+" and is refused (403)"))
	}
}

// rankOf has the winner first.
func rankOf(r explain.Rule) int {
	if r.Verdict == explain.Wins {
		return 0
	}
	return 1
}

func groupText(g explain.Group) string {
	var members []string
	for _, m := range g.Members {
		text := m.Number
		if !m.LoggedIn {
			text += " (logged out)"
		}
		members = append(members, text)
	}
	text := fmt.Sprintf("%s %s: %s, rings %s", g.Number, g.Name, g.Strategy, dash(strings.Join(members, ", ")))
	var cases []string
	for reason := range g.Overflow {
		cases = append(cases, reason)
	}
	slices.Sort(cases)
	for _, reason := range cases {
		switch reason {
		case "":
			text += "; overflow → " + g.Overflow[reason]
		default:
			text += "; " + overflowText(reason) + " → " + g.Overflow[reason]
		}
	}
	if g.Mailbox != "" {
		text += "; mailbox " + g.Mailbox
	}
	return text
}

func overflowText(reason string) string {
	switch reason {
	case "nobody":
		return "nobody there"
	case "loggedOut":
		return "all logged out"
	case "noAnswer":
		return "no answer"
	}
	return reason
}

func lineText(a *explain.Answer, l explain.Line) string {
	var is []string
	switch {
	case a.Assumed:
	case l.Phones == 0:
		is = append(is, "no phone is registered")
	default:
		is = append(is, plural(l.Phones, "phone"))
	}
	if l.Busy {
		is = append(is, "has a call")
	}
	if l.DND {
		is = append(is, "do not disturb")
	}
	for _, kind := range directory.ForwardKinds() {
		if to := l.Forwards[string(kind)]; to != "" {
			is = append(is, "forwards "+forwardText(kind)+" → "+to)
		}
	}
	if l.Voicemail {
		is = append(is, "voicemail")
	} else {
		is = append(is, "no voicemail")
	}
	if len(l.Permissions) > 0 {
		is = append(is, "may call: "+strings.Join(l.Permissions, " "))
	} else {
		is = append(is, "may call nobody")
	}
	return l.Number + " " + l.Name + ": " + strings.Join(is, ", ")
}
