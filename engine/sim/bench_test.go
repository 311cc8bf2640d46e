package sim

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/store/memory"
	"github.com/belfry-pbx/belfry/stdlib"
)

// A whole exchange, in which a call rings out and leaves a message of seven seconds.
func BenchmarkMessage(b *testing.B) {
	ctx := context.Background()
	data := b.TempDir()
	full := memory.New(nil)
	o := engine.Options{
		Store: full, Data: data, Realm: "belfry.test", MailDisk: mailbox.NewMemory(),
		Prompts: prompt.New(prompt.Options{Sources: []fs.FS{stdlib.Prompts()}}),
		Handler: engine.HandlerFunc(func(ctx context.Context, c *engine.Call) {
			if r, err := c.Bridge(ctx, []string{c.Dialled()}, engine.BridgeOptions{Timeout: 25 * time.Second}); err == nil && r.Outcome != engine.OutcomeAnswered {
				_, _ = c.RecordVoicemail(ctx, c.Dialled(), engine.VoicemailOptions{})
			}
		}),
	}
	first, err := New(Options{Engine: o})
	if err != nil {
		b.Fatal(err)
	}
	for _, number := range []string{"77513", "15902"} {
		l := directory.Line{Number: number, Name: "Line " + number, Kind: directory.Person, Person: "p" + number}
		if err := first.Engine().Directory().Add(ctx, l, "secret-of-"+number); err != nil {
			b.Fatal(err)
		}
		if err := first.Engine().Mailboxes().Create(ctx, number); err != nil {
			b.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		b.Fatal(err)
	}
	var pool Pool
	defer pool.Close()
	b.ReportAllocs()
	for b.Loop() {
		w := pool.NewWorld(start)
		o.Store, o.MailDisk = full.Clone(w), mailbox.NewMemory()
		x, err := New(Options{Engine: o, World: w})
		if err != nil {
			b.Fatal(err)
		}
		c, err := x.Call("77513", "15902", CallOptions{})
		if err != nil {
			b.Fatal(err)
		}
		c.Speak(16 * time.Second)
		c.HangupThen()
		if !x.World().Run(func() bool { return c.State() == Ended }, time.Hour) {
			b.Fatalf("it did not end: %v", x.World().Err())
		}
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
