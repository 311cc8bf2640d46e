package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// teller is a log that people watch: a line for each thing that a person would say happened, those at
// Debug included, with the call it is about. Until it is told to begin it tells warnings only.
type teller struct {
	to    *audience
	attrs []slog.Attr
}

// audience is what a teller shares with those made of it by WithAttrs.
type audience struct {
	c     *console
	mu    sync.Mutex
	began bool
}

func newTeller(c *console) *teller { return &teller{to: &audience{c: c}} }

func (t *teller) begin() {
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	t.to.began = true
}

func (t *teller) Enabled(context.Context, slog.Level) bool { return true }

func (t *teller) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &teller{to: t.to, attrs: append(slices.Clip(t.attrs), attrs...)}
}

// WithGroup is not used by the exchange: groups are told flat.
func (t *teller) WithGroup(string) slog.Handler { return t }

func (t *teller) Handle(_ context.Context, r slog.Record) error {
	a := map[string]string{}
	var rest []string
	note := func(one slog.Attr) bool {
		a[one.Key] = one.Value.String()
		if one.Key != "call" && one.Key != "at" && one.Key != "sip" {
			rest = append(rest, one.Key+"="+one.Value.String())
		}
		return true
	}
	for _, one := range t.attrs {
		note(one)
	}
	r.Attrs(note)
	text, known := sentence(r.Message, a)
	switch {
	case known && text == "": // nothing a person would say
		return nil
	case !known && r.Level < slog.LevelInfo:
		return nil
	case !known && a["call"] == "" && r.Level < slog.LevelWarn && !strings.HasPrefix(r.Message, "dialplans: "):
		return nil
	case a["effect"] != "": // a problem of the dialplan
		text = r.Message + "\n" + strings.Repeat(" ", 16) + a["effect"]
	case !known:
		text = strings.TrimSpace(r.Message + "  " + strings.Join(rest, " "))
	}
	if a["at"] != "" {
		text = fmt.Sprintf("%-50s %s", text, t.to.c.paint(dim, a["at"]))
	}
	if r.Level >= slog.LevelWarn {
		text = t.to.c.paint(red, text)
	}
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	if !t.to.began && r.Level < slog.LevelWarn {
		return nil
	}
	t.to.c.printf("%s  %-4s  %s\n", t.to.c.paint(dim, r.Time.Format("15:04:05")), short(a["call"]), text)
	return nil
}

// sentence says what a record of the exchange means; known is false for those not known here.
func sentence(message string, a map[string]string) (text string, known bool) {
	switch message {
	case "call":
		from := a["from"]
		if from == "" {
			from = "a withheld number"
		}
		if a["trunk"] != "" {
			from += " (by " + a["trunk"] + ")"
		}
		return from + " calls " + a["dialled"], true
	case "routed":
		if name := a["name"]; name != "" && name != "extension" {
			return "goes to extension " + a["extension"] + ", " + name, true
		}
		return "goes to extension " + a["extension"], true
	case "ringing":
		return a["target"] + " rings", true
	case "answered":
		if a["by"] == "" {
			return "the exchange answers", true
		}
		return a["by"] + " answers", true
	case "in a conference":
		return "joins conference " + a["room"], true
	case "taken over":
		return a["by"] + " takes the call from " + a["from"], true
	case "EMERGENCY CALL":
		return "EMERGENCY CALL from " + strings.TrimSpace(a["from"]+" "+a["name"]) + " to " + a["dialled"], true
	case "redirected":
		return "sent on from " + a["from"] + " to " + a["to"], true
	case "not reached":
		return a["target"] + ": " + outcomeText(a["outcome"]), true
	case "cannot be rung":
		return a["target"] + ": " + a["error"], true
	case "message saved":
		length, err := time.ParseDuration(a["length"])
		if err != nil {
			return "a message is left in mailbox " + a["mailbox"], true
		}
		return fmt.Sprintf("a message of %s is left in mailbox %s", seconds(length.Seconds()), a["mailbox"]), true
	case "ended":
		text := "ended: " + outcomeText(a["outcome"])
		if a["answeredBy"] != "" {
			text += " by " + a["answeredBy"]
		}
		return text + ", " + a["seconds"] + " s", true
	case "transferred":
		return a["by"] + " transfers " + a["who"] + " to " + a["to"], true
	case "no extension takes this number":
		return "no extension takes " + a["dialled"], true
	case "refused: the line lacks a permission":
		return a["line"] + " may not dial " + a["dialled"] + ": it lacks the permission " + a["needs"], true
	}
	return "", false
}

func outcomeText(outcome string) string {
	switch outcome {
	case "noAnswer":
		return "no answer"
	case "unreachable":
		return "cannot be reached"
	}
	return outcome
}
