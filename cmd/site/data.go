package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/control"
	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// What a data folder holds. Package engine decides the names of its own files in it.
const (
	DatabaseFile   = "belfry.db"
	DefaultData    = "data" // below the folder the command is run in
	DefaultControl = "belfry.sock"
	keyFile        = "node.key"  // as engine.New names it
	voicemailDir   = "voicemail" // likewise
	tracesDir      = "traces"
)

// ErrHeld says that another process works on the data folder.
var ErrHeld = errors.New("the data folder is in use")

// openStore opens the database of a data folder, or says who has it.
func openStore(dir string, c clock.Clock, log *slog.Logger) (*bolt.Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	s, err := bolt.Open(filepath.Join(dir, DatabaseFile), bolt.Options{Clock: c, Log: log})
	if errors.Is(err, bolt.ErrLocked) {
		return nil, held(dir)
	}
	return s, err
}

func held(dir string) error {
	e, ok := control.Holder(dir)
	if !ok {
		return fmt.Errorf("%w: another belfry works on %s", ErrHeld, dir)
	}
	return fmt.Errorf("%w: %s is held by belfry %s, process %d, which runs since %s",
		ErrHeld, dir, e.Mode, e.PID, e.Started.Local().Format("2006-01-02 15:04"))
}

// The store remembers the realm, since the lines' secrets are good for that realm only.
const (
	siteBucket = "site"
	realmKey   = "realm"
)

// rememberRealm makes realm the data folder's; it tells what it was before, if that was another.
func rememberRealm(ctx context.Context, s store.Store, realm string) (was string, err error) {
	was, err = realmOf(ctx, s)
	if err != nil || was == realm {
		return "", err
	}
	_, err = s.Bucket(siteBucket).Put(ctx, realmKey, []byte(realm))
	return was, err
}

// realmOf is the data folder's realm, "" if it has none yet.
func realmOf(ctx context.Context, s store.Store) (string, error) {
	e, err := s.Bucket(siteBucket).Get(ctx, realmKey)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return string(e.Value), err
}

// OpenData opens the data folder of an exchange that does not run, for managing it. ErrHeld
// if one does. A folder that is new gets the realm of the site in siteDir, or the default one.
func OpenData(ctx context.Context, dir, siteDir string) (_ *manage.Data, closeAll func() error, err error) {
	db, err := openStore(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	var closers []func() error
	closeAll = func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	closers = append(closers, db.Close)
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	realm, err := realmOf(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	if realm == "" {
		if realm, err = realmOfSite(siteDir); err != nil {
			return nil, nil, err
		}
		if _, err := rememberRealm(ctx, db, realm); err != nil {
			return nil, nil, err
		}
	}
	d := &manage.Data{Mail: post.Queue{Store: db}}
	if d.Directory, err = directory.Open(ctx, db, directory.Options{Realm: realm, KeyFile: filepath.Join(dir, keyFile)}); err != nil {
		return nil, nil, err
	}
	closers = append(closers, func() error { d.Directory.Close(); return nil })
	if d.Boxes, err = mailbox.Open(ctx, mailbox.Options{Dir: filepath.Join(dir, voicemailDir), Store: db, Added: post.Enqueue}); err != nil {
		return nil, nil, err
	}
	closers = append(closers, d.Boxes.Close)
	if d.Log, err = callog.Open(ctx, db, callog.Options{}); err != nil {
		return nil, nil, err
	}
	d.Tracing = trace.Read(filepath.Join(dir, tracesDir))
	return d, closeAll, nil
}
