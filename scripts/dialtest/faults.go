package dialtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/store"
)

// ErrFault is what fails because it was told to.
var ErrFault = errors.New("made to fail by belfry test --faults")

// The kinds of operations that can be made to fail.
const (
	faultPrompt = "prompt"      // a sound cannot be read
	faultCall   = "call out"    // a call to a phone or trunk cannot be made
	faultSound  = "sound"       // a leg gets no sound
	faultStore  = "store"       // what is kept cannot be read or written
	faultDisk   = "disk"        // likewise the files of messages
	faultEarly  = "early timer" // a timer fires at once
	faultLate   = "late timer"  // a timer fires a minute late
)

func faultKinds() []string {
	return []string{faultPrompt, faultCall, faultSound, faultStore, faultDisk, faultEarly, faultLate}
}

// maxFaults is how many operations of a kind fail, each in a run of its own.
const maxFaults = 300

// fault makes the nth operation of a kind fail. The zero value counts them.
type fault struct {
	kind string
	nth  int

	armed bool // the exchange has been opened
	count map[string]int
	hit   string // what has failed; "": nothing yet
}

// String is "prompt 3, vm-intro".
func (f *fault) String() string { return fmt.Sprintf("%s %d, %s", f.kind, f.nth, f.hit) }

// strikes tells whether this operation is the one.
func (f *fault) strikes(kind, what string) bool {
	if !f.armed {
		return false
	}
	if f.count == nil {
		f.count = map[string]int{}
	}
	f.count[kind]++
	if f.kind != kind || f.count[kind] != f.nth {
		return false
	}
	f.hit = what
	return true
}

func (f *fault) err(kind, what string) error {
	if f.strikes(kind, what) {
		return fmt.Errorf("%s: %w", what, ErrFault)
	}
	return nil
}

// into puts what can fail in place of the parts of an exchange.
func (f *fault) into(o *engine.Options) {
	o.Prompts = faultyPrompts{o.Prompts, f}
	o.Store = faultyStore{o.Store, f}
	o.Network = faultyNetwork{o.Network, f}
	o.Clock = faultyClock{o.Clock, f}
	if o.MailDisk != nil {
		o.MailDisk = faultyDisk{o.MailDisk, f}
	}
}

type faultyPrompts struct {
	engine.Prompts
	f *fault
}

func (p faultyPrompts) Sound(ctx context.Context, name, language string) (prompt.Sound, error) {
	if err := p.f.err(faultPrompt, name); err != nil {
		return prompt.Sound{}, err
	}
	return p.Prompts.Sound(ctx, name, language)
}

func (p faultyPrompts) Music(name string) (prompt.Sound, error) {
	if err := p.f.err(faultPrompt, "music "+name); err != nil {
		return prompt.Sound{}, err
	}
	return p.Prompts.Music(name)
}

type faultyNetwork struct {
	engine.Network
	f *fault
}

func (n faultyNetwork) Signalling(o sip.Options, invite func(context.Context, engine.Dialog)) (engine.Signalling, error) {
	s, err := n.Network.Signalling(o, invite)
	return faultySignalling{s, n.f}, err
}

func (n faultyNetwork) Media(o media.Options) (engine.Media, error) {
	m, err := n.Network.Media(o)
	return faultyMedia{m, n.f}, err
}

type faultySignalling struct {
	engine.Signalling
	f *fault
}

func (s faultySignalling) Dial(ctx context.Context, r sip.DialRequest, h engine.DialogHandler) (engine.Dialog, error) {
	if err := s.f.err(faultCall, "a call"); err != nil {
		return nil, err
	}
	return s.Signalling.Dial(ctx, r, h)
}

type faultyMedia struct {
	engine.Media
	f *fault
}

func (m faultyMedia) NewSession(bind netip.Addr, near engine.Session, events media.Events) (engine.Session, error) {
	if err := m.f.err(faultSound, "the sound of a leg"); err != nil {
		return nil, err
	}
	return m.Media.NewSession(bind, near, events)
}

type faultyClock struct {
	clock.Clock
	f *fault
}

func (c faultyClock) AfterFunc(d time.Duration, fn func()) clock.Timer {
	what := "one of " + short(d)
	if c.f.strikes(faultEarly, what) {
		d = 0
	}
	if c.f.strikes(faultLate, what) {
		d += time.Minute
	}
	return c.Clock.AfterFunc(d, fn)
}

type faultyStore struct {
	store.Store
	f *fault
}

func (s faultyStore) Bucket(name string) store.Bucket {
	return faultyBucket{s.Store.Bucket(name), s.f, name}
}

func (s faultyStore) Batch(ctx context.Context, fn func(store.Batch) error) error {
	if err := s.f.err(faultStore, "writing several things"); err != nil {
		return err
	}
	return s.Store.Batch(ctx, fn)
}

type faultyBucket struct {
	store.Bucket
	f    *fault
	name string
}

func (b faultyBucket) Get(ctx context.Context, key string) (store.Entry, error) {
	if err := b.f.err(faultStore, "reading "+b.name); err != nil {
		return store.Entry{}, err
	}
	return b.Bucket.Get(ctx, key)
}

func (b faultyBucket) Put(ctx context.Context, key string, value []byte, opts ...store.PutOption) (uint64, error) {
	if err := b.f.err(faultStore, "writing "+b.name); err != nil {
		return 0, err
	}
	return b.Bucket.Put(ctx, key, value, opts...)
}

func (b faultyBucket) PutIf(ctx context.Context, key string, value []byte, rev uint64, opts ...store.PutOption) (uint64, error) {
	if err := b.f.err(faultStore, "writing "+b.name); err != nil {
		return 0, err
	}
	return b.Bucket.PutIf(ctx, key, value, rev, opts...)
}

func (b faultyBucket) Delete(ctx context.Context, key string) error {
	if err := b.f.err(faultStore, "writing "+b.name); err != nil {
		return err
	}
	return b.Bucket.Delete(ctx, key)
}

func (b faultyBucket) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	if err := b.f.err(faultStore, "listing "+b.name); err != nil {
		return nil, err
	}
	return b.Bucket.List(ctx, prefix)
}

type faultyDisk struct {
	mailbox.FS
	f *fault
}

func (d faultyDisk) OpenFile(name string, flag int, perm fs.FileMode) (mailbox.File, error) {
	if err := d.f.err(faultDisk, "opening a file"); err != nil {
		return nil, err
	}
	file, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return faultyFile{file, d.f}, nil
}

func (d faultyDisk) Rename(from, to string) error {
	if err := d.f.err(faultDisk, "renaming a file"); err != nil {
		return err
	}
	return d.FS.Rename(from, to)
}

func (d faultyDisk) Remove(name string) error {
	if err := d.f.err(faultDisk, "removing a file"); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

func (d faultyDisk) SyncDir(name string) error {
	if err := d.f.err(faultDisk, "syncing a folder"); err != nil {
		return err
	}
	return d.FS.SyncDir(name)
}

type faultyFile struct {
	mailbox.File
	f *fault
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.f.err(faultDisk, "writing a file"); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f faultyFile) Read(b []byte) (int, error) {
	if err := f.f.err(faultDisk, "reading a file"); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f faultyFile) Sync() error {
	if err := f.f.err(faultDisk, "syncing a file"); err != nil {
		return err
	}
	return f.File.Sync()
}
