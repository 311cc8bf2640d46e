package mailbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// FS is the disk that sound is kept on, as far as this package uses it: a seam for tests
// that fail it at any point. Names are relative to the folder of the mailboxes.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// ReadDir lists the names in a folder.
	ReadDir(name string) ([]string, error)
	MkdirAll(name string) error
	// SyncDir makes the entries of a folder durable.
	SyncDir(name string) error
	// Free is how many bytes may still be written.
	Free() (int64, error)
	Close() error
}

// File is an open file of an FS.
type File interface {
	io.ReadWriteCloser
	Truncate(size int64) error
	// Sync makes what was written durable. Once it has failed the file can't be trusted.
	Sync() error
}

// openDisk is the real FS below dir: no name leads out of it.
func openDisk(dir string) (FS, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return disk{root}, nil
}

type disk struct{ *os.Root }

func (d disk) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := d.Root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d disk) MkdirAll(name string) error { return d.Root.MkdirAll(name, 0o700) }

func (d disk) ReadDir(name string) ([]string, error) {
	f, err := d.Root.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

func (d disk) SyncDir(name string) error {
	f, err := d.Root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) Free() (int64, error) { return freeSpace(d.Name()) }

type diskFile struct{ *os.File }

func (f diskFile) Sync() error { return datasync(f.File) }

// isFull tells a full disk, which keeps what it has, from a broken one.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
