package mailbox

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/store"
)

// lamps is everyone who wants to know how many messages wait.
type lamps struct {
	mu  sync.Mutex
	fns []func(string, Waiting)
}

// OnWaiting calls fn after each change of a mailbox's messages, wherever it was made, with
// what waits now. Calls come one after another from a goroutine of the mailboxes; changes
// that follow each other closely may come as one.
func (b *Mailboxes) OnWaiting(fn func(number string, w Waiting)) {
	b.lamps.mu.Lock()
	defer b.lamps.mu.Unlock()
	b.lamps.fns = append(b.lamps.fns, fn)
}

func (b *Mailboxes) tellLamps(ctx context.Context, changes <-chan store.Entry) {
	for e := range changes {
		number, _, _ := strings.Cut(e.Key, "/")
		w, err := (&Mailbox{b, number}).Waiting(ctx)
		if err != nil {
			if ctx.Err() == nil {
				b.log.Error("mailbox: a lamp may be wrong", "mailbox", number, "error", err)
			}
			continue
		}
		b.lamps.mu.Lock()
		fns := slices.Clone(b.lamps.fns)
		b.lamps.mu.Unlock()
		for _, fn := range fns {
			b.tellLamp(fn, number, w)
		}
	}
}

func (b *Mailboxes) tellLamp(fn func(string, Waiting), number string, w Waiting) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("mailbox: whoever sets the lamps panicked", "mailbox", number, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn(number, w)
}
