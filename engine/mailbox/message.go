package mailbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Folders of a mailbox.
const (
	FolderNew     = "new"     // not heard yet
	FolderSaved   = "saved"   // heard
	FolderDeleted = "deleted" // until the log-in ends, or a day has passed
)

// keepDeleted is how long a deleted message can be had back at most.
const keepDeleted = 24 * time.Hour

// Message is one message as it was when asked for.
type Message struct {
	ID          string
	Mailbox     string
	From, Name  string // the caller
	Time        time.Time
	Length      time.Duration
	Urgent      bool
	Heard       bool
	Folder      string
	Interrupted bool   // it was being recorded when the exchange stopped
	ForwardedBy string // the mailbox that forwarded it; ""
}

// Waiting counts messages for the lamp (RFC 3842): new ones have not been heard, old ones
// have; the urgent ones are counted in both.
type Waiting struct{ New, Old, UrgentNew, UrgentOld int }

// record is what the store has of a message.
type record struct {
	header
	Length      time.Duration `json:"length"`
	Urgent      bool          `json:"urgent,omitempty"`
	Heard       bool          `json:"heard,omitempty"`
	Interrupted bool          `json:"interrupted,omitempty"`
	Deleted     time.Time     `json:"deleted,omitzero"`
}

func (r record) message() Message {
	m := Message{
		ID: r.ID, Mailbox: r.Mailbox, From: r.From, Name: r.Name, Time: r.Time, Length: r.Length,
		Urgent: r.Urgent, Heard: r.Heard, Folder: FolderNew, Interrupted: r.Interrupted, ForwardedBy: r.ForwardedBy,
	}
	switch {
	case !r.Deleted.IsZero():
		m.Folder = FolderDeleted
	case r.Heard:
		m.Folder = FolderSaved
	}
	return m
}

// gone reports whether a deleted message can no longer be had back.
func (r record) gone(now time.Time) bool {
	return !r.Deleted.IsZero() && !r.Deleted.Add(keepDeleted).After(now)
}

func messageFile(id string) string { return path.Join(newDir, id+messageSuffix) }

func messageKey(mailbox, id string) string { return mailbox + "/" + id }

