package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store"
)

const (
	minMessage    = 2 * time.Second // what is shorter is dropped
	flushInterval = time.Second
)

// Caller is who leaves a message.
type Caller struct{ Number, Name string }

// Draft is a message that is being recorded. It is on the disk from the start: a crash
// makes it a message marked as interrupted. It is safe for concurrent use.
type Draft struct {
	box      *Mailbox
	id       string
	flushing sync.WaitGroup

	mu      sync.Mutex
	w       *writer
	pending []int16     // less than a frame
	silence int         // samples of it at the end
	due     clock.Timer // flushes; nil: there is nothing to flush
	ended   bool
}

// Begin makes room for a message: call it before the beep. ErrFull and ErrNoSpace say why
// the caller cannot leave one.
func (m *Mailbox) Begin(ctx context.Context, c Caller) (*Draft, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return m.begin(header{From: trim(c.Number), Name: trim(c.Name), Time: m.boxes.clock.Now().UTC().Round(0)})
}

func (m *Mailbox) begin(h header) (*Draft, error) {
	b := m.boxes
	h.ID, h.Mailbox = b.newID(b.clock.Now()), m.number
	d := &Draft{box: m, id: h.ID}
	if err := b.admit(d); err != nil {
		return nil, fmt.Errorf("mailbox %s: %w", m.number, err)
	}
	w, err := newWriter(b.disk, h, messageSuffix)
	if err != nil {
		b.release(d)
		return nil, fmt.Errorf("mailbox %s: beginning a message: %w", m.number, wrapFull(err))
	}
	d.w = w
	return d, nil
}

// admit keeps to the mailbox's quota, in which drafts under way count, and the disk's floor.
func (b *Mailboxes) admit(d *Draft) error {
	free, err := b.disk.Free()
	if err != nil {
		return fmt.Errorf("asking for free space: %w", err)
	}
	if free < b.limits.free {
		return fmt.Errorf("%w: %d MiB are free, %d must be", ErrNoSpace, free>>20, b.limits.free>>20)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if _, err := b.Get(d.box.number); err != nil { // removed since
		return err
	}
	all, err := d.box.all(context.Background())
	if err != nil {
		return err
	}
	w := count(all)
	n := w.New + w.Old
	for other := range b.drafts {
		indexed := slices.ContainsFunc(all, func(m Message) bool { return m.ID == other.id }) // about to be released
		n += one(other.box.number == d.box.number && !indexed)
	}
	if n >= b.limits.messages || total(all) >= b.limits.total {
		return fmt.Errorf("%w: it has %d messages of %v", ErrFull, n, total(all).Round(time.Second))
	}
	b.drafts[d] = struct{}{}
	return nil
}

func (b *Mailboxes) release(d *Draft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.drafts, d)
}

// flushLater has what was written flushed within a second, which bounds what a power cut takes. d.mu is held.
func (d *Draft) flushLater() {
	if _, needed := d.w.beginSync(); needed && d.due == nil && !d.ended {
		d.due = d.box.boxes.clock.AfterFunc(flushInterval, d.flushDue)
	}
}

func (d *Draft) flushDue() {
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return
	}
	d.due = nil
	d.flushing.Add(1)
	d.mu.Unlock()
	defer d.flushing.Done()
	if err := d.flush(); err != nil {
		d.box.boxes.log.Error("mailbox: flushing a message", "mailbox", d.box.number, "message", d.id, "error", err)
	}
}

// flush makes what was written durable; others may write meanwhile.
func (d *Draft) flush() error {
	d.mu.Lock()
	f, needed := d.w.beginSync()
	d.mu.Unlock()
	if !needed {
		return nil
	}
	err := f.file.Sync()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.w.endSync(f, err)
}

// Write appends sound, 8 kHz. Once it has failed, by ErrNoSpace, ErrTooLong or the
// disk, the draft keeps what it has, which Commit makes a message.
func (d *Draft) Write(pcm []int16) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return ErrEnded
	}
	if d.w.samples+len(d.pending)+len(pcm) > maxSamples {
		return ErrTooLong
	}
	defer d.flushLater()
	for len(pcm) > 0 {
		if len(d.pending) == 0 && len(pcm) >= frameSamples {
			if err := d.w.sound(pcm[:frameSamples]); err != nil {
				return err
			}
			pcm = pcm[frameSamples:]
			continue
		}
		n := min(frameSamples-len(d.pending), len(pcm))
		d.pending = append(d.pending, pcm[:n]...)
		pcm = pcm[n:]
		if len(d.pending) == frameSamples {
			if err := d.writePending(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Draft) writePending() error {
	if len(d.pending) == 0 {
		return nil
	}
	err := d.w.sound(d.pending)
	d.pending = d.pending[:0]
	return err
}

// Length is how much has been recorded.
func (d *Draft) Length() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return duration(d.w.samples + len(d.pending))
}

// Sound returns what has been recorded, for the caller to hear.
func (d *Draft) Sound() (*media.Clip, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return nil, ErrEnded
	}
	rec, err := d.w.read()
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: reading the draft: %w", d.box.number, err)
	}
	return media.NewClip(rate, append(rec.sound, d.pending...)), nil
}

