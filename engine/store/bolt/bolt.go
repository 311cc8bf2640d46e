// Package bolt keeps a store.Store in one bbolt file.
//
// One process at a time has the file. All writes go through one goroutine, which
// commits whatever is waiting as one transaction: a lone writer pays one disk
// flush, a thousand concurrent writers share a few.
package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

var (
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("the exchange is running: another process holds the data folder")
	// ErrFailed answers every write after one that the disk failed half way: what
	// the kernel says about such a file can't be trusted until it is opened anew.
	ErrFailed = errors.New("store: the disk has failed; see to it and restart the exchange")
	// ErrFormat says that the file was written by a version that this one does not know.
	ErrFormat = errors.New("store: unknown file format")
)

// Layout of the file. Top-level buckets:
//
//	meta    "format" → format number, 4 bytes big endian
//	data    one nested bucket for each store bucket; its values are records (see record.go)
//	expiry  time (8 bytes, ns) + bucket + NUL + key → nothing; one for each key that expires
const format = 1

var (
	metaBucket   = []byte("meta")
	dataBucket   = []byte("data")
	expiryBucket = []byte("expiry")
	formatKey    = []byte("format")
)

// mapSize is how much address space is reserved at once: a file that outgrows its
// mapping must wait for all readers. It costs no memory.
const mapSize = 256 << 20

// Options refine Open; the zero value is usable.
type Options struct {
	Clock clock.Clock  // times expiry; nil: the real one
	Log   *slog.Logger // nil: silent

	// openFile is how tests come by the file that they then break.
	openFile func(string, int, os.FileMode) (*os.File, error)
}

// Store is a store.Store in a file.
type Store struct {
	db      *bbolt.DB
	clock   clock.Clock
	log     *slog.Logger
	queue   chan *request // to the writer
	closing chan struct{}
	close   sync.Once
	closed  error
	wg      sync.WaitGroup // the writer
	watch   watchers
}

var _ store.Store = (*Store)(nil)

// Open opens the file at path, making it and its folder if need be. It returns
// ErrLocked at once when another process has it.
func Open(path string, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			if _, gone := os.Stat(path); gone != nil { // else another process made it meanwhile
				return nil, fmt.Errorf("store: making %s: %w", path, err)
			}
		}
	}
	db, err := openDB(path, o.openFile)
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	if err := checkFormat(db); err != nil {
		return nil, errors.Join(fmt.Errorf("store: opening %s: %w", path, err), db.Close())
	}
	removeLeftovers(path)
	s := &Store{
		db: db, clock: o.Clock, log: o.Log,
		queue: make(chan *request), closing: make(chan struct{}),
	}
	s.wg.Go(s.write)
	return s, nil
}

func openDB(path string, openFile func(string, int, os.FileMode) (*os.File, error)) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         time.Nanosecond, // one try
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mapSize,
		NoStatistics:    true,
		OpenFile:        openFile,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	return db, err
}

// create makes the file under another name, complete and on the disk, and then gives it
// its own: bbolt can't open a file whose first pages a power cut left half written.
// The name is given by a link, which unlike a rename never replaces a file that another
// process has just made.
func create(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	tmp := f.Name()
	if err := f.Close(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp)) }()
	db, err := openDB(tmp, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, dataBucket, expiryBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, format))
	})
	if err := errors.Join(err, db.Sync(), db.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// removeLeftovers removes what a crash in create has left. That it fails matters to nobody.
func removeLeftovers(path string) {
	old, _ := filepath.Glob(path + ".*.new")
	for _, f := range old {
		_ = os.Remove(f)
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func checkFormat(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil || tx.Bucket(dataBucket) == nil || tx.Bucket(expiryBucket) == nil {
			return fmt.Errorf("%w: not a file of this exchange", ErrFormat)
		}
		v := meta.Get(formatKey)
		if len(v) != 4 || binary.BigEndian.Uint32(v) != format {
			return fmt.Errorf("%w: %x, this version knows %d", ErrFormat, v, format)
		}
		return nil
	})
}

// Close ends the watches, completes the writes that are under way, refuses the others
// and releases the file. Closing twice does no harm.
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closing)
		s.wg.Wait()
		s.watch.close()
		s.closed = s.db.Close()
	})
	return s.closed
}

// Bucket names a bucket: 1 to 255 bytes without NUL, else its methods return an error.
func (s *Store) Bucket(name string) store.Bucket { return bucket{s, name} }

// Batch runs fn in the writer and makes its writes durable together; if fn returns an
// error nothing is written. Others wait meanwhile: fn should be quick, and it must not
// use the store but through its argument.
func (s *Store) Batch(ctx context.Context, fn func(store.Batch) error) error {
	return s.do(ctx, func(w *writeTx) error { return fn(batch{w}) })
}