// all returns every message that is not gone, in the order in which they came.
func (m *Mailbox) all(ctx context.Context) ([]Message, error) {
	entries, err := m.boxes.store.Bucket(messageBucket).List(ctx, m.number+"/")
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: reading messages: %w", m.number, err)
	}
	now := m.boxes.clock.Now()
	list := make([]Message, 0, len(entries))
	for _, e := range entries {
		var r record
		if err := json.Unmarshal(e.Value, &r); err != nil {
			return nil, fmt.Errorf("mailbox: message %s: %w", e.Key, err)
		}
		if !r.gone(now) {
			list = append(list, r.message())
		}
	}
	slices.SortStableFunc(list, func(a, b Message) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Messages returns the messages in a folder, oldest first.
func (m *Mailbox) Messages(ctx context.Context, folder string) ([]Message, error) {
	if folder != FolderNew && folder != FolderSaved && folder != FolderDeleted {
		return nil, fmt.Errorf("mailbox: there is no folder %.40q; use new, saved or deleted", folder)
	}
	all, err := m.all(ctx)
	return slices.DeleteFunc(all, func(msg Message) bool { return msg.Folder != folder }), err
}

// Waiting counts the messages that are not deleted.
func (m *Mailbox) Waiting(ctx context.Context) (Waiting, error) {
	all, err := m.all(ctx)
	return count(all), err
}

func count(all []Message) (w Waiting) {
	for _, m := range all {
		switch {
		case m.Folder == FolderDeleted:
		case m.Heard:
			w.Old++
			w.UrgentOld += one(m.Urgent)
		default:
			w.New++
			w.UrgentNew += one(m.Urgent)
		}
	}
	return w
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func total(all []Message) (d time.Duration) {
	for _, m := range all {
		if m.Folder != FolderDeleted {
			d += m.Length
		}
	}
	return d
}

// MarkHeard moves a message to the saved ones; the lamp goes out with the last new one.
func (m *Mailbox) MarkHeard(ctx context.Context, id string) error {
	return m.change(ctx, id, func(_ store.Batch, r *record) error {
		r.Heard = true
		return nil
	})
}

// Save moves a message to the saved ones, also back from the deleted.
func (m *Mailbox) Save(ctx context.Context, id string) error {
	return m.change(ctx, id, func(tx store.Batch, r *record) error {
		r.Heard, r.Deleted = true, time.Time{}
		return tx.Delete(trashBucket, messageKey(m.number, id))
	})
}

// Delete puts a message among the deleted, from where Undelete fetches it back until
// Purge or for 24 hours.
func (m *Mailbox) Delete(ctx context.Context, id string) error {
	err := m.change(ctx, id, func(tx store.Batch, r *record) error {
		if r.Deleted.IsZero() {
			r.Deleted = m.boxes.clock.Now()
		}
		return tx.Put(trashBucket, messageKey(m.number, id), []byte(r.Deleted.Format(time.RFC3339)))
	})
	if err == nil {
		m.boxes.purgeLater()
	}
	return err
}

// Undelete puts a deleted message back where it was.
func (m *Mailbox) Undelete(ctx context.Context, id string) error {
	return m.change(ctx, id, func(tx store.Batch, r *record) error {
		r.Deleted = time.Time{}
		return tx.Delete(trashBucket, messageKey(m.number, id))
	})
}

// change rewrites a message's record in one step.
func (m *Mailbox) change(ctx context.Context, id string, fn func(store.Batch, *record) error) error {
	key := messageKey(m.number, id)
	err := m.boxes.store.Batch(ctx, func(tx store.Batch) error {
		e, err := tx.Get(messageBucket, key)
		if err != nil {
			return noMessage(err)
		}
		var r record
		if err := json.Unmarshal(e.Value, &r); err != nil {
			return err
		}
		if r.gone(m.boxes.clock.Now()) {
			return ErrNoMessage
		}
		if err := fn(tx, &r); err != nil {
			return err
		}
		value, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return tx.Put(messageBucket, key, value)
	})
	if err != nil {
		return fmt.Errorf("mailbox %s: message %.40q: %w", m.number, id, err)
	}
	return nil
}

func noMessage(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoMessage
	}
	return err
}

// Message returns one message, in whichever folder it is, or ErrNoMessage.
func (m *Mailbox) Message(ctx context.Context, id string) (Message, error) {
	e, err := m.boxes.store.Bucket(messageBucket).Get(ctx, messageKey(m.number, id))
	var r record
	if err == nil {
		err = json.Unmarshal(e.Value, &r)
	}
	if err == nil && r.gone(m.boxes.clock.Now()) {
		err = ErrNoMessage
	}
	if err != nil {
		return Message{}, fmt.Errorf("mailbox %s: message %.40q: %w", m.number, id, noMessage(err))
	}
	return r.message(), nil
}

// Sound returns what was said. Of a damaged file it is what comes before the damage.
func (m *Mailbox) Sound(ctx context.Context, id string) (*media.Clip, error) {
	msg, err := m.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	rec, err := readFile(m.boxes.disk, messageFile(id))
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: the sound of message %s: %w", m.number, id, err)
	}
	if rec.length() < msg.Length {
		m.boxes.log.Error("mailbox: a message is damaged", "mailbox", m.number, "message", id, "was", msg.Length, "is", rec.length())
	}
	if len(rec.sound) == 0 && msg.Length > 0 {
		return nil, fmt.Errorf("mailbox %s: the sound of message %s: %w", m.number, id, ErrDamaged)
	}
	return media.NewClip(rate, rec.sound), nil
}

// Forward copies a message to another mailbox, after an introduction if there is one. The
// copy keeps its caller and time and says who forwarded it.
func (m *Mailbox) Forward(ctx context.Context, id, to string, intro *media.Clip) error {
	msg, err := m.Message(ctx, id)
	if err != nil {
		return err
	}
	sound, err := m.Sound(ctx, id)
	if err != nil {
		return err
	}
	dest, err := m.boxes.Get(to)
	if err != nil {
		return err
	}
	d, err := dest.begin(header{From: msg.From, Name: msg.Name, Time: msg.Time, ForwardedBy: m.number})
	if err != nil {
		return err
	}
	for _, clip := range []*media.Clip{intro, sound} {
		if clip == nil {
			continue
		}
		if err := d.Write(narrow(clip)); err != nil {
			return errors.Join(fmt.Errorf("mailbox: forwarding to %s: %w", to, err), d.discard())
		}
	}
	_, err = d.commit(ctx, msg.Urgent, d.Length()) // all of it: the original is still there
	return err
}