// Restart throws away what has been recorded.
func (d *Draft) Restart() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return ErrEnded
	}
	d.pending, d.silence = d.pending[:0], 0
	return d.w.restart()
}

// Commit makes the draft a message. When it returns without error the message is on the
// disk and will be there after any crash: only then say so. What is shorter than two
// seconds is dropped with ErrTooShort. After any other error the sound may still become a
// message when the exchange is next started. Either way the draft has ended.
func (d *Draft) Commit(ctx context.Context, urgent bool) (Message, error) {
	return d.commit(ctx, urgent, 0)
}

// commit keeps nothing less than whole, if that is not zero.
func (d *Draft) commit(ctx context.Context, urgent bool, whole time.Duration) (Message, error) {
	if !d.end() {
		return Message{}, ErrEnded
	}
	defer d.box.boxes.release(d)
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.writePending() // what of it matters is in d.w.err
	if err := d.enough(whole); err != nil {
		if err := d.w.discard(); err != nil {
			d.box.boxes.log.Error("mailbox: a dropped message stays until the next start", "file", d.w.name, "error", err)
		}
		return Message{}, err
	}
	file, err := d.w.finish(trailer{Urgent: urgent, Silence: d.silence}, newDir)
	if err != nil {
		return Message{}, fmt.Errorf("mailbox %s: keeping a message: %w", d.box.number, err)
	}
	r := record{header: d.w.header, Length: duration(max(0, d.w.samples-d.silence)), Urgent: urgent}
	if err := d.enough(whole); err != nil { // the last flush found the disk full
		return Message{}, errors.Join(err, d.box.boxes.disk.Remove(file), d.box.boxes.disk.SyncDir(newDir))
	}
	if err := d.box.boxes.index(ctx, r); err != nil {
		if errors.Is(err, ErrNoMailbox) { // removed while the caller spoke
			err = errors.Join(err, d.box.boxes.disk.Remove(file), d.box.boxes.disk.SyncDir(newDir))
		}
		return Message{}, fmt.Errorf("mailbox %s: indexing a message: %w", d.box.number, err)
	}
	return r.message(), nil
}

// EndsInSilence says that what was written last is silence, for so long. It will not be part of the message.
func (d *Draft) EndsInSilence(silence time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silence = int(silence * rate / time.Second)
}

// enough says why what is there is too little to keep. Of a message that the disk cut
// short as much is kept as of one that a crash did.
func (d *Draft) enough(whole time.Duration) error {
	length, least := duration(d.w.samples), minMessage
	switch {
	case whole > 0:
		least = whole
	case d.w.err != nil:
		least = minRecovered
	}
	switch {
	case length >= least:
		return nil
	case d.w.err != nil:
		return fmt.Errorf("mailbox %s: %w", d.box.number, d.w.err)
	}
	return fmt.Errorf("mailbox %s: %w: %v", d.box.number, ErrTooShort, length)
}

// index makes a recording in new/ a message.
func (b *Mailboxes) index(ctx context.Context, r record) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return b.store.Batch(ctx, func(tx store.Batch) error {
		if _, err := tx.Get(boxBucket, r.Mailbox); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				return noMailbox(r.Mailbox)
			}
			return err
		}
		return errors.Join(tx.Put(messageBucket, messageKey(r.Mailbox, r.ID), value), b.added(tx, r.message()))
	})
}

// Discard throws the draft away. After Commit it does nothing.
func (d *Draft) Discard() {
	if err := d.discard(); err != nil {
		d.box.boxes.log.Error("mailbox: a discarded message stays until the next start", "file", d.w.name, "error", err)
	}
}

func (d *Draft) discard() error {
	if !d.end() {
		return nil
	}
	defer d.box.boxes.release(d)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.w.discard()
}

// abandon leaves the file for the next start.
func (d *Draft) abandon() error {
	if !d.end() {
		return nil
	}
	defer d.box.boxes.release(d)
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.writePending(), d.w.file.Sync(), d.w.file.Close())
}

// end reports whether it was this call that ended the draft. No flush is under way afterwards.
func (d *Draft) end() bool {
	d.mu.Lock()
	first := !d.ended
	d.ended = true
	if d.due != nil {
		d.due.Stop()
	}
	d.mu.Unlock()
	d.flushing.Wait()
	return first
}
