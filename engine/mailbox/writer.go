package mailbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
)

// writer writes one recording below tmp/. It is not safe for concurrent use; see Draft.
//
// Where a flush has failed, the kernel may have dropped what it had not written and will
// not say so again. The writer therefore keeps in memory what is not yet known to be on
// the disk, and then begins a new file with that and with what the last good flush left.
type writer struct {
	disk   FS
	header header
	suffix string // of the name: ".rec" is recovered after a crash, others are thrown away
	name   string
	copies int // files begun because another failed

	file      File
	headerEnd int64
	good      int64    // bytes written
	synced    int64    // bytes known to be on the disk
	tail      [][]byte // frames that were written since
	spare     [][]byte // room for frames
	samples   int
	syncedAt  int   // samples in what is on the disk
	resets    int   // how often the recording was begun again
	err       error // nothing more can be written
}

// createFlags make a file that must not exist yet.
const createFlags = os.O_CREATE | os.O_EXCL | os.O_RDWR | os.O_APPEND

// suffixes of names in tmp/.
const (
	messageSuffix  = ".rec"
	greetingSuffix = ".greeting"
)

// newWriter begins a file. Its header is on the disk when it returns.
func newWriter(disk FS, h header, suffix string) (*writer, error) {
	w := &writer{disk: disk, header: h, suffix: suffix}
	first, err := appendJSON([]byte(magic), 'h', h)
	if err != nil {
		return nil, fmt.Errorf("writing the header: %w", err)
	}
	w.headerEnd = int64(len(first))
	w.tail = [][]byte{first}
	if err := w.begin(); err != nil {
		return nil, err
	}
	return w, nil
}

// begin starts a file with what is known to be on the disk of the one before, and the tail.
// If it fails there is no new file and the old one is as it was.
func (w *writer) begin() (err error) {
	name := path.Join(tmpDir, w.header.ID+w.suffix)
	if w.copies > 0 {
		name = path.Join(tmpDir, fmt.Sprintf("%s-%d%s", w.header.ID, w.copies, w.suffix))
	}
	w.copies++
	f, err := w.disk.OpenFile(name, createFlags, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), w.disk.Remove(name))
		}
	}()
	if w.synced > 0 {
		if err := w.copySynced(f); err != nil {
			return err
		}
	}
	tail := slices.Concat(w.tail...)
	if _, err := f.Write(tail); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := w.disk.SyncDir(tmpDir); err != nil {
		return err
	}
	if w.file != nil {
		// The copy is complete; what becomes of the old file matters to nobody but the disk's space.
		_ = w.file.Close()
		_ = w.disk.Remove(w.name)
	}
	w.file, w.name = f, name
	w.good = w.synced + int64(len(tail))
	w.synced, w.syncedAt, w.tail = w.good, w.samples, nil
	return nil
}

func (w *writer) copySynced(to File) (err error) {
	from, err := w.disk.OpenFile(w.name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	_, err = io.CopyN(to, from, w.synced)
	return err
}

// write appends a frame, and keeps it until it is on the disk. After an error only what was written before is in the
// recording.
func (w *writer) write(frame []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.file.Write(frame)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	if err == nil {
		w.good += int64(n)
		w.tail = append(w.tail, frame)
		return nil
	}
	if !isFull(err) {
		w.tail = append(w.tail, frame)
		if again := w.begin(); again == nil {
			return nil
		}
		w.tail = w.tail[:len(w.tail)-1]
	}
	w.err = wrapFull(err)
	return w.err
}

func (w *writer) sound(pcm []int16) error {
	var room []byte
	if last := len(w.spare) - 1; last >= 0 {
		room, w.spare = w.spare[last], w.spare[:last]
	}
	if err := w.write(appendSound(room[:0], pcm)); err != nil {
		return err
	}
	w.samples += len(pcm)
	return nil
}

// flushing is a flush under way: what it was begun with.
type flushing struct {
	file    File
	good    int64
	samples int
	resets  int
}

func (w *writer) beginSync() (flushing, bool) {
	return flushing{w.file, w.good, w.samples, w.resets}, w.good > w.synced && w.err == nil
}

// endSync takes the result of a flush, during which others may have written.
func (w *writer) endSync(f flushing, err error) error {
	switch {
	case f.file != w.file: // already replaced
		return nil
	case err != nil:
		return w.salvage(err)
	case f.resets == w.resets:
		n := 0
		for left := f.good - w.synced; left > 0; n++ {
			left -= int64(len(w.tail[n]))
		}
		w.spare = append(w.spare, w.tail[:n]...)
		w.tail = slices.Delete(w.tail, 0, n)
		w.synced, w.syncedAt = f.good, f.samples
	}
	return nil
}

// salvage is for after a flush has failed: it writes everything into a new file. If that
// does not work because the disk is full, it keeps what the last good flush left, and no
// more can be written. If it returns nil, what the writer has is on the disk.
func (w *writer) salvage(cause error) error {
	again := w.begin()
	if again == nil {
		return nil
	}
	if isFull(cause) || isFull(again) {
		if err := errors.Join(w.file.Truncate(w.synced), w.file.Sync()); err == nil {
			w.good, w.samples, w.tail = w.synced, w.syncedAt, nil
			w.err = wrapFull(errors.Join(cause, again))
			return nil
		}
	}
	w.err = fmt.Errorf("mailbox: the disk failed: %w", errors.Join(cause, again))
	return w.err
}

// restart throws the sound away.
func (w *writer) restart() error {
	if err := w.file.Truncate(w.headerEnd); err != nil {
		return fmt.Errorf("mailbox: beginning again: %w", err)
	}
	w.good, w.synced, w.tail, w.err = w.headerEnd, w.headerEnd, nil, nil
	w.samples, w.syncedAt = 0, 0
	w.resets++
	return nil
}

// finish completes the file and gives it its final name in dir. When it returns without
// error both are on the disk. When it fails the file stays in tmp/, to be recovered.
func (w *writer) finish(t trailer, dir string) (name string, err error) {
	if frame, err := appendJSON(nil, 't', t); err == nil && w.err == nil {
		// A disk too full for the trailer keeps the sound: see readRecording.
		_ = w.write(frame)
	}
	if w.err != nil && !errors.Is(w.err, ErrNoSpace) {
		return "", errors.Join(w.err, w.file.Close())
	}
	if err := w.file.Sync(); err != nil {
		if err := w.salvage(err); err != nil {
			return "", errors.Join(err, w.file.Close())
		}
	}
	if err := w.file.Close(); err != nil {
		return "", err
	}
	name = path.Join(dir, w.header.ID+messageSuffix)
	if err := w.disk.Rename(w.name, name); err != nil {
		return "", err
	}
	if err := w.disk.SyncDir(dir); err != nil {
		return "", err
	}
	// Should the old name come back after a power cut, recovery knows it for what it is as
	// long as the message exists: so let it not outlive that.
	_ = w.disk.SyncDir(tmpDir)
	return name, nil
}

// discard removes the file, for good.
func (w *writer) discard() error {
	return errors.Join(w.file.Close(), w.disk.Remove(w.name), w.disk.SyncDir(tmpDir))
}

// read returns the recording as far as it has been written.
func (w *writer) read() (recording, error) { return readFile(w.disk, w.name) }

func readFile(disk FS, name string) (rec recording, err error) {
	f, err := disk.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return rec, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return readRecording(io.LimitReader(f, 3*maxSamples))
}

func wrapFull(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return fmt.Errorf("mailbox: the disk failed: %w", err)
}
