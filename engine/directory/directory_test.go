package directory

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/store/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a data folder that can be opened again and again.
type site struct {
	dir   string
	store *bolt.Store
	*Directory
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.open(t, "chorus")
	t.Cleanup(s.close)
	return s
}

func (s *site) open(t testing.TB, realm string) {
	t.Helper()
	var err error
	if s.store, err = bolt.Open(filepath.Join(s.dir, "belfry.db"), bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	s.Directory, err = Open(t.Context(), s.store, Options{Realm: realm, KeyFile: filepath.Join(s.dir, "node.key")})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) close() {
	s.Directory.Close()
	_ = s.store.Close()
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func porter() Line {
	return Line{Number: "77513", Name: "Porters' Lodge", Kind: NonPerson, Permissions: []string{"national", "night-bell"}, PickupGroup: "lodge"}
}

func TestLineIsKept(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	if _, err := s.Line(ctx, "77513"); !errors.Is(err, ErrNoLine) {
		t.Fatalf("before it exists: %v", err)
	}
	no(t, s.Add(ctx, porter(), "correct horse"))
	if err := s.Add(ctx, porter(), ""); !errors.Is(err, ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	no(t, s.Add(ctx, Line{Number: "100", Kind: Person, Person: "abcd1234"}, ""))
	no(t, s.SetDND(ctx, "77513", true))
	want := porter()
	want.DND = true
	for _, moment := range []string{"at once", "after a restart"} {
		l, err := s.Line(ctx, "77513")
		no(t, err)
		if !reflect.DeepEqual(l, want) {
			t.Errorf("%s: %+v", moment, l)
		}
		all, err := s.Lines(ctx)
		no(t, err)
		if len(all) != 2 || all[0].Number != "100" || all[1].Number != "77513" {
			t.Errorf("%s: lines %+v", moment, all)
		}
		s.close()
		s.open(t, "chorus")
	}
	no(t, s.Remove(ctx, "77513"))
	if _, err := s.Line(ctx, "77513"); !errors.Is(err, ErrNoLine) {
		t.Errorf("removed: %v", err)
	}
	if _, err := s.Credentials(ctx, "77513"); !errors.Is(err, ErrNoLine) {
		t.Errorf("removed: %v", err)
	}
	for what, err := range map[string]error{
		"Set": s.Set(ctx, porter()), "Remove": s.Remove(ctx, "77513"), "SetDND": s.SetDND(ctx, "77513", true),
		"SetSecret": s.SetSecret(ctx, "77513", GenerateSecret()), "SetForward": s.SetForward(ctx, "77513", ForwardBusy, "1"),
	} {
		if !errors.Is(err, ErrNoLine) {
			t.Errorf("%s of no line: %v", what, err)
		}
	}
}

func TestReturnedLineIsACopy(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	no(t, s.SetForward(ctx, "77513", ForwardBusy, "77514"))
	l, err := s.Line(ctx, "77513")
	no(t, err)
	l.Permissions[0] = "premium"
	l.Forwards[ForwardBusy] = Forward{}
	again, err := s.Line(ctx, "77513")
	no(t, err)
	if again.HasPermission("premium") || again.ForwardOn(ForwardBusy) != "77514" {
		t.Errorf("a caller changed the directory: %+v", again)
	}
}

func TestPermissionsAreALadder(t *testing.T) {
	for has, steps := range map[string]int{"": 0, "internal": 1, "local": 2, "national": 3, "mobile": 4, "international": 5, "premium": 6} {
		l := Line{Permissions: strings.Fields(has)}
		for i, p := range Ladder() {
			if got := l.HasPermission(p); got != (i < steps) {
				t.Errorf("%q may dial %s: %v", has, p, got)
			}
		}
	}
	l := porter()
	if !l.HasPermission("night-bell") || l.HasPermission("recording") || l.HasPermission("") {
		t.Error("other words must be there as they are")
	}
}

func TestForwardsKeepTheLastDestination(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	if last, err := s.LastForward(ctx, "77513", ForwardAlways); err != nil || last != "" {
		t.Errorf("before the first: %q, %v", last, err)
	}
	no(t, s.SetForward(ctx, "77513", ForwardAlways, "07700900123"))
	no(t, s.SetForward(ctx, "77513", ForwardBusy, "77514"))
	l, err := s.Line(ctx, "77513")
	no(t, err)
	if l.ForwardOn(ForwardAlways) != "07700900123" || l.ForwardOn(ForwardBusy) != "77514" || l.ForwardOn(ForwardNoAnswer) != "" {
		t.Errorf("forwards %+v", l.Forwards)
	}
	no(t, s.SetForward(ctx, "77513", ForwardAlways, ""))
	if l, err = s.Line(ctx, "77513"); err != nil || l.ForwardOn(ForwardAlways) != "" || l.ForwardOn(ForwardBusy) != "77514" {
		t.Errorf("after switching it off: %+v, %v", l.Forwards, err)
	}
	s.close()
	s.open(t, "chorus")
	if last, err := s.LastForward(ctx, "77513", ForwardAlways); err != nil || last != "07700900123" {
		t.Errorf("last destination %q, %v", last, err)
	}
	for _, bad := range []string{"77513", "sip:x@y", "0 1865", strings.Repeat("1", 33)} {
		var field *FieldError
		if err := s.SetForward(ctx, "77513", ForwardAlways, bad); !errors.As(err, &field) {
			t.Errorf("forwarding to %q: %v", bad, err)
		}
	}
	if err := s.SetForward(ctx, "77513", "sometimes", "1"); err == nil {
		t.Error("an unknown kind was accepted")
	}
}

func TestAccountOwnsOneNumber(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	add := func(number, person string) error {
		return s.Add(ctx, Line{Number: number, Kind: Person, Person: person}, "")
	}
	no(t, add("100", "anna"))
	if err := add("101", "anna"); !errors.Is(err, ErrPersonTaken) || !strings.Contains(err.Error(), "100") {
		t.Errorf("a second line: %v", err)
	}
	no(t, add("102", "ben"))
	if err := s.Set(ctx, Line{Number: "102", Kind: Person, Person: "anna"}); !errors.Is(err, ErrPersonTaken) {
		t.Errorf("taking over the account: %v", err)
	}
	if l, err := s.Line(ctx, "102"); err != nil || l.Person != "ben" {
		t.Errorf("102 is of %q, %v", l.Person, err)
	}
	no(t, s.Set(ctx, Line{Number: "100", Kind: Person}))
	no(t, add("101", "anna"))
	no(t, s.Remove(ctx, "101"))
	no(t, s.Set(ctx, Line{Number: "102", Kind: Person, Person: "anna"}))
	if err := s.Add(ctx, Line{Number: "103", Kind: NonPerson, Person: "carl"}, ""); err == nil {
		t.Error("a telephone on a wall got an account")
	}
}

func TestSecretsAreHashedAndSealed(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	secret := GenerateSecret()
	no(t, s.Add(ctx, porter(), secret))
	no(t, s.Add(ctx, Line{Number: "100", Kind: Person}, ""))
	c, err := s.Credentials(ctx, "77513")
	no(t, err)
	m, h := md5.Sum([]byte("77513:chorus:"+secret)), sha256.Sum256([]byte("77513:chorus:"+secret))
	if c.HA1MD5 != hex.EncodeToString(m[:]) || c.HA1SHA256 != hex.EncodeToString(h[:]) {
		t.Error("the credentials are not those of the secret")
	}
	if _, err := s.Credentials(ctx, "100"); !errors.Is(err, ErrNoSecret) {
		t.Errorf("a line without a secret: %v", err)
	}
	no(t, s.SetSecret(ctx, "77513", "another secret"))
	next, err := s.Credentials(ctx, "77513")
	no(t, err)
	if next == c {
		t.Error("SetSecret changed nothing")
	}
	s.close()
	file, err := os.ReadFile(filepath.Join(s.dir, "belfry.db"))
	no(t, err)
	for _, clear := range []string{secret, "another secret", c.HA1MD5, next.HA1MD5, next.HA1SHA256} {
		if bytes.Contains(file, []byte(clear)) {
			t.Errorf("the database holds %q", clear)
		}
	}
	if text := fmt.Sprintf("%v %+v", c, c); strings.Contains(text, c.HA1MD5) {
		t.Errorf("credentials print as %s", text)
	}

	s.open(t, "other")
	if _, err := s.Credentials(ctx, "77513"); !errors.Is(err, ErrRealm) {
		t.Errorf("in another realm: %v", err)
	}
}

func TestSealedSecretFitsItsLineOnly(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), GenerateSecret()))
	no(t, s.Add(ctx, Line{Number: "100", Kind: Person}, GenerateSecret()))
	e, err := s.store.Bucket(secretBucket).Get(ctx, "77513")
	no(t, err)
	_, err = s.store.Bucket(secretBucket).Put(ctx, "100", e.Value)
	no(t, err)
	if c, err := s.Credentials(ctx, "100"); err == nil {
		t.Errorf("100 has the credentials %v of 77513", c)
	}
}

