package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store"
)

// GreetingKinds are what a mailbox's owner can record: the greetings for no answer and for
// busy, one that replaces both for a while, and the name that the default greeting speaks.
func GreetingKinds() []string { return []string{"unavailable", "busy", "temporary", "name"} }

// maxGreeting bounds a greeting: it is played to every caller.
const maxGreeting = 5 * time.Minute

// greetingRecord is what the store has of a greeting.
type greetingRecord struct {
	File   string        `json:"file"`
	Length time.Duration `json:"length"`
}

func (m *Mailbox) greetingKey(kind string) (string, error) {
	if !slices.Contains(GreetingKinds(), kind) {
		return "", fmt.Errorf("mailbox: there is no greeting %.40q; use unavailable, busy, temporary or name", kind)
	}
	return m.number + "/" + kind, nil
}

// Greeting returns a recorded greeting, or nil if there is none.
func (m *Mailbox) Greeting(ctx context.Context, kind string) (*media.Clip, error) {
	key, err := m.greetingKey(kind)
	if err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		e, err := m.boxes.store.Bucket(greetingBucket).Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		var g greetingRecord
		var rec recording
		if err == nil {
			err = json.Unmarshal(e.Value, &g)
		}
		if err == nil {
			rec, err = readFile(m.boxes.disk, g.File)
		}
		if errors.Is(err, fs.ErrNotExist) && tries < 3 { // replaced meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("mailbox %s: the %s greeting: %w", m.number, kind, err)
		}
		return media.NewClip(rate, rec.sound), nil
	}
}

// SetGreeting replaces a greeting; nil erases it. When it returns, the new one is on the
// disk. Files that no greeting refers to any more, or yet, go at the next start at the latest.
func (m *Mailbox) SetGreeting(ctx context.Context, kind string, clip *media.Clip) error {
	key, err := m.greetingKey(kind)
	if err != nil {
		return err
	}
	var value []byte
	if clip != nil {
		if value, err = m.writeGreeting(clip); err != nil {
			return fmt.Errorf("mailbox %s: the %s greeting: %w", m.number, kind, err)
		}
	}
	var old []string
	err = m.boxes.store.Batch(ctx, func(tx store.Batch) error {
		old = nil
		if _, err := tx.Get(boxBucket, m.number); err != nil {
			return err
		}
		switch e, err := tx.Get(greetingBucket, key); {
		case err == nil:
			var g greetingRecord
			if err := json.Unmarshal(e.Value, &g); err != nil {
				return err
			}
			old = []string{g.File}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if value == nil {
			return tx.Delete(greetingBucket, key)
		}
		return tx.Put(greetingBucket, key, value)
	})
	if err != nil {
		return fmt.Errorf("mailbox %s: the %s greeting: %w", m.number, kind, err)
	}
	m.boxes.unlink(ctx, old)
	return nil
}

func (m *Mailbox) writeGreeting(clip *media.Clip) ([]byte, error) {
	b := m.boxes
	if clip.Duration() > maxGreeting {
		return nil, fmt.Errorf("%w: %v; at most %v", ErrTooLong, clip.Duration(), maxGreeting)
	}
	now := b.clock.Now().UTC().Round(0)
	w, err := newWriter(b.disk, header{ID: b.newID(now), Mailbox: m.number, Time: now}, greetingSuffix)
	if err != nil {
		return nil, wrapFull(err)
	}
	whole := narrow(clip)
	for pcm := whole; len(pcm) > 0; {
		n := min(frameSamples, len(pcm))
		if err := w.sound(pcm[:n]); err != nil {
			return nil, errors.Join(err, w.discard())
		}
		pcm = pcm[n:]
	}
	file, err := w.finish(trailer{}, greetingDir)
	if err == nil && w.samples < len(whole) {
		err = errors.Join(w.err, b.disk.Remove(file), b.disk.SyncDir(greetingDir))
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(greetingRecord{file, clip.Duration()})
}
