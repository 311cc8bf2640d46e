package sim

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
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
