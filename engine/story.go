package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// A call's story, for people and programs: a line of the log for each thing that a person would say happened, and the
// same as a step of its trace. What happens to every call stands in the log at Debug, but for its beginning and its end: a
// busy exchange would spend more on its log than on its calls.

// At says where in a dialplan the call is, "sales.lua:12"; the story carries it.
func (c *Call) At(place string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place = place
}

// tell adds a line to the story that not every call has. c.mu is not held.
func (c *Call) tell(what string, attrs ...any) { c.say(slog.LevelInfo, trace.Call, what, attrs) }

// stored is tell for what was kept.
func (c *Call) stored(what string, attrs ...any) { c.say(slog.LevelInfo, trace.Store, what, attrs) }

// warn is tell for what the dialplan, its data or the world has got wrong.
func (c *Call) warn(what string, attrs ...any) { c.say(slog.LevelWarn, trace.Error, what, attrs) }

// failed is tell for what the exchange could not do.
func (c *Call) failed(what string, attrs ...any) { c.say(slog.LevelError, trace.Error, what, attrs) }

func (c *Call) say(level slog.Level, kind trace.Kind, what string, attrs []any) {
	if c.Traced() {
		c.Step(storyStep(kind, what, attrs))
	}
	if place := c.at(); place != "" {
		attrs = append(attrs, slog.String("at", place))
	}
	c.logger().Log(context.Background(), level, what, attrs...)
}

// detail adds a line that every call has; it costs nothing where neither log nor trace wants it. c.mu is not held.
func (c *Call) detail(what string, attrs ...slog.Attr) {
	if c.Traced() {
		pairs := make([]any, 0, 2*len(attrs))
		for _, a := range attrs {
			pairs = append(pairs, a.Key, a.Value.String())
		}
		c.Step(storyStep(trace.Call, what, pairs))
	}
	if !c.engine.log.Enabled(c.ctx, slog.LevelDebug) {
		return
	}
	if place := c.at(); place != "" {
		attrs = append(attrs, slog.String("at", place))
	}
	c.note(slog.LevelDebug, what, attrs...)
}

// note writes a line about the call. Unlike logger it makes no logger first.
func (c *Call) note(level slog.Level, what string, attrs ...slog.Attr) {
	c.engine.log.LogAttrs(context.Background(), level, what, append([]slog.Attr{slog.String("call", c.id)}, attrs...)...)
}

func (c *Call) at() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place
}

// logger is for lines that few calls have.
func (c *Call) logger() *slog.Logger { return c.engine.log.With("call", c.id) }

// Traced tells whether anybody takes down what happens in the call: whether Step is worth its words.
func (c *Call) Traced() bool { return c.engine.opts.Trace != nil }

// Step adds to the call's trace, at the line of the dialplan that runs if the step names none. It must hold no secret.
func (c *Call) Step(s trace.Step) {
	r := c.engine.opts.Trace
	if r == nil {
		return
	}
	if s.At == "" {
		s.At = c.at()
	}
	s.Call, s.Time = c.id, c.engine.clock.Now()
	r.Add(s)
}

// Hide keeps a secret out of the call's trace that has come to light only now: a PIN that was read as any other number.
func (c *Call) Hide(secret string) {
	if r := c.engine.opts.Trace; r != nil {
		r.Hide(c.id, secret)
	}
}

// sound adds a step about what is heard.
func (c *Call) sound(what string, names ...string) {
	if c.Traced() {
		c.Step(trace.Step{Kind: trace.Media, Text: strings.TrimSuffix(what+" "+strings.Join(names, ", "), " ")})
	}
}

