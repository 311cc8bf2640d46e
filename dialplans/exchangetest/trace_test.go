package exchangetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// A call that rings out and is taken by voicemail tells all of it, in order: messages, lines of Lua, sound, the message kept.
// It does so still when the exchange has been started again.
func TestAWholeCallIsTracedAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	x := startExchange(t)
	x.phone("15902", func(ctx context.Context, c *phone.Call) {
		_ = c.Ring(ctx)
		<-c.Done()
	})
	call, err := x.phone("77513", nil).Start(ctx, "15902")
	if err != nil {
		t.Fatal(err)
	}
	story := func() string {
		calls, err := x.Manager().Traces(ctx, 1)
		if err != nil || len(calls) == 0 {
			return ""
		}
		told, err := x.Manager().Trace(ctx, calls[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := trace.Render(&b, told.Info, told.Steps, trace.RenderOptions{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	eventually(t, "the phone to ring", func() bool { return strings.Contains(story(), "ringing 15902") })
	x.clock.Jump(25 * time.Second)
	eventually(t, "the recording to begin", func() bool { return strings.Contains(story(), "recording") })
	if err := call.Play(ctx, speech(4*time.Second)); err != nil {
		t.Fatal(err)
	}
	call.Hangup()
	eventually(t, "the call to end", func() bool { return strings.Contains(story(), "over: answered") })
	x.stop()
	x.start()
	text := story()
	for _, part := range []string{
		"77513 to 15902", "─ INVITE 15902 ─", "401 Unauthorized", "─ INVITE 15902 ─", "routed 15902", "main.lua:", "call:bridge 15902", "main.lua:",
		"─ INVITE 15902 ─", "180 Ringing", "nobody has answered", "call:recordVoicemail 15902", "answered", "playing", "playing tone:beep", "recording",
		"─ BYE ─", "has hung up", "recorded", "message saved", "sound of 77513", "over: answered",
	} {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			t.Fatalf("%q is missing, or comes too early, in\n%s", part, story())
		}
		text = rest
	}
}
