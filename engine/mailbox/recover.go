package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// minRecovered is how much must have been said for an interrupted recording to become a message.
const minRecovered = time.Second

// recover puts in order what a crash has left, whenever it came; running it again, or
// having it interrupted too, does no harm:
//
//   - what was being deleted is deleted,
//   - a finished recording that is not in the index is indexed,
//   - an index entry whose file has gone is put aside, with an alarm,
//   - what was being recorded becomes a message marked as interrupted, from a second of sound on,
//   - greetings that were not acknowledged are removed.
//
// One file that can't be dealt with is put aside, or left, with an alarm: it must not keep
// the exchange from starting.
func (b *Mailboxes) recover(ctx context.Context) error {
	for _, dir := range []string{tmpDir, newDir, greetingDir, quarantineDir} {
		if err := b.disk.MkdirAll(dir); err != nil {
			return err
		}
	}
	if err := b.disk.SyncDir("."); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.finishDeletions, b.recoverMessages, b.recoverDrafts, b.recoverGreetings, b.purgeOld} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *Mailboxes) finishDeletions(ctx context.Context) error {
	buried, err := b.store.Bucket(tombstoneBucket).List(ctx, "")
	if err != nil {
		return err
	}
	var files []string
	for _, e := range buried {
		files = append(files, e.Key)
	}
	b.unlink(ctx, files)
	return nil
}

func (b *Mailboxes) recoverMessages(ctx context.Context) error {
	entries, err := b.store.Bucket(messageBucket).List(ctx, "")
	if err != nil {
		return err
	}
	names, err := b.disk.ReadDir(newDir)
	if err != nil {
		return err
	}
	files := make(map[string]bool, len(names))
	for _, name := range names {
		files[strings.TrimSuffix(name, messageSuffix)] = true
	}
	for _, e := range entries {
		_, id, _ := strings.Cut(e.Key, "/")
		if !files[id] {
			if err := b.putAside(ctx, e); err != nil {
				return err
			}
		}
		delete(files, id)
	}
	for _, id := range slices.Sorted(maps.Keys(files)) { // not in the index
		if err := b.indexFile(ctx, messageFile(id)); err != nil {
			return err
		}
	}
	return nil
}

// putAside takes an entry without a file out of the index.
func (b *Mailboxes) putAside(ctx context.Context, e store.Entry) error {
	b.log.Error("mailbox: ALARM: the sound of a message is missing; its entry is put aside", "message", e.Key)
	return b.store.Batch(ctx, func(tx store.Batch) error {
		return errors.Join(tx.Put(quarantineBucket, e.Key, e.Value), tx.Delete(messageBucket, e.Key), tx.Delete(trashBucket, e.Key))
	})
}

// indexFile indexes a recording in new/: one that was finished, and by its caller if it
// has a trailer.
func (b *Mailboxes) indexFile(ctx context.Context, name string) error {
	if b.buried(ctx, name) { // its removal has just failed again
		return nil
	}
	rec, err := readFile(b.disk, name)
	if errors.Is(err, ErrDamaged) || err == nil && messageFile(rec.ID) != name {
		return b.quarantine(name, err)
	}
	if err != nil {
		b.log.Error("mailbox: ALARM: a recording can't be read", "file", name, "error", err)
		return nil
	}
	r := record{header: rec.header, Length: rec.length(), Interrupted: rec.trailer == nil}
	if rec.trailer != nil {
		r.Urgent, r.Interrupted = rec.trailer.Urgent, rec.trailer.Interrupted
	}
	switch err := b.index(ctx, r); {
	case errors.Is(err, ErrNoMailbox):
		return b.quarantine(name, err)
	case err != nil:
		return err
	}
	b.log.Warn("mailbox: recovered a message", "mailbox", r.Mailbox, "message", r.ID, "length", r.Length, "interrupted", r.Interrupted)
	return nil
}

func (b *Mailboxes) buried(ctx context.Context, name string) bool {
	_, err := b.store.Bucket(tombstoneBucket).Get(ctx, name)
	return err == nil
}

// quarantine moves a file out of the way.
func (b *Mailboxes) quarantine(name string, why error) error {
	b.log.Error("mailbox: ALARM: a recording is put aside", "file", name, "error", why)
	if err := b.disk.Rename(name, path.Join(quarantineDir, path.Base(name))); err != nil {
		return err
	}
	return errors.Join(b.disk.SyncDir(quarantineDir), b.disk.SyncDir(path.Dir(name)))
}