func TestKeyFileIsRequired(t *testing.T) {
	s := newSite(t)
	no(t, s.Add(t.Context(), porter(), GenerateSecret()))
	key := filepath.Join(s.dir, "node.key")
	kept, err := os.ReadFile(key)
	no(t, err)
	s.Directory.Close()
	no(t, os.Remove(key))
	for range 2 { // also when the missing file has been made anew
		if _, err := Open(t.Context(), s.store, Options{Realm: "chorus", KeyFile: key}); !errors.Is(err, ErrKey) {
			t.Errorf("without the old key: %v", err)
		}
	}
	no(t, os.WriteFile(key, kept, 0o600))
	d, err := Open(t.Context(), s.store, Options{Realm: "chorus", KeyFile: key})
	no(t, err)
	defer d.Close()
	if _, err := d.Credentials(t.Context(), "77513"); err != nil {
		t.Error(err)
	}
}

func TestBadSecretsAreRefused(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	for _, bad := range []string{"", "1234567", "7751377513", "sip77513", "line\nfeeds", strings.Repeat("x", 200)} {
		var field *FieldError
		if err := s.SetSecret(ctx, "77513", bad); !errors.As(err, &field) || field.Field != "secret" {
			t.Errorf("%q: %v", bad, err)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	if a, b := GenerateSecret(), GenerateSecret(); a == b || len(a) < 26 {
		t.Errorf("made %q and %q", a, b)
	}
}

func TestBadLinesAreRefused(t *testing.T) {
	s := newSite(t)
	for field, l := range map[string]Line{
		"number":      {Number: "775 13", Kind: Person},
		"name":        {Number: "1", Kind: Person, Name: "a\r\nTo: b"},
		"kind":        {Number: "1"},
		"email":       {Number: "1", Kind: Person, Email: "a@b, c@d"},
		"permissions": {Number: "1", Kind: Person, Permissions: []string{"two words"}},
		"department":  {Number: "1", Kind: Person, Department: strings.Repeat("x", 129)},
	} {
		var e *FieldError
		if err := s.Add(t.Context(), l, ""); !errors.As(err, &e) || e.Field != field || e.Fix == "" {
			t.Errorf("wrong %s: %v", field, err)
		}
	}
	if all, err := s.Lines(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("lines %v, %v", all, err)
	}
}

func TestWatchersHearOfChanges(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	heard := make(chan string, 10)
	s.Watch(func(string) { panic("a watcher's own fault") })
	cancel := s.Watch(func(number string) {
		l, err := s.Line(ctx, number) // what it reads is the new state
		if err == nil && l.DND && l.Name == "" {
			no(t, s.Update(ctx, number, func(l *Line) error { l.Name = "Quiet"; return nil })) // and it may write
		}
		heard <- fmt.Sprint(number, " ", l.DND, " ", l.Name)
	})
	// A watcher may hear of one change twice, since lines and log-outs arrive separately, but of none too little.
	last := ""
	want := func(text string) {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if got == text {
					last = text
					return
				}
				if got != last {
					t.Fatalf("heard %q, not %q", got, text)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("did not hear %q", text)
			}
		}
	}
	no(t, s.SetDND(ctx, "77513", true))
	want("77513 true Porters' Lodge")
	no(t, s.Logout(ctx, "77000", "77513"))
	want("77513 true Porters' Lodge")
	no(t, s.Set(ctx, Line{Number: "77513", Kind: Person, DND: true}))
	want("77513 true ")
	want("77513 true Quiet")
	no(t, s.Remove(ctx, "77513"))
	want("77513 false ")
	cancel()
	told := make(chan struct{}, 10)
	s.Watch(func(string) { told <- struct{}{} })
	no(t, s.Add(ctx, porter(), ""))
	<-told
	no(t, s.SetDND(ctx, "77513", true))
	<-told // whoever was being told of the removal has been by now
	for len(heard) > 0 {
		<-heard
	}
	no(t, s.SetDND(ctx, "77513", false))
	<-told
	if len(heard) > 0 {
		t.Errorf("after cancel heard %q", <-heard)
	}
}

// What another process, or another directory on the same store, writes is seen here.
func TestFollowsTheStore(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	other, err := Open(ctx, s.store, Options{Realm: "chorus", KeyFile: filepath.Join(s.dir, "node.key")})
	no(t, err)
	defer other.Close()
	seen := make(chan string, 1)
	s.Watch(func(number string) { seen <- number })
	no(t, other.Add(ctx, porter(), ""))
	if number := <-seen; number != "77513" {
		t.Errorf("heard of %q", number)
	}
	if l, err := s.Line(ctx, "77513"); err != nil || l.Name != "Porters' Lodge" {
		t.Errorf("line %+v, %v", l, err)
	}
	// A damaged entry costs nobody else their telephone.
	_, err = s.store.Bucket(lineBucket).Put(ctx, "1", []byte("{"))
	no(t, err)
	no(t, s.SetDND(ctx, "77513", true))
}

func TestConcurrentChangesAreAllKept(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := s.Update(ctx, "77513", func(l *Line) error {
				l.Permissions = append(l.Permissions, fmt.Sprint("p", i))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if l, err := s.Line(ctx, "77513"); err != nil || !l.HasPermission(fmt.Sprint("p", i)) {
				t.Errorf("does not read its own write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if l, _ := s.Line(ctx, "77513"); len(l.Permissions) != 22 {
		t.Errorf("%d permissions", len(l.Permissions))
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := newSite(t)
	no(t, s.Add(t.Context(), porter(), ""))
	no(t, s.store.Close())
	if err := s.SetDND(context.Background(), "77513", true); !errors.Is(err, store.ErrClosed) {
		t.Errorf("told %v", err)
	}
	if _, err := s.Line(t.Context(), "77513"); err != nil {
		t.Error(err)
	}
}

// written writes once more while the directory reads what there is.
type written struct {
	store.Store
	write func()
}

func (w *written) Bucket(name string) store.Bucket {
	return writtenBucket{w.Store.Bucket(name), name, w}
}

type writtenBucket struct {
	store.Bucket
	name string
	w    *written
}

func (b writtenBucket) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	all, err := b.Bucket.List(ctx, prefix)
	if b.name == lineBucket {
		b.w.write()
	}
	return all, err
}

// What is written while a directory is being opened is neither lost nor undone by what was there before.
func TestChangesWhileItIsRead(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	no(t, s.Add(ctx, Line{Number: "1", Kind: Person}, ""))
	w := &written{s.store, func() {
		no(t, s.SetDND(ctx, "77513", true))
		no(t, s.Remove(ctx, "1"))
		no(t, s.Add(ctx, Line{Number: "2", Kind: Person}, ""))
	}}
	d, err := Open(ctx, w, Options{Realm: "chorus", KeyFile: filepath.Join(s.dir, "node.key")})
	no(t, err)
	defer d.Close()
	lines, err := d.Lines(ctx)
	no(t, err)
	if len(lines) != 2 || lines[0].Number != "2" || !lines[1].DND {
		t.Errorf("lines %+v", lines)
	}
}

// Directories of clones share what they have read, and no change.
func TestLikeAnother(t *testing.T) {
	db, ctx := memory.New(nil), t.Context()
	open := func(s store.Store, like *Directory) *Directory {
		t.Helper()
		d, err := Open(ctx, s, Options{Realm: "chorus", Simulated: true, Like: like})
		no(t, err)
		t.Cleanup(d.Close)
		return d
	}
	first := open(db, nil)
	no(t, first.Add(ctx, porter(), "a long secret"))
	no(t, first.List("club").Add(ctx, "77513"))
	no(t, first.Logout(ctx, "group", "77513"))
	x, y := open(db.Clone(nil), first), open(db.Clone(nil), first)
	no(t, x.SetDND(ctx, "77513", true))
	no(t, x.List("club").Add(ctx, "1"))
	no(t, x.Login(ctx, "group", "77513"))
	no(t, first.SetForward(ctx, "77513", ForwardAlways, "3"))
	no(t, first.List("club").Remove(ctx, "77513"))
	for what, c := range map[string]struct {
		d         *Directory
		dnd       bool
		forward   string
		list, out int
	}{"first": {first, false, "3", 0, 1}, "x": {x, true, "", 2, 0}, "y": {y, false, "", 1, 1}} {
		l, err := c.d.Line(ctx, "77513")
		no(t, err)
		list, err := c.d.List("club").Entries(ctx)
		no(t, err)
		out, err := c.d.LoggedOut(ctx, "group")
		no(t, err)
		if l.DND != c.dnd || l.ForwardOn(ForwardAlways) != c.forward || len(list) != c.list || len(out) != c.out {
			t.Errorf("%s: %+v, %v, %v", what, l, list, out)
		}
		want, err := first.Credentials(ctx, "77513")
		no(t, err)
		if got, err := c.d.Credentials(ctx, "77513"); err != nil || got != want {
			t.Errorf("%s: %v", what, err)
		}
	}
}
