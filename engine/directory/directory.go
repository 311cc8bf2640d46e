// Package directory knows the lines: who they belong to, what they may dial, where they
// are forwarded, the secrets of their telephones, and the lists and group log-ins beside them.
//
// All of it is in memory for the calls and on the disk before a change returns. What
// another process writes arrives by the store's watch.
package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/keyfile"
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
	watch   notifier

	cancel context.CancelFunc
	wg     sync.WaitGroup
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
	if o.KeyFile == "" {
		return nil, errors.New("directory: no key file: name one, such as node.key in the data folder")
	}
	key, err := loadKey(ctx, s, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	d := &Directory{store: s, realm: o.Realm, log: o.Log, seal: newSealer(key)}
	d.watch.log, d.watch.wake = o.Log, make(chan struct{}, 1)
	d.lines = mirror[Line]{name: lineBucket, decode: decodeLine, notify: d.watch.changed, log: o.Log}
	d.secrets = mirror[[]byte]{name: secretBucket, decode: func(e store.Entry) ([]byte, error) { return e.Value, nil }, log: o.Log}
	d.lists = mirror[entry]{name: listBucket, decode: decodeEntry, log: o.Log}
	d.logouts = mirror[struct{}]{name: logoutBucket, decode: decodeLogout, notify: d.logoutChanged, log: o.Log}

	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	if err := errors.Join(d.lines.open(life, &d.wg, s), d.secrets.open(life, &d.wg, s),
		d.lists.open(life, &d.wg, s), d.logouts.open(life, &d.wg, s)); err != nil {
		d.Close()
		return nil, err
	}
	d.watch.start(&d.wg, d.lines.ended)
	return d, nil
}

// Close ends what keeps the directory fresh. What is in memory can still be read.
func (d *Directory) Close() {
	d.cancel()
	d.wg.Wait()
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
// logged in to or out of a group. Calls come one after another, from a goroutine of the
// directory; several changes of a line may come as one. cancel ends them.
func (d *Directory) Watch(fn func(number string)) (cancel func()) { return d.watch.add(fn) }
