// Package mailbox keeps voicemail: messages, greetings and PINs.
//
// Sound is in files of its own, what is known about it in the store. A message is
// acknowledged once its file and its index entry are on the disk; what was acknowledged
// survives a power cut at any moment, and of what was being said then at most two
// seconds are missing.
package mailbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/notify"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/keyfile"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// Errors of this package.
var (
	ErrNoMailbox = errors.New("no such mailbox")
	ErrNoMessage = errors.New("no such message")
	// ErrFull says that the mailbox has as many messages, or minutes, as it may.
	ErrFull = errors.New("the mailbox is full")
	// ErrNoSpace says that the disk has no room.
	ErrNoSpace = errors.New("no space for messages")
	// ErrTooShort says that a message was dropped because hardly anything was said.
	ErrTooShort = errors.New("the message is too short")
	// ErrTooLong says that a recording has reached an hour.
	ErrTooLong = errors.New("the recording is too long")
	// ErrEnded says that the draft was committed or discarded before.
	ErrEnded  = errors.New("the draft has ended")
	ErrClosed = errors.New("the mailboxes are closed")
)

// Folders below Options.Dir.
const (
	tmpDir        = "tmp"        // what is being recorded
	newDir        = "new"        // messages, whichever folder of the mailbox they are in
	greetingDir   = "greetings"  //
	quarantineDir = "quarantine" // what nobody can make sense of
)

// Buckets in the store.
const (
	boxBucket        = "mailboxes"          // number → settings
	pinBucket        = "mailbox-pins"       // number → PIN and its tries
	messageBucket    = "messages"           // mailbox/id → record
	trashBucket      = "messages-deleted"   // mailbox/id → when
	greetingBucket   = "greetings"          // mailbox/kind → greetingRecord
	tombstoneBucket  = "mailbox-tombstones" // file → nothing: it is to be removed, not recovered
	quarantineBucket = "mailbox-quarantine" // mailbox/id → record whose file has gone
)

// Options of Open. Limits that are zero are the defaults.
type Options struct {
	Dir   string // holds the sound and pin.key
	Store store.Store
	Clock clock.Clock  // nil: the real one
	Log   *slog.Logger // nil: silent
	FS    FS           // nil: the folder Dir

	Runner workers.Runner // runs those who are told what waits; nil: goroutines of its own
	// Simulated needs no folder: PINs are hashed with a key that is none, at next to no cost, and nothing is left to
	// chance, not the ids of messages either. FS nil: a disk in memory.
	Simulated bool

	// Added is called in the batch that makes a recording a message: what it writes is written with it, or neither is. It must
	// use nothing but the batch. nil: nothing
	Added func(store.Batch, Message) error

	MinFree     int64         // bytes of the disk that stay free; 0: 100 MiB
	MaxMessages int           // in a mailbox; 0: 100
	MaxTotal    time.Duration // of all messages in a mailbox; 0: an hour
}

// Mailboxes is all mailboxes. It is safe for concurrent use.
type Mailboxes struct {
	store   store.Store
	disk    FS
	clock   clock.Clock
	log     *slog.Logger
	pepper  keyfile.Key
	hashing chan struct{} // bounds how many PINs are hashed at once, which takes memory
	limits  limits
	added   func(store.Batch, Message) error
	lamps   *notify.Notifier
	unwatch func()

	simulated bool
	ids       atomic.Uint64 // how many were made

	mu      sync.Mutex
	drafts  map[*Draft]struct{}
	purging clock.Timer // of what was deleted; nil: nothing was
	closed  bool

	wg sync.WaitGroup // a purge that is under way
}

type limits struct {
	free     int64
	messages int
	total    time.Duration
}

// Open opens the mailboxes in a folder and a store, which belong together, and puts in
// order what a crash has left: see recover.go. ctx bounds that only.
func Open(ctx context.Context, o Options) (*Mailboxes, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var key keyfile.Key
	var err error
	if !o.Simulated {
		if key, _, err = keyfile.Load(filepath.Join(o.Dir, "pin.key")); err != nil {
			return nil, fmt.Errorf("mailbox: %w", err)
		}
	}
	if o.Added == nil {
		o.Added = func(store.Batch, Message) error { return nil }
	}
	switch {
	case o.FS == nil && o.Simulated:
		o.FS = NewMemory()
	case o.FS == nil:
		if o.FS, err = openDisk(o.Dir); err != nil {
			return nil, fmt.Errorf("mailbox: opening %s: %w", o.Dir, err)
		}
	}
	b := &Mailboxes{
		store: o.Store, disk: o.FS, clock: o.Clock, log: o.Log, pepper: key, simulated: o.Simulated, added: o.Added,
		lamps: notify.New(o.Runner, o.Log), unwatch: func() {},
		hashing: make(chan struct{}, 4), drafts: map[*Draft]struct{}{},
		limits: limits{orDefault(o.MinFree, 100<<20), orDefault(o.MaxMessages, 100), orDefault(o.MaxTotal, time.Hour)},
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("mailbox: opening %s: %w", o.Dir, err), b.Close())
	}
	return b, nil
}

