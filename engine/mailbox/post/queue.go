package post

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Buckets in the store; in both, mailbox/id → Mail.
const (
	queueBucket   = "mail"         // is to go
	refusedBucket = "mail-refused" // will not go, unless somebody says so
)

// Mail is what is known of the mail about a message that has not gone.
type Mail struct {
	Mailbox string    `json:"mailbox"`
	Message string    `json:"message"`          // its id
	Tries   int       `json:"tries,omitempty"`  // how often the server has put this one off
	First   time.Time `json:"first,omitzero"`   // when it first did
	Next    time.Time `json:"next,omitzero"`    // not before
	Error   string    `json:"error,omitempty"`  // what it said last
	Silent  bool      `json:"silent,omitempty"` // to go without the sound, which was too much for the server
	Refused time.Time `json:"refused,omitzero"` // for good
	Sent    bool      `json:"sent,omitempty"`   // the server has it: only Delete is left to do
	Delete  bool      `json:"delete,omitempty"` // the message from the mailbox, once that is so
}

func (m Mail) key() string { return m.Mailbox + "/" + m.Message }

// Enqueue has a mail go about a message, if its mailbox is one that wants it: that is seen when it goes. It is a
// mailbox.Options.Added: message and mail are written together or not at all.
func Enqueue(tx store.Batch, m mailbox.Message) error {
	return put(tx, queueBucket, Mail{Mailbox: m.Mailbox, Message: m.ID})
}

func put(tx store.Batch, bucket string, m Mail) error {
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return tx.Put(bucket, m.key(), value)
}

// Queue is the mails in a store, whether an exchange runs on it or not. Without a store there are none.
type Queue struct{ Store store.Store }

// Waiting lists the mails of a mailbox that are to go, "" of all, in the order in which the messages came.
func (q Queue) Waiting(ctx context.Context, number string) ([]Mail, error) {
	return q.list(ctx, queueBucket, number)
}

// Refused lists those that were refused for good.
func (q Queue) Refused(ctx context.Context, number string) ([]Mail, error) {
	return q.list(ctx, refusedBucket, number)
}

func (q Queue) list(ctx context.Context, bucket, number string) ([]Mail, error) {
	if q.Store == nil {
		return nil, nil
	}
	prefix := ""
	if number != "" {
		prefix = number + "/"
	}
	entries, err := q.Store.Bucket(bucket).List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("mail: reading what is to go: %w", err)
	}
	all := make([]Mail, 0, len(entries))
	for _, e := range entries {
		var m Mail
		if err := json.Unmarshal(e.Value, &m); err != nil {
			return nil, fmt.Errorf("mail: %s: %w", e.Key, err)
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return cmp.Compare(a.Message, b.Message) })
	return all, nil
}

// Again has the mails of a mailbox that were refused go once more, and tells how many there are.
func (q Queue) Again(ctx context.Context, number string) (int, error) {
	refused, err := q.Refused(ctx, number)
	if err != nil || len(refused) == 0 {
		return 0, err
	}
	err = q.Store.Batch(ctx, func(tx store.Batch) error {
		for _, m := range refused {
			m = Mail{Mailbox: m.Mailbox, Message: m.Message, Silent: m.Silent}
			if err := errors.Join(tx.Delete(refusedBucket, m.key()), put(tx, queueBucket, m)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("mail: sending again: %w", err)
	}
	return len(refused), nil
}

// keep writes what has become of a mail.
func (q Queue) keep(ctx context.Context, m Mail) error {
	return q.Store.Batch(ctx, func(tx store.Batch) error {
		if m.Refused.IsZero() {
			return put(tx, queueBucket, m)
		}
		return errors.Join(tx.Delete(queueBucket, m.key()), put(tx, refusedBucket, m))
	})
}

// drop forgets a mail that has gone, or that nobody wants.
func (q Queue) drop(ctx context.Context, m Mail) error {
	return q.Store.Bucket(queueBucket).Delete(ctx, m.key())
}

// sweep forgets refused mails whose message is gone.
func (q Queue) sweep(ctx context.Context, boxes *mailbox.Mailboxes) error {
	refused, err := q.Refused(ctx, "")
	if err != nil {
		return err
	}
	for _, m := range refused {
		if _, err := message(ctx, boxes, m); !gone(err) {
			continue
		}
		if err := q.Store.Bucket(refusedBucket).Delete(ctx, m.key()); err != nil {
			return fmt.Errorf("mail: %w", err)
		}
	}
	return nil
}

func message(ctx context.Context, boxes *mailbox.Mailboxes, m Mail) (mailbox.Message, error) {
	box, err := boxes.Get(m.Mailbox)
	if err != nil {
		return mailbox.Message{}, err
	}
	return box.Message(ctx, m.Message)
}

func gone(err error) bool {
	return errors.Is(err, mailbox.ErrNoMailbox) || errors.Is(err, mailbox.ErrNoMessage)
}

// short keeps what a server says to one line of reasonable length.
func short(s string) string {
	s = strings.Join(strings.FieldsFunc(s, isBreak), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}
