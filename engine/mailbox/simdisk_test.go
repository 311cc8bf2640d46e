package mailbox

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"sync"
	"testing"
)

// simDisk is a disk in memory that knows what would be left after a power cut: the
// content of a file as it was last flushed, the entries of a folder as they were last
// flushed, and perhaps, nobody can say, anything newer.
type simDisk struct {
	mu   sync.Mutex
	dirs map[string]*simDir
	free int64
	// fault, if set, is asked before each operation. With an error, the operation does not
	// happen; with half, a write or flush happens half.
	fault func(op, name string) (half bool, err error)
}

type simDir struct{ now, durable map[string]*simNode }

type simNode struct{ now, durable []byte }

func newSimDisk() *simDisk {
	return &simDisk{dirs: map[string]*simDir{".": {map[string]*simNode{}, map[string]*simNode{}}}, free: math.MaxInt64}
}

// survivor says what a power cut leaves of what was not flushed.
type survivor int

const (
	lost  survivor = iota // nothing
	kept                  // everything
	torn                  // folders, and half of the newer content of files
	stale                 // content, but no newer entries of folders
)

// restarted is the disk after a power cut.
func (d *simDisk) restarted(s survivor) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := newSimDisk()
	nodes := map[*simNode]*simNode{}
	copyNode := func(n *simNode) *simNode {
		if nodes[n] != nil {
			return nodes[n]
		}
		content := n.durable
		switch {
		case s == kept || s == stale:
			content = n.now
		case s == torn && len(n.now) > len(n.durable):
			content = n.now[:(len(n.now)+len(n.durable))/2]
		}
		content = append([]byte{}, content...)
		nodes[n] = &simNode{content, content}
		return nodes[n]
	}
	for name, dir := range d.dirs {
		entries := dir.durable
		if s == kept || s == torn {
			entries = dir.now
		}
		copied := &simDir{map[string]*simNode{}, map[string]*simNode{}}
		for base, n := range entries {
			copied.now[base] = copyNode(n)
			copied.durable[base] = copied.now[base]
		}
		next.dirs[name] = copied
	}
	return next
}

func (d *simDisk) ask(op, name string) (bool, error) {
	if d.fault == nil {
		return false, nil
	}
	return d.fault(op, name)
}

func (d *simDisk) find(op, name string) (*simDir, string, error) {
	dir, base := path.Dir(name), path.Base(name)
	if d.dirs[dir] == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return d.dirs[dir], base, nil
}

func (d *simDisk) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if _, err := d.ask(op, name); err != nil {
		return nil, err
	}
	dir, base, err := d.find("open", name)
	if err != nil {
		return nil, err
	}
	n := dir.now[base]
	switch {
	case n != nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case n == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n == nil:
		n = &simNode{}
		dir.now[base] = n
	}
	return &simFile{disk: d, name: name, node: n}, nil
}

func (d *simDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.ask("rename", from); err != nil {
		return err
	}
	a, fromBase, err := d.find("rename", from)
	if err != nil {
		return err
	}
	b, toBase, err := d.find("rename", to)
	if err != nil {
		return err
	}
	if a.now[fromBase] == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	b.now[toBase] = a.now[fromBase]
	delete(a.now, fromBase)
	return nil
}

func (d *simDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.ask("remove", name); err != nil {
		return err
	}
	dir, base, err := d.find("remove", name)
	if err != nil || dir.now[base] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(dir.now, base)
	return nil
}

func (d *simDisk) ReadDir(name string) (names []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.ask("readdir", name); err != nil {
		return nil, err
	}
	for base := range d.dirs[name].now {
		names = append(names, base)
	}
	return names, nil
}

func (d *simDisk) MkdirAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirs[name] == nil { // made before anything is kept in it: durable at once
		d.dirs[name] = &simDir{map[string]*simNode{}, map[string]*simNode{}}
	}
	return nil
}

func (d *simDisk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.ask("syncdir", name); err != nil {
		return err
	}
	dir := d.dirs[name]
	dir.durable = map[string]*simNode{}
	for base, n := range dir.now {
		dir.durable[base] = n
	}
	return nil
}

func (d *simDisk) Free() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, nil
}

func (d *simDisk) Close() error { return nil }

func (d *simDisk) setFault(fault func(op, name string) (bool, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// durableSamples is how much of the recording in tmp/ a power cut would leave.
func (d *simDisk) durableSamples(t *testing.T) int {
	t.Helper()
	after := d.restarted(lost)
	for base := range after.dirs[tmpDir].now {
		rec, err := readFile(after, path.Join(tmpDir, base))
		if err != nil {
			t.Fatal(err)
		}
		return len(rec.sound)
	}
	return 0
}

type simFile struct {
	disk *simDisk
	name string
	node *simNode
	read int
}

func (f *simFile) Read(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.read == len(f.node.now) {
		return 0, io.EOF
	}
	n := copy(p, f.node.now[f.read:])
	f.read += n
	return n, nil
}

func (f *simFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	half, err := f.disk.ask("write", f.name)
	if err != nil {
		n := 0
		if half {
			n = len(p) / 2
		}
		f.node.now = append(f.node.now, p[:n]...)
		return n, err
	}
	f.node.now = append(f.node.now, p...)
	return len(p), nil
}

func (f *simFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if _, err := f.disk.ask("truncate", f.name); err != nil {
		return err
	}
	if size > int64(len(f.node.now)) {
		return errors.New("simDisk: files only shrink")
	}
	f.node.now = f.node.now[:size:size]
	return nil
}

// Sync that fails behaves as Linux does: what was not written is dropped, and the next
// Sync has nothing to complain of.
func (f *simFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	half, err := f.disk.ask("sync", f.name)
	if err != nil {
		if half {
			f.node.now = append([]byte{}, f.node.durable...)
		}
		return err
	}
	f.node.durable = append([]byte{}, f.node.now...)
	return nil
}

func (f *simFile) Close() error { return nil }
