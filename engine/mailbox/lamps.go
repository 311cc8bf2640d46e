package mailbox

import (
	"context"
	"errors"
	"strings"

	"github.com/belfry-pbx/belfry/engine/store"
)

// OnWaiting calls fn after each change of a mailbox's messages, wherever it was made, with
// what waits now. Calls come one after another, apart from whoever made the change, in the order of the changes; those
// that follow each other closely may come as one.
func (b *Mailboxes) OnWaiting(fn func(number string, w Waiting)) {
	b.lamps.Watch(func(number string) {
		w, err := (&Mailbox{b, number}).Waiting(context.Background())
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			b.log.Error("mailbox: a lamp may be wrong", "mailbox", number, "error", err)
			return
		}
		fn(number, w)
	})
}

// messageChanged has the lamp of its mailbox set.
func (b *Mailboxes) messageChanged(e store.Entry) {
	number, _, _ := strings.Cut(e.Key, "/")
	b.lamps.Changed(number)
}
