package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// logged keeps a log that several goroutines write.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// told are the story's lines so far: what, about whom, where; of the one call that there was.
func (l *logged) told(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	call := ""
	for _, text := range strings.Split(strings.TrimSpace(l.b.String()), "\n") {
		var line struct{ Msg, Call, Target, By, Name, At, AnsweredBy string }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line.Call == "" {
			continue
		}
		if call != "" && line.Call != call {
			t.Errorf("%q is about another call", line.Msg)
		}
		call = line.Call
		all = append(all, strings.Join(strings.Fields(line.Msg+" "+line.Target+line.By+line.Name+line.AnsweredBy+" "+line.At), " "))
	}
	return all
}

func TestTheLogTellsACallsStory(t *testing.T) {
	t.Parallel()
	mux := &engine.Mux{}
	if err := mux.Add(engine.Route{Pattern: "600", Name: "reception", Where: "main.lua:3", Handler: engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
		c.At("sales.lua:12")
		_, _ = c.Bridge(ctx, []string{"77514"}, engine.BridgeOptions{})
	})}); err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	x := start(t, mux.ServeCall, func(o *engine.Options) {
		o.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	x.phone("77514", phone.AnswersAfter(0, nil))
	call := x.dial(x.phone("77513", nil), "600")
	call.Hangup()
	want := []string{
		"call", "routed reception main.lua:3", "ringing 77514 sales.lua:12", "answered 77514 sales.lua:12", "ended 77514",
	}
	for len(log.told(t)) < len(want) {
		select {
		case <-within(t).Done():
			t.Fatalf("the story stops short: %q", log.told(t))
		case <-pause():
		}
	}
	if d := cmp.Diff(want, log.told(t)); d != "" {
		t.Error(d)
	}
}
