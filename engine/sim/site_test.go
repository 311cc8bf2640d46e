package sim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/stdlib"
)

// chorus is a site with the lines of the larger example.
func chorus(t testing.TB) *Site {
	t.Helper()
	s, err := NewSite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f, err := os.Open(filepath.Join("..", "..", "dialplans", "chorus", "lines.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := t.Context()
	_, err = s.Directory().ImportCSV(ctx, f, directory.ImportOptions{
		CheckPIN: mailbox.CheckNewPIN,
		SetPIN: func(ctx context.Context, number, pin string) error {
			if err := s.Mailboxes().Create(ctx, number); err != nil {
				return err
			}
			box, err := s.Mailboxes().Get(number)
			if err != nil {
				return err
			}
			return box.SetPINNow(ctx, pin)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// of makes an exchange of a site, that ends with the test.
func of(t testing.TB, s *Site, h engine.HandlerFunc) *Exchange {
	t.Helper()
	x, err := New(Options{Engine: engine.Options{Handler: h, Prompts: prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}})}, Site: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// What happens in one exchange of a site is seen neither in another nor in the site.
func TestExchangesOfASiteAreApart(t *testing.T) {
	s := chorus(t)
	ctx := t.Context()
	takeMessage := func(ctx context.Context, c *engine.Call) {
		_, _ = c.RecordVoicemail(ctx, c.Dialled(), engine.VoicemailOptions{Silence: time.Hour})
	}
	x, y := of(t, s, takeMessage), of(t, s, takeMessage)
	if err := x.Engine().Directory().SetDND(ctx, "77513", true); err != nil {
		t.Fatal(err)
	}
	ada := calls(t, x, "77514", "77513")
	until(t, x, "the call is answered", func() bool { return ada.State() == Answered })
	pass(x, time.Minute)
	ada.Speak(5 * time.Second)
	pass(x, 5*time.Second)
	ada.Hangup()
	pass(x, time.Second)
	for what, e := range map[string]struct {
		lines    *directory.Directory
		boxes    *mailbox.Mailboxes
		dnd      bool
		messages int
	}{
		"the exchange":       {x.Engine().Directory(), x.Engine().Mailboxes(), true, 1},
		"another":            {y.Engine().Directory(), y.Engine().Mailboxes(), false, 0},
		"one that comes now": {nil, nil, false, 0},
		"the site":           {s.Directory(), s.Mailboxes(), false, 0},
	} {
		if e.lines == nil {
			z := of(t, s, takeMessage)
			e.lines, e.boxes = z.Engine().Directory(), z.Engine().Mailboxes()
		}
		line, err := e.lines.Line(ctx, "77513")
		if err != nil || line.DND != e.dnd || line.Name != "Ada Byron" {
			t.Errorf("%s has %+v, %v", what, line, err)
		}
		box, err := e.boxes.Get("77513")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if w, err := box.Waiting(ctx); err != nil || w.New != e.messages {
			t.Errorf("in %s wait %+v, %v", what, w, err)
		}
		if r, err := box.CheckPIN(ctx, "274951"); err != nil || r != mailbox.PINOK {
			t.Errorf("%s says of the PIN %q, %v", what, r, err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	s := chorus(b)
	b.ReportAllocs()
	for b.Loop() {
		x, err := New(Options{Site: s})
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// A dialplan that records conversations does so here too, with the names of files that would be; nothing is made.
func TestRecordingsAreOnlyToldOf(t *testing.T) {
	var paths []string
	x := of(t, chorus(t), func(ctx context.Context, c *engine.Call) {
		for _, o := range []engine.RecordingOptions{{Format: "wav"}, {Format: "wav", Name: "chat"}, {Format: "wav", Name: "chat"}} {
			r, err := c.StartRecording(ctx, o)
			if err != nil {
				t.Error(err)
			}
			paths = append(paths, filepath.ToSlash(r.Path))
			if err := c.StopRecording(ctx); err != nil {
				t.Error(err)
			}
		}
		if _, err := c.StartRecording(ctx, engine.RecordingOptions{Format: "tape"}); err == nil {
			t.Error("a format that there is not was taken")
		}
		if _, err := c.StartRecording(ctx, engine.RecordingOptions{Format: "wav"}); err != nil { // which ends with the call
			t.Error(err)
		}
		bridging(ctx, c)
	})
	x.Phone("77514").AnswersAfter(time.Second)
	ada := calls(t, x, "77513", "77514")
	talking(t, x, ada, x.Phone("77514"))
	ada.Hangup()
	pass(x, time.Minute)
	want := []string{"recordings/2026-03-02/call-1-1.wav", "recordings/2026-03-02/chat-1.wav", "recordings/2026-03-02/chat-2.wav"}
	if !slices.Equal(paths, want) {
		t.Errorf("recorded %q", paths)
	}
	if _, err := os.Stat("recordings"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of recordings: %v", err)
	}
	records, err := x.Engine().CallLog().Records(t.Context(), callog.Filter{})
	if err != nil || len(records) != 1 || len(records[0].Recordings) != 4 || records[0].Recordings[3] != "call-1-2.wav" {
		t.Errorf("the call record says %+v, %v", records, err)
	}
}

// A real exchange is not made by mistake of what keeps nothing.
func TestARealExchangeNeedsAFolder(t *testing.T) {
	s := chorus(t)
	e, err := engine.New(t.Context(), engine.Options{Store: s.store.Clone(nil), Realm: "x"})
	if err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("it was made: %v", err)
	}
	if e != nil {
		t.Error(e.Close())
	}
}

// A dry run begins with what an exchange has, and leaves it alone.
func TestSiteOverAnExchange(t *testing.T) {
	x := newExchange(t, bridging)
	ctx := t.Context()
	s, err := SiteOver(ctx, x.Engine().Store(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	dry := of(t, s, bridging)
	if err := dry.Engine().Directory().SetForward(ctx, "77513", directory.ForwardAlways, "15902"); err != nil {
		t.Fatal(err)
	}
	dry.Phone("15903").AnswersAfter(time.Second)
	talking(t, dry, calls(t, dry, "77513", "15903"), dry.Phone("15903"))
	if l, err := x.Engine().Directory().Line(ctx, "77513"); err != nil || l.ForwardOn(directory.ForwardAlways) != "" {
		t.Errorf("the exchange has %+v, %v", l, err)
	}
}