func (b *Mailboxes) start(ctx context.Context) error {
	err := b.recover(ctx)
	if err == nil && b.simulated {
		err = b.continueIDs()
	}
	if err != nil {
		return err
	}
	if b.unwatch, err = b.store.Bucket(messageBucket).Watch(ctx, "", b.messageChanged); err != nil {
		b.unwatch = func() {}
		return err
	}
	return b.purgeAgain(ctx)
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Close ends the background work. What is being recorded stays on the disk and becomes a
// message, marked as interrupted, when the mailboxes are opened again.
func (b *Mailboxes) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	if b.purging != nil {
		b.purging.Stop()
	}
	var drafts []*Draft
	for d := range b.drafts {
		drafts = append(drafts, d)
	}
	b.mu.Unlock()
	b.unwatch()
	var errs []error
	for _, d := range drafts {
		errs = append(errs, d.abandon())
	}
	b.wg.Wait()
	b.lamps.Close()
	return errors.Join(append(errs, b.disk.Close())...)
}

// Mailbox is one mailbox.
type Mailbox struct {
	boxes  *Mailboxes
	number string
}

// Number is whose mailbox it is.
func (m *Mailbox) Number() string { return m.number }

// boxRecord is what the store has of a mailbox.
type boxRecord struct {
	Created time.Time `json:"created"`
}

// Get returns a mailbox, or ErrNoMailbox.
func (b *Mailboxes) Get(number string) (*Mailbox, error) {
	if !isNumber(number) {
		return nil, noMailbox(number)
	}
	_, err := b.store.Bucket(boxBucket).Get(context.Background(), number) // from memory, more or less
	if errors.Is(err, store.ErrNotFound) {
		return nil, noMailbox(number)
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: %w", number, err)
	}
	return &Mailbox{b, number}, nil
}

// Create makes a mailbox, without a PIN. That it exists already is no error.
func (b *Mailboxes) Create(ctx context.Context, number string) error {
	if !isNumber(number) {
		return fmt.Errorf("mailbox: %.40q is not an extension", number)
	}
	value, err := json.Marshal(boxRecord{b.clock.Now()})
	if err != nil {
		return err
	}
	_, err = b.store.Bucket(boxBucket).PutIf(ctx, number, value, 0)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("mailbox: creating %s: %w", number, err)
	}
	return nil
}

// Remove deletes a mailbox with all that is in it, for good.
func (b *Mailboxes) Remove(ctx context.Context, number string) error {
	if _, err := b.Get(number); err != nil {
		return err
	}
	for {
		messages, err := b.store.Bucket(messageBucket).List(ctx, number+"/")
		if err != nil {
			return fmt.Errorf("mailbox: removing %s: %w", number, err)
		}
		greetings, err := b.store.Bucket(greetingBucket).List(ctx, number+"/")
		if err != nil {
			return fmt.Errorf("mailbox: removing %s: %w", number, err)
		}
		var files []string
		err = b.store.Batch(ctx, func(tx store.Batch) error {
			files = nil
			for _, e := range messages {
				_, id, _ := strings.Cut(e.Key, "/")
				files = append(files, messageFile(id))
				if err := errors.Join(tx.Delete(messageBucket, e.Key), tx.Delete(trashBucket, e.Key)); err != nil {
					return err
				}
			}
			for _, e := range greetings {
				var g greetingRecord
				if err := json.Unmarshal(e.Value, &g); err == nil {
					files = append(files, g.File)
				}
				if err := tx.Delete(greetingBucket, e.Key); err != nil {
					return err
				}
			}
			return errors.Join(bury(tx, files), tx.Delete(boxBucket, number), tx.Delete(pinBucket, number))
		})
		if err != nil {
			return fmt.Errorf("mailbox: removing %s: %w", number, err)
		}
		if len(files) == 0 { // nothing came in between
			return nil
		}
		b.unlink(ctx, files)
	}
}

// Summary is a mailbox as lists show it.
type Summary struct {
	Number string
	Waiting
	Length        time.Duration // of all messages that are not deleted
	HasPIN        bool          // one that can be used now
	MustChangePIN bool
	LockedUntil   time.Time // zero: not locked
}

// List returns all mailboxes, by number.
func (b *Mailboxes) List(ctx context.Context) ([]Summary, error) {
	boxes, err := b.store.Bucket(boxBucket).List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("mailbox: listing: %w", err)
	}
	list := make([]Summary, 0, len(boxes))
	for _, e := range boxes {
		m := &Mailbox{b, e.Key}
		all, err := m.all(ctx)
		if err != nil {
			return nil, err
		}
		p, _, err := m.loadPIN(ctx)
		if err != nil {
			return nil, err
		}
		s := Summary{Number: e.Key, Waiting: count(all), Length: total(all), MustChangePIN: p.MustChange, LockedUntil: p.lockedUntil(b.clock.Now())}
		s.HasPIN = p.active(b.clock.Now()) != ""
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y Summary) int {
		if d := len(x.Number) - len(y.Number); d != 0 {
			return d
		}
		return strings.Compare(x.Number, y.Number)
	})
	return list, nil
}

func noMailbox(number string) error { return fmt.Errorf("%w: %.40q", ErrNoMailbox, number) }

func isNumber(s string) bool { return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == "" }

// newID makes an id that sorts by time, and those of one moment in the order in which they were made.
func (b *Mailboxes) newID(t time.Time) string {
	id := fmt.Sprintf("%012x%04x", t.UnixMilli(), b.ids.Add(1)&0xffff)
	if b.simulated {
		return id
	}
	return id + strings.ToLower(rand.Text()[:16])
}

// continueIDs has ids begin after those that there are, from which no chance tells them.
func (b *Mailboxes) continueIDs() error {
	for _, dir := range []string{newDir, greetingDir} {
		names, err := b.disk.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if len(name) < 16 {
				continue
			}
			if n, err := strconv.ParseUint(name[12:16], 16, 16); err == nil {
				b.ids.Store(max(b.ids.Load(), n))
			}
		}
	}
	return nil
}
