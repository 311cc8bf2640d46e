package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"sync"
)

// Memory is a disk in memory: for simulations and dry runs. It has room without end, and never fails.
type Memory struct {
	under fs.FS // where files are read that were there before; nil: there were none

	mu   sync.Mutex
	dirs map[string]map[string]*memoryFile // folder → name → file
}

// memoryFile is the content of a file; of one that is under the disk it is read when it is first opened.
type memoryFile struct {
	under   string   // the file's name there; "": content is all
	content [][]byte // as it was written, piece by piece
}

var _ FS = (*Memory)(nil)

// NewMemory makes an empty disk.
func NewMemory() *Memory { return &Memory{dirs: map[string]map[string]*memoryFile{".": {}}} }

// Over makes a disk with the messages and greetings in a folder of mailboxes, such as os.DirFS has, which it reads when
// they are asked for and never writes to. What is just being recorded there is left out.
func Over(folder fs.FS) (*Memory, error) {
	d := NewMemory()
	d.under = folder
	for _, dir := range []string{newDir, greetingDir} {
		entries, err := fs.ReadDir(folder, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("mailbox: reading %s: %w", dir, err)
		}
		d.dirs[dir] = map[string]*memoryFile{}
		for _, e := range entries {
			d.dirs[dir][e.Name()] = &memoryFile{under: path.Join(dir, e.Name())}
		}
	}
	return d, nil
}

// Clone makes a disk with what this one has.
func (d *Memory) Clone() *Memory {
	d.mu.Lock()
	defer d.mu.Unlock()
	clone := &Memory{under: d.under, dirs: make(map[string]map[string]*memoryFile, len(d.dirs))}
	for name, dir := range d.dirs {
		clone.dirs[name] = maps.Clone(dir)
		for base, f := range dir {
			n := len(f.content)
			clone.dirs[name][base] = &memoryFile{f.under, f.content[:n:n]} // whoever appends first copies
		}
	}
	return clone
}

// find is the folder that a name is in, and its name there. d.mu is held.
func (d *Memory) find(op, name string) (dir map[string]*memoryFile, base string, err error) {
	dir = d.dirs[path.Dir(name)]
	if dir == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return dir, path.Base(name), nil
}

// OpenFile implements FS. A file that can be written to is only appended to.
func (d *Memory) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, base, err := d.find("open", name)
	if err != nil {
		return nil, err
	}
	f := dir[base]
	switch {
	case f != nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case f == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case f == nil:
		f = &memoryFile{}
		dir[base] = f
	case f.under != "":
		content, err := fs.ReadFile(d.under, f.under)
		if err != nil {
			return nil, err
		}
		f.content, f.under = [][]byte{content}, ""
	}
	return &memoryHandle{disk: d, file: f}, nil
}

// Rename implements FS.
func (d *Memory) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	source, fromBase, err := d.find("rename", from)
	if err != nil {
		return err
	}
	dest, toBase, err := d.find("rename", to)
	if err != nil {
		return err
	}
	if source[fromBase] == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	f := source[fromBase]
	delete(source, fromBase)
	dest[toBase] = f
	return nil
}

// Remove implements FS.
func (d *Memory) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, base, err := d.find("remove", name)
	if err != nil {
		return err
	}
	if dir[base] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(dir, base)
	return nil
}

// ReadDir implements FS; the names are sorted.
func (d *Memory) ReadDir(name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirs[name] == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return slices.Sorted(maps.Keys(d.dirs[name])), nil
}

// MkdirAll implements FS.
func (d *Memory) MkdirAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirs[name] == nil {
		d.dirs[name] = map[string]*memoryFile{}
	}
	return nil
}

// SyncDir implements FS.
func (d *Memory) SyncDir(string) error { return nil }

// Free implements FS.
func (d *Memory) Free() (int64, error) { return math.MaxInt64, nil }

// Close implements FS. What is on the disk stays, and can be cloned.
func (d *Memory) Close() error { return nil }

// memoryHandle is an open file, and how far it has been read.
type memoryHandle struct {
	disk  *Memory
	file  *memoryFile
	piece int
	at    int // in the piece
}

func (h *memoryHandle) Read(p []byte) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	n := 0
	for n < len(p) && h.piece < len(h.file.content) {
		piece := h.file.content[h.piece]
		k := copy(p[n:], piece[min(h.at, len(piece)):])
		n += k
		if h.at += k; h.at >= len(piece) {
			h.piece, h.at = h.piece+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (h *memoryHandle) Write(p []byte) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.file.content = append(h.file.content, bytes.Clone(p))
	return len(p), nil
}

func (h *memoryHandle) Truncate(size int64) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	for i, piece := range h.file.content {
		if size < int64(len(piece)) {
			h.file.content = append(h.file.content[:i:i], piece[:size])
			return nil
		}
		size -= int64(len(piece))
	}
	if size > 0 {
		return errors.New("mailbox: a file in memory only shrinks")
	}
	return nil
}

func (h *memoryHandle) Sync() error  { return nil }
func (h *memoryHandle) Close() error { return nil }