// storyStep makes a step of a line of the log.
func storyStep(kind trace.Kind, what string, attrs []any) trace.Step {
	s := trace.Step{Kind: kind}
	var text strings.Builder
	text.WriteString(what)
	for i := 0; i+1 < len(attrs); i += 2 {
		name, value := attrs[i].(string), attrs[i+1]
		shown, isText := value.(string)
		if !isText {
			shown = fmt.Sprint(value)
		}
		if shown == "" || name == "stack" {
			continue
		}
		s.Fields = append(s.Fields, trace.Field{Name: name, Value: shown})
		switch name {
		case "target", "file", "room", "dialled", "outcome", "error", "limit":
			text.WriteString(" " + shown)
		default:
			text.WriteString(" " + name + " " + shown)
		}
	}
	s.Text = text.String()
	return s
}

// promptNames are prompts in words.
func promptNames(prompts []Prompt) []string {
	names := make([]string, len(prompts))
	for i, p := range prompts {
		if names[i] = p.Name; p.Recording != nil {
			names[i] = "a recording"
		}
	}
	return names
}

// showKey adds a key that was pressed: hidden while a secret is read, and where nobody has said what it is for.
func (c *Call) showKey(key byte) {
	switch {
	case !c.Traced():
	case c.reading == 0:
		c.Step(trace.Step{Kind: trace.Media, Text: "pressed a key that nobody has asked for yet"})
	case c.secret > 0:
		c.Step(trace.Step{Kind: trace.Media, Text: "pressed " + trace.Hidden})
	default:
		c.Step(trace.Step{Kind: trace.Media, Text: "pressed " + string(key), Fields: trace.Keys(string(key))})
	}
}

// showDigits adds what ReadDigits has come to.
func (c *Call) showDigits(r DigitsResult, secret bool) {
	switch {
	case !c.Traced():
	case r.Outcome == OutcomeTimeout:
		c.Step(trace.Step{Kind: trace.Media, Text: "nothing was pressed"})
	case secret:
		c.Step(trace.Step{Kind: trace.Media, Text: "read what is secret"})
	default:
		text := "read " + cmp.Or(r.Digits, "nothing but the last key")
		if r.Outcome == OutcomeInvalid {
			text += ", too few"
		}
		c.Step(trace.Step{Kind: trace.Media, Text: text, Fields: trace.Keys(r.Digits)})
	}
}

// traceLeg says that a leg's dialog is part of the call.
func (c *Call) traceLeg(l *leg, dialog string) {
	if r := c.engine.opts.Trace; r != nil {
		r.Join(c.id, dialog, l.name())
	}
}

// traceParty adds what the phone of a leg has done.
func (c *Call) traceParty(l *leg, before, after string) {
	if c.Traced() {
		c.Step(trace.Step{Kind: trace.Call, Text: before + l.name() + after})
	}
}

// traceGone adds that a leg's phone has hung up.
func (c *Call) traceGone(l *leg) {
	if why := l.sip.EndReason(); why != "" {
		c.traceParty(l, "", " has gone: "+why)
		return
	}
	c.traceParty(l, "", " has hung up")
}

// name is who is at a leg, for people.
func (l *leg) name() string {
	return cmp.Or(l.party.Number, l.party.Trunk, l.target, "anonymous")
}

// traceEnd adds how the sound of each leg fared and what became of the call.
func (c *Call) traceEnd(legs []callog.Leg, outcome, by string, lasted time.Duration) {
	for _, l := range legs {
		if l.In == 0 && l.Out == 0 {
			continue
		}
		c.Step(trace.Step{
			Kind: trace.Media,
			Text: fmt.Sprintf("sound of %s: %s, %d packets in, %d out, %d lost, jitter %g ms", l.Number, cmp.Or(l.Codec, "no codec"), l.In, l.Out, l.Lost, l.Jitter),
			Fields: []trace.Field{
				{Name: "codec", Value: l.Codec}, {Name: "in", Value: strconv.FormatUint(l.In, 10)}, {Name: "out", Value: strconv.FormatUint(l.Out, 10)},
				{Name: "lost", Value: strconv.FormatInt(l.Lost, 10)},
			},
		})
	}
	text := "over: " + outcome
	if by != "" {
		text += " by " + by
	}
	c.Step(trace.Step{Kind: trace.Call, Text: text + ", " + lasted.Round(100*time.Millisecond).String()})
}
