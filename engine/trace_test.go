package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// traced is an exchange whose calls are traced.
func traced(t *testing.T, h engine.HandlerFunc) (*exchange, *trace.Log) {
	l := trace.New(trace.Options{})
	return start(t, h, func(o *engine.Options) { o.Trace = l }), l
}

// story is the trace of the only call, once it is over.
func story(t *testing.T, x *exchange, l *trace.Log) (trace.Info, []trace.Step) {
	t.Helper()
	x.settled()
	all, err := l.List(10)
	if err != nil || len(all) != 1 {
		t.Fatalf("the traces are %+v, %v", all, err)
	}
	info, steps, err := l.Get(all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return info, steps
}

// await returns when the only call has a step with one of some texts.
func await(t *testing.T, l *trace.Log, texts ...string) {
	t.Helper()
	all, err := l.List(1)
	if err != nil || len(all) != 1 {
		t.Fatalf("the traces are %+v, %v", all, err)
	}
	enough := errors.New("enough")
	err = l.Follow(within(t), all[0].ID, func(s trace.Step) error {
		for _, text := range texts {
			if strings.Contains(s.Text, text) {
				return enough
			}
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("the trace never has any of %q: %v", texts, err)
	}
}

// inOrder tells which of some texts does not come after the one before; "": all do.
func inOrder(text string, parts ...string) string {
	for _, part := range parts {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return part
		}
		text = rest
	}
	return ""
}

func TestABridgedCallTellsItsStory(t *testing.T) {
	t.Parallel()
	x, l := traced(t, func(ctx context.Context, c *engine.Call) {
		c.At("main.lua:6")
		_, _ = c.Bridge(ctx, []string{"77514"}, engine.BridgeOptions{})
	})
	calls := make(chan *phone.Call, 1)
	x.phone("77514", taking(calls))
	call := x.dial(x.phone("77513", nil), "77514")
	<-calls
	await(t, l, "they hear each other")
	call.Hangup()
	info, steps := story(t, x, l)
	if info.From != "77513" || info.To != "77514" || info.Outcome != "answered" || info.End.IsZero() {
		t.Errorf("the call in short is %+v", info)
	}
	var b strings.Builder
	if err := trace.Render(&b, info, steps, trace.RenderOptions{}); err != nil {
		t.Fatal(err)
	}
	if missing := inOrder(b.String(), "77513 to 77514", "belfry",
		"│─ INVITE 77514 ───▶│                   │", // from the caller
		"│◀ 401 Unauthorized │", "│─ ACK ───", "│─ INVITE 77514",
		"│                   │─ INVITE 77514 ───▶│", // to the called phone
		"│◀─ 200 OK ─────────│", "answered by 77514", "main.lua:6", "they hear each other: relayed",
		"│─ BYE ────────────▶│", "77513 has hung up", "over: answered by 77514",
	); missing != "" {
		t.Errorf("%q is missing, or comes too early, in\n%s", missing, b.String())
	}
	told := errors.New("told")
	if err := l.Follow(within(t), info.ID, func(s trace.Step) error {
		if s.Text == "BYE" && s.From == trace.Exchange && s.To == "77514" {
			return told
		}
		return nil
	}); !errors.Is(err, told) {
		t.Errorf("the called phone is never told that the call is over: %v", err)
	}
	if strings.Contains(b.String()+raw(steps), "response=") {
		t.Error("the trace has credentials")
	}
}

func raw(steps []trace.Step) string {
	text, err := json.Marshal(steps)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestNoPinIsInATrace(t *testing.T) {
	t.Parallel()
	const pin = "582946"
	for name, h := range map[string]engine.HandlerFunc{
		"a conference's": func(ctx context.Context, c *engine.Call) {
			_, _ = c.Conference(ctx, "physics", engine.ConferenceOptions{Pin: pin})
		},
		"read as a secret": func(ctx context.Context, c *engine.Call) {
			_, _ = c.ReadDigits(ctx, engine.ReadDigitsOptions{Terminator: "#", Secret: true})
		},
		"that comes to light later": func(ctx context.Context, c *engine.Call) {
			if r, err := c.ReadDigits(ctx, engine.ReadDigitsOptions{Terminator: "#"}); err == nil {
				c.Hide(r.Digits)
			}
		},
		"typed ahead": func(ctx context.Context, c *engine.Call) {
			_, _ = c.PlayPrompt(ctx, []engine.Prompt{{Name: "hello-world"}}, engine.PlayOptions{Times: 2})
			_, _ = c.ReadDigits(ctx, engine.ReadDigitsOptions{Terminator: "#", Secret: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, l := traced(t, func(ctx context.Context, c *engine.Call) {
				h(ctx, c)
				c.Step(trace.Step{Kind: trace.Call, Text: "the handler is done"})
				<-ctx.Done()
			})
			call := x.dial(x.phone("77513", nil), "100")
			if err := call.SendDigits(within(t), pin+"#"); err != nil {
				t.Fatal(err)
			}
			await(t, l, "the handler is done", "in a conference")
			call.Hangup()
			_, steps := story(t, x, l)
			if text := raw(steps); !strings.Contains(text, "pressed") || strings.Contains(text, pin) {
				t.Errorf("the trace has the PIN, or no key at all: %s", text)
			}
			for _, s := range steps {
				if key, ok := strings.CutPrefix(s.Text, "pressed "); ok && len(key) == 1 && strings.Contains(pin, key) {
					t.Errorf("the trace has a key of the PIN: %q", s.Text)
				}
			}
		})
	}
}
