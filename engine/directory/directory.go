// Package directory knows the lines: who they belong to, what they may dial, where they
// are forwarded, the secrets of their telephones, and the lists and group log-ins beside them.
//
// All of it is in memory for the calls and on the disk before a change returns; both by the store's watch.
package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/notify"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/keyfile"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// Errors of this package. What is wrong with a field is a *FieldError.
var (
	ErrNoLine   = errors.New("no such line")
	ErrExists   = errors.New("the line exists already")
	ErrNoSecret = errors.New("the line has no secret")
	// ErrPersonTaken says that the account owns another line.
	ErrPersonTaken = errors.New("the account has a line already")
	// ErrRealm says that the secret was set for another realm and has to be set again.
	ErrRealm = errors.New("the secret belongs to another realm")
	// ErrKey says that the secrets were sealed with another key than the one in the key file.
	ErrKey = errors.New("the key file does not fit the database")
)

// Buckets in the store.
const (
	lineBucket   = "lines"   // number → Line as JSON
	secretBucket = "secrets" // number → sealed credentials
	personBucket = "people"  // account → number
	listBucket   = "lists"   // list/entry → nothing
	logoutBucket = "logouts" // group/member → nothing
	metaBucket   = "directory"
)

// Options of Open.
type Options struct {
	Realm   string       // of SIP digest authentication; secrets are hashed with it
	KeyFile string       // seals the secrets; made if it does not exist; keep it apart from the database's backups
	Clock   clock.Clock  // nil: the real one
	Log     *slog.Logger // nil: silent

	Runner workers.Runner // runs those who watch; nil: goroutines of its own
	// Simulated needs no KeyFile: secrets are sealed with a key that is none.
	Simulated bool
	// Like is a directory of whose store this one's is a clone: what it has in memory is not read again. It must not be
	// changed between cloning and opening. nil: all is read.
	Like *Directory
}

// Directory is safe for concurrent use.
type Directory struct {
	store store.Store
	realm string
	seal  sealer
	log   *slog.Logger

	lines   mirror[Line]
	secrets mirror[[]byte]
	lists   mirror[entry]
	logouts mirror[struct{}]
	watch   *notify.Notifier
}

// Open loads the directory that is kept in s. ctx bounds the loading only; Close, or the
// end of s, ends what keeps it fresh.
func Open(ctx context.Context, s store.Store, o Options) (*Directory, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Realm == "" {
		return nil, errors.New("directory: no realm")
	}
	if o.KeyFile == "" && !o.Simulated {
		return nil, errors.New("directory: no key file: name one, such as node.key in the data folder")
	}
	var key keyfile.Key
	if !o.Simulated {
		var err error
		if key, err = loadKey(ctx, s, o.KeyFile); err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
	}
	d := &Directory{store: s, realm: o.Realm, log: o.Log, seal: newSealer(key), watch: notify.New(o.Runner, o.Log)}
	d.lines = mirror[Line]{name: lineBucket, decode: decodeLine, notify: d.watch.Changed, log: o.Log}
	d.secrets = mirror[[]byte]{name: secretBucket, decode: func(e store.Entry) ([]byte, error) { return e.Value, nil }, log: o.Log}
	d.lists = mirror[entry]{name: listBucket, decode: decodeEntry, log: o.Log}
	d.logouts = mirror[struct{}]{name: logoutBucket, decode: decodeLogout, notify: d.logoutChanged, log: o.Log}

	if err := d.load(ctx, o.Like); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Directory) load(ctx context.Context, like *Directory) error {
	if like == nil {
		return errors.Join(d.lines.open(ctx, d.store, nil), d.secrets.open(ctx, d.store, nil),
			d.lists.open(ctx, d.store, nil), d.logouts.open(ctx, d.store, nil))
	}
	return errors.Join(d.lines.open(ctx, d.store, &like.lines), d.secrets.open(ctx, d.store, &like.secrets),
		d.lists.open(ctx, d.store, &like.lists), d.logouts.open(ctx, d.store, &like.logouts))
}

// Close ends what keeps the directory fresh. What is in memory can still be read.
func (d *Directory) Close() {
	d.lines.close()
	d.secrets.close()
	d.lists.close()
	d.logouts.close()
	d.watch.Close()
}

// loadKey makes sure that the key is the one the secrets were sealed with.
func loadKey(ctx context.Context, s store.Store, path string) (keyfile.Key, error) {
	key, made, err := keyfile.Load(path)
	if err != nil {
		return key, err
	}
	meta := s.Bucket(metaBucket)
	e, err := meta.Get(ctx, "key")
	if errors.Is(err, store.ErrNotFound) {
		_, err = meta.PutIf(ctx, "key", []byte(key.Fingerprint()), 0)
		return key, err
	}
	if err != nil {
		return key, err
	}
	if string(e.Value) == key.Fingerprint() {
		return key, nil
	}
	if made {
		return key, fmt.Errorf("%w: %s was missing and has been made anew; put the old one back", ErrKey, path)
	}
	return key, fmt.Errorf("%w: put the one that belongs to it at %s", ErrKey, path)
}

func decodeLine(e store.Entry) (l Line, err error) {
	if err := json.Unmarshal(e.Value, &l); err != nil {
		return l, fmt.Errorf("line %s: %w", e.Key, err)
	}
	return l, nil
}

// Line returns a copy of a line's settings, or ErrNoLine. It does not touch the disk.
func (d *Directory) Line(ctx context.Context, number string) (Line, error) {
	l, ok := d.lines.get(number)
	if !ok {
		return Line{}, noLine(number)
	}
	return l.clone(), nil
}

// Lines returns all lines by number: shorter numbers first.
func (d *Directory) Lines(ctx context.Context) ([]Line, error) {
	var all []Line
	d.lines.each(func(_ string, l Line) { all = append(all, l.clone()) })
	slices.SortFunc(all, func(a, b Line) int { return compareNumbers(a.Number, b.Number) })
	return all, nil
}

func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func noLine(number string) error { return fmt.Errorf("%w: %s", ErrNoLine, quote(number)) }

// Watch calls fn with the number of each line that has changed, appeared or gone, or has
// logged in to or out of a group. Calls come one after another, apart from whoever made the change, in the order of the
// changes; several of a line may come as one. cancel ends them.
func (d *Directory) Watch(fn func(number string)) (cancel func()) { return d.watch.Watch(fn) }