// recoverDrafts deals with what was being recorded. Of a recording that was copied, because
// its disk failed, there may be several files: the longest is it.
func (b *Mailboxes) recoverDrafts(ctx context.Context) error {
	names, err := b.disk.ReadDir(tmpDir)
	if err != nil {
		return err
	}
	type found struct {
		name string
		rec  recording
	}
	best := map[string]found{}
	var rest []string
	for _, base := range names {
		name := path.Join(tmpDir, base)
		rec, err := readFile(b.disk, name)
		switch {
		case errors.Is(err, ErrDamaged) || !strings.HasSuffix(name, messageSuffix):
			rest = append(rest, name) // not even a header: nothing was said yet
			continue
		case err != nil:
			b.log.Error("mailbox: ALARM: a recording can't be read", "file", name, "error", err)
			continue
		}
		before, ok := best[rec.ID]
		if ok && len(before.rec.sound) >= len(rec.sound) {
			rest = append(rest, name)
			continue
		}
		if ok {
			rest = append(rest, before.name)
		}
		best[rec.ID] = found{name, rec}
	}
	for _, id := range slices.Sorted(maps.Keys(best)) {
		f := best[id]
		done, err := b.isIndexed(ctx, f.rec.header)
		if err != nil {
			return err
		}
		if done || f.rec.trailer == nil && f.rec.length() < minRecovered {
			rest = append(rest, f.name)
			continue
		}
		if err := b.finishDraft(ctx, f.name, f.rec); err != nil {
			b.log.Error("mailbox: ALARM: a recording stays unfinished until the next start", "message", id, "file", f.name, "error", err)
		}
	}
	for _, name := range rest {
		if err := removeIfThere(b.disk, name); err != nil {
			return err
		}
	}
	return b.disk.SyncDir(tmpDir)
}

// isIndexed reports whether a file in tmp/ is the other name of a message: its renaming
// reached one folder of the disk and not the other.
func (b *Mailboxes) isIndexed(ctx context.Context, h header) (bool, error) {
	_, err := b.store.Bucket(messageBucket).Get(ctx, messageKey(h.Mailbox, h.ID))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// finishDraft writes an unfinished recording anew, complete, and makes it a message.
func (b *Mailboxes) finishDraft(ctx context.Context, name string, rec recording) error {
	final := messageFile(rec.ID)
	if rec.trailer == nil {
		complete, err := encodeRecording(rec, trailer{Interrupted: true})
		if err != nil {
			return err
		}
		copied := strings.TrimSuffix(name, messageSuffix) + ".recovered"
		if err := writeFile(b.disk, copied, complete); err != nil {
			return err
		}
		if err := b.disk.Rename(copied, final); err != nil {
			return err
		}
	} else if err := b.disk.Rename(name, final); err != nil {
		return err
	}
	if err := b.disk.SyncDir(newDir); err != nil {
		return err
	}
	if err := b.indexFile(ctx, final); err != nil {
		return err
	}
	return removeIfThere(b.disk, name)
}

func encodeRecording(rec recording, t trailer) ([]byte, error) {
	out, err := appendJSON([]byte(magic), 'h', rec.header)
	if err != nil {
		return nil, err
	}
	for pcm := rec.sound; len(pcm) > 0; {
		n := min(frameSamples, len(pcm))
		out = appendSound(out, pcm[:n])
		pcm = pcm[n:]
	}
	return appendJSON(out, 't', t)
}

// recoverGreetings makes the index and the files of greetings agree.
func (b *Mailboxes) recoverGreetings(ctx context.Context) error {
	entries, err := b.store.Bucket(greetingBucket).List(ctx, "")
	if err != nil {
		return err
	}
	names, err := b.disk.ReadDir(greetingDir)
	if err != nil {
		return err
	}
	unused := make(map[string]bool, len(names))
	for _, name := range names {
		unused[path.Join(greetingDir, name)] = true
	}
	for _, e := range entries {
		var g greetingRecord
		if err := json.Unmarshal(e.Value, &g); err != nil || !unused[g.File] {
			b.log.Error("mailbox: ALARM: a greeting is missing; the default one is played", "greeting", e.Key)
			if err := b.store.Bucket(greetingBucket).Delete(ctx, e.Key); err != nil {
				return err
			}
		}
		delete(unused, g.File)
	}
	for name := range unused {
		if err := removeIfThere(b.disk, name); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a new file whose content is on the disk when it returns.
func writeFile(disk FS, name string, content []byte) error {
	if err := removeIfThere(disk, name); err != nil {
		return err
	}
	f, err := disk.OpenFile(name, createFlags, 0o600)
	if err != nil {
		return wrapFull(err)
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(wrapFull(err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("flushing %s: %w", name, err), f.Close())
	}
	return f.Close()
}

func removeIfThere(disk FS, name string) error {
	if err := disk.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
