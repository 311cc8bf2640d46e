package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/memory"
)

// Site is what exchanges begin with: lines, lists, mailboxes with PINs, greetings and messages. It is filled once. Each
// exchange that is made of it has a copy of its own, which costs next to nothing until it is changed. Exchanges can be
// made side by side, while nobody changes the site.
type Site struct {
	store     *memory.Store
	disk      *mailbox.Memory
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
}

// NewSite makes an empty site. What is done there is done a day before exchanges begin that are not told when to.
func NewSite(ctx context.Context) (*Site, error) { return newSite(ctx, nil, nil) }

// SiteOver makes a site of what an exchange has in its store, and in its folder of mailboxes (mailbox.Over): what is in
// there is read when it is asked for, and never written to. PINs and secrets are sealed with keys that the site does not
// have: nobody can log in with them.
func SiteOver(ctx context.Context, s store.Store, disk *mailbox.Memory) (*Site, error) {
	return newSite(ctx, s, disk)
}

func newSite(ctx context.Context, under store.Store, disk *mailbox.Memory) (s *Site, err error) {
	c := clock.NewFake(usualStart().AddDate(0, 0, -1))
	s = &Site{store: memory.New(c), disk: disk}
	if under != nil {
		s.store = memory.Over(under, c)
	}
	if s.disk == nil {
		s.disk = mailbox.NewMemory()
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a site: %w", errors.Join(err, s.Close()))
		}
	}()
	if s.directory, err = directory.Open(ctx, s.store, directory.Options{Simulated: true, Realm: anyRealm, Clock: c}); err != nil {
		return nil, err
	}
	if s.mailboxes, err = mailbox.Open(ctx, mailbox.Options{Simulated: true, Store: s.store, FS: s.disk, Clock: c}); err != nil {
		return nil, err
	}
	return s, nil
}

// anyRealm is that of a simulated exchange that has none: nobody is asked for a secret there.
const anyRealm = "belfry.invalid"

// Directory is the site's lines and lists, to be filled.
func (s *Site) Directory() *directory.Directory { return s.directory }

// Mailboxes are the site's, to be filled.
func (s *Site) Mailboxes() *mailbox.Mailboxes { return s.mailboxes }

// Close lets the site go. Exchanges that were made of it stay.
func (s *Site) Close() error {
	var err error
	if s.mailboxes != nil {
		err = s.mailboxes.Close()
	}
	if s.directory != nil {
		s.directory.Close()
	}
	return errors.Join(err, s.store.Close())
}

// give makes an exchange's own copy, in its own time.
func (s *Site) give(o *engine.Options, c clock.Clock) {
	o.Store, o.MailDisk, o.Like, o.Data = s.store.Clone(c), s.disk.Clone(), s.directory, ""
}