// narrow is a clip's sound at 8 kHz.
func narrow(c *media.Clip) []int16 {
	if c.Rate() == rate {
		return c.PCM()
	}
	return codec.Resample(c.PCM(), c.Rate(), rate)
}

// Purge ends a log-in: what is deleted is gone for good.
func (m *Mailbox) Purge(ctx context.Context) error {
	return m.boxes.purge(ctx, m.number+"/", func(record) bool { return true })
}

// purge removes deleted messages below a prefix: first from the index, leaving a
// tombstone, then their files, so that no crash brings one back.
func (b *Mailboxes) purge(ctx context.Context, prefix string, which func(record) bool) error {
	deleted, err := b.store.Bucket(trashBucket).List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("mailbox: purging: %w", err)
	}
	if len(deleted) == 0 {
		return nil
	}
	var files []string
	err = b.store.Batch(ctx, func(tx store.Batch) error {
		files = nil
		for _, t := range deleted {
			e, err := tx.Get(messageBucket, t.Key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			var r record
			if err == nil {
				if err := json.Unmarshal(e.Value, &r); err != nil {
					return fmt.Errorf("message %s: %w", t.Key, err)
				}
				if r.Deleted.IsZero() || !which(r) {
					continue
				}
			}
			_, id, _ := strings.Cut(t.Key, "/")
			files = append(files, messageFile(id))
			if err := errors.Join(tx.Delete(messageBucket, t.Key), tx.Delete(trashBucket, t.Key)); err != nil {
				return err
			}
		}
		return bury(tx, files)
	})
	if err != nil {
		return fmt.Errorf("mailbox: purging: %w", err)
	}
	b.unlink(ctx, files)
	return nil
}

// purgeLater has what was deleted looked at in an hour. Where nothing is, nothing wakes.
func (b *Mailboxes) purgeLater() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.purging == nil {
		b.purging = b.clock.AfterFunc(time.Hour, b.purgeNow)
	}
}

// purgeNow removes what was deleted more than a day ago.
func (b *Mailboxes) purgeNow() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.purging = nil
	b.wg.Add(1)
	b.mu.Unlock()
	defer b.wg.Done()
	ctx := context.Background()
	if err := errors.Join(b.purgeOld(ctx), b.purgeAgain(ctx)); err != nil {
		b.log.Error("mailbox: deleted messages stay", "error", err)
		b.purgeLater()
	}
}

// purgeAgain has what was deleted, if anything was, looked at later.
func (b *Mailboxes) purgeAgain(ctx context.Context) error {
	deleted, err := b.store.Bucket(trashBucket).List(ctx, "")
	if len(deleted) > 0 {
		b.purgeLater()
	}
	return err
}

func (b *Mailboxes) purgeOld(ctx context.Context) error {
	now := b.clock.Now()
	return b.purge(ctx, "", func(r record) bool { return r.gone(now) })
}

// bury notes files that are about to be removed.
func bury(tx store.Batch, files []string) error {
	for _, f := range files {
		if err := tx.Put(tombstoneBucket, f, nil); err != nil {
			return err
		}
	}
	return nil
}

// unlink removes buried files. If that fails it is done at the next start.
func (b *Mailboxes) unlink(ctx context.Context, files []string) {
	if len(files) == 0 {
		return
	}
	dirs := map[string]bool{}
	for _, f := range files {
		if err := removeIfThere(b.disk, f); err != nil {
			b.log.Error("mailbox: a deleted file stays until the next start", "file", f, "error", err)
			return
		}
		dirs[path.Dir(f)] = true
	}
	for dir := range dirs {
		if err := b.disk.SyncDir(dir); err != nil {
			b.log.Error("mailbox: deleted files stay until the next start", "folder", dir, "error", err)
			return
		}
	}
	err := b.store.Batch(ctx, func(tx store.Batch) error {
		for _, f := range files {
			if err := tx.Delete(tombstoneBucket, f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		b.log.Error("mailbox: tombstones stay until the next start", "error", err)
	}
}
