package memory

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/store/storetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// again opens stores as if they were kept: the one that was there before is cloned.
func again(empty func(clock.Clock) *Store) storetest.Opener {
	var mu sync.Mutex
	kept := map[string]*Store{}
	return func(t *testing.T, dir string, c clock.Clock) store.Store {
		mu.Lock()
		defer mu.Unlock()
		if s := kept[dir]; s != nil {
			kept[dir] = s.Clone(c)
		} else {
			kept[dir] = empty(c)
		}
		return kept[dir]
	}
}

func TestConformance(t *testing.T) { storetest.Run(t, again(New)) }

// A store over another, of which all has been deleted here, is as good.
func TestConformanceOverAnother(t *testing.T) {
	under := New(nil)
	for i := range 10 {
		put(t, under, fmt.Sprint("k", i), "under")
		put(t, under, "k", "under")
	}
	storetest.Run(t, again(func(c clock.Clock) *Store {
		s := Over(under, c)
		for i := range 10 {
			no(t, s.Bucket("b").Delete(context.Background(), fmt.Sprint("k", i)))
		}
		no(t, s.Bucket("b").Delete(context.Background(), "k"))
		return s
	}))
}

func put(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	_, err := s.Bucket("b").Put(context.Background(), key, []byte(value))
	no(t, err)
}

func want(t testing.TB, s store.Store, all ...string) {
	t.Helper()
	list, err := s.Bucket("b").List(context.Background(), "")
	no(t, err)
	var got []string
	for _, e := range list {
		got = append(got, e.Key+"="+string(e.Value))
		if one, err := s.Bucket("b").Get(context.Background(), e.Key); err != nil || string(one.Value) != string(e.Value) || one.Revision != e.Revision {
			t.Errorf("%s is listed as %+v and read as %+v, %v", e.Key, e, one, err)
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("it has %q, not %q", got, all)
	}
}

// Neither of two clones, nor what they were made from, sees what is written to another.
func TestClonesAreApart(t *testing.T) {
	s := New(nil)
	put(t, s, "a", "1")
	put(t, s, "b", "1")
	x, y := s.Clone(nil), s.Clone(nil)
	put(t, x, "a", "x")
	no(t, y.Bucket("b").Delete(t.Context(), "b"))
	put(t, s, "c", "s")
	z := x.Clone(nil)
	put(t, z, "z", "z")
	want(t, s, "a=1", "b=1", "c=s")
	want(t, x, "a=x", "b=1")
	want(t, y, "a=1")
	want(t, z, "a=x", "b=1", "z=z")
}

// Clones of one store are used at the same time.
func TestClonesAreUsedSideBySide(t *testing.T) {
	s := New(nil)
	put(t, s, "a", "1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				c := s.Clone(nil)
				want(t, c, "a=1")
				put(t, c, "a", "2")
				want(t, c, "a=2")
			}
		})
	}
	wg.Wait()
}

// A dry run over the store of an exchange reads what is there and changes nothing of it.
func TestOverADatabase(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "belfry.db"), bolt.Options{})
	no(t, err)
	defer db.Close()
	put(t, db, "a", "1")
	put(t, db, "b", "1")
	put(t, db, "c", "1")
	s := Over(db, nil)
	e, err := s.Bucket("b").Get(t.Context(), "a")
	no(t, err)
	rev, err := s.Bucket("b").PutIf(t.Context(), "a", []byte("2"), e.Revision)
	no(t, err)
	if rev <= e.Revision {
		t.Errorf("revision %d after %d", rev, e.Revision)
	}
	no(t, s.Bucket("b").Delete(t.Context(), "b"))
	put(t, s, "d", "2")
	want(t, s, "a=2", "c=1", "d=2")
	want(t, s.Clone(nil), "a=2", "c=1", "d=2")
	want(t, db, "a=1", "b=1", "c=1")
}

// A store that nobody watches leaves the clock alone: in a simulation nothing is left that could happen.
func TestExpiryWakesNobodyWhereNobodyWatches(t *testing.T) {
	c := &counting{Clock: clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))}
	s := New(c)
	_, err := s.Bucket("b").Put(t.Context(), "k", nil, store.TTL(time.Hour))
	no(t, err)
	_, err = s.Bucket("other").Watch(t.Context(), "", func(store.Entry) {})
	no(t, err)
	if c.timers > 0 {
		t.Errorf("%d timers", c.timers)
	}
	stop, err := s.Bucket("b").Watch(t.Context(), "", func(store.Entry) {})
	no(t, err)
	if c.timers != 1 {
		t.Errorf("%d timers for somebody who watches", c.timers)
	}
	stop()
}

type counting struct {
	clock.Clock
	timers int
}

func (c *counting) AfterFunc(d time.Duration, f func()) clock.Timer {
	c.timers++
	return c.Clock.AfterFunc(d, f)
}

func BenchmarkClone(b *testing.B) {
	s := New(nil)
	for i := range 5000 {
		put(b, s, fmt.Sprint(i), "value")
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Clone(nil)
	}
}
