// Package storetest is the test that every store.Store must pass.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Opener opens the store that is kept in dir, a folder of its own that is empty at
// first, with c as the time. It is called again for the same dir after Close.
type Opener func(t *testing.T, dir string, c clock.Clock) store.Store

// Run tests the implementation that open opens.
func Run(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *harness)
	}{
		{"PutThenGet", putThenGet},
		{"RevisionsGrowPerBucket", revisionsGrow},
		{"PutIfSeesConflicts", putIf},
		{"Delete", deleteKey},
		{"ListIsOrderedAndByPrefix", list},
		{"ValuesAreCopies", copies},
		{"WatchIsOrdered", watchOrder},
		{"LateWatcherSeesOnlyWhatFollows", watchLate},
		{"WatcherIsToldBeforeTheWriteReturns", watchAtOnce},
		{"StoppedWatcherHearsNothing", watchEnds},
		{"KeysExpire", expire},
		{"RewriteChangesExpiry", expireRewritten},
		{"WatcherIsToldOfExpiry", expireWatched},
		{"BatchIsAllOrNothing", batch},
		{"BatchReadsItsWrites", batchReads},
		{"BatchWatched", batchWatched},
		{"ConcurrentIncrements", increments},
		{"ConcurrentWritersAndWatcher", concurrentWatch},
		{"CancelledContextWritesNothing", cancelled},
		{"ClosedStoreRefuses", closed},
		{"ReopenKeeps", reopen},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, newHarness(t, open))
		})
	}
}

type harness struct {
	store.Store
	ctx   context.Context
	clock *clock.Fake
	again func() // closes and opens
}

func newHarness(t *testing.T, open Opener) *harness {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	dir := t.TempDir()
	h := &harness{Store: open(t, dir, c), ctx: ctx, clock: c}
	h.again = func() {
		no(t, h.Close())
		h.Store = open(t, dir, c)
	}
	t.Cleanup(func() { no(t, h.Close()) })
	return h
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *harness) put(t *testing.T, b store.Bucket, key, value string, opts ...store.PutOption) uint64 {
	t.Helper()
	rev, err := b.Put(h.ctx, key, []byte(value), opts...)
	no(t, err)
	return rev
}

func (h *harness) want(t *testing.T, b store.Bucket, key, value string) store.Entry {
	t.Helper()
	e, err := b.Get(h.ctx, key)
	no(t, err)
	if string(e.Value) != value || e.Key != key {
		t.Fatalf("%s is %q, not %q", e.Key, e.Value, value)
	}
	return e
}

func (h *harness) wantNone(t *testing.T, b store.Bucket, key string) {
	t.Helper()
	if e, err := b.Get(h.ctx, key); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("%s: got %q and error %v, not ErrNotFound", key, e.Value, err)
	}
}

func keys(list []store.Entry) (k []string) {
	for _, e := range list {
		k = append(k, e.Key)
	}
	return k
}

func putThenGet(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.wantNone(t, b, "k")
	rev := h.put(t, b, "k", "one")
	if e := h.want(t, b, "k", "one"); e.Revision != rev || rev == 0 || !e.Expires.IsZero() || e.Deleted {
		t.Errorf("entry %+v after Put returned revision %d", e, rev)
	}
	h.put(t, b, "k", "")
	h.want(t, b, "k", "")
	h.wantNone(t, h.Bucket("other"), "k")
	if _, err := b.Put(h.ctx, "", nil); err == nil {
		t.Error("an empty key was accepted")
	}
	if _, err := h.Bucket("").Put(h.ctx, "k", nil); err == nil {
		t.Error("an empty bucket name was accepted")
	}
}

func revisionsGrow(t *testing.T, h *harness) {
	b := h.Bucket("b")
	last := uint64(0)
	for _, key := range []string{"a", "b", "a", "c"} {
		rev := h.put(t, b, key, "v")
		if rev <= last {
			t.Fatalf("revision %d after %d", rev, last)
		}
		last = rev
	}
	no(t, b.Delete(h.ctx, "a"))
	if rev := h.put(t, b, "a", "v"); rev <= last {
		t.Fatalf("revision %d after a deletion, was %d", rev, last)
	}
}

func putIf(t *testing.T, h *harness) {
	b := h.Bucket("b")
	if _, err := b.PutIf(h.ctx, "k", []byte("x"), 7); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("revision 7 of a key that is not there: %v", err)
	}
	rev, err := b.PutIf(h.ctx, "k", []byte("one"), 0)
	no(t, err)
	if _, err := b.PutIf(h.ctx, "k", []byte("two"), 0); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("made a key that exists: %v", err)
	}
	next, err := b.PutIf(h.ctx, "k", []byte("two"), rev)
	no(t, err)
	if _, err := b.PutIf(h.ctx, "k", []byte("three"), rev); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("wrote over revision %d with %d in hand: %v", next, rev, err)
	}
	h.want(t, b, "k", "two")
	no(t, b.Delete(h.ctx, "k"))
	if _, err := b.PutIf(h.ctx, "k", []byte("four"), next); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("wrote a deleted key: %v", err)
	}
	_, err = b.PutIf(h.ctx, "k", []byte("five"), 0)
	no(t, err)
}

func deleteKey(t *testing.T, h *harness) {
	b := h.Bucket("b")
	no(t, b.Delete(h.ctx, "never"))
	h.put(t, b, "k", "v")
	no(t, b.Delete(h.ctx, "k"))
	h.wantNone(t, b, "k")
	no(t, b.Delete(h.ctx, "k"))
}

func list(t *testing.T, h *harness) {
	b := h.Bucket("b")
	if l, err := b.List(h.ctx, ""); err != nil || len(l) != 0 {
		t.Fatalf("a bucket never written lists %v, %v", keys(l), err)
	}
	for _, key := range []string{"b/2", "a", "b/10", "b", "c", "b/\xff", "b0"} {
		h.put(t, b, key, "v"+key)
	}
	h.put(t, h.Bucket("other"), "b/3", "v")
	for prefix, want := range map[string][]string{
		"":   {"a", "b", "b/10", "b/2", "b/\xff", "b0", "c"},
		"b/": {"b/10", "b/2", "b/\xff"},
		"d":  nil,
	} {
		l, err := b.List(h.ctx, prefix)
		no(t, err)
		if !slices.Equal(keys(l), want) {
			t.Errorf("prefix %q lists %q, not %q", prefix, keys(l), want)
		}
		for _, e := range l {
			if string(e.Value) != "v"+e.Key || e.Revision == 0 {
				t.Errorf("lists %+v", e)
			}
		}
	}
}

func copies(t *testing.T, h *harness) {
	b := h.Bucket("b")
	v := []byte("kept")
	_, err := b.Put(h.ctx, "k", v)
	no(t, err)
	v[0] = 'X'
	e := h.want(t, b, "k", "kept")
	e.Value[0] = 'Y'
	h.want(t, b, "k", "kept")
}

// next is what a watch has told; one that says nothing fails the test when its context ends.
func (h *harness) next(t *testing.T, w <-chan store.Entry) store.Entry {
	t.Helper()
	select {
	case e := <-w:
		return e
	case <-h.ctx.Done():
		t.Fatal("the watch says nothing")
	}
	return store.Entry{}
}

func (h *harness) watch(t *testing.T, b store.Bucket, prefix string) <-chan store.Entry {
	t.Helper()
	w := make(chan store.Entry, 1000)
	_, err := b.Watch(h.ctx, prefix, func(e store.Entry) { w <- e })
	no(t, err)
	return w
}

func watchOrder(t *testing.T, h *harness) {
	b := h.Bucket("b")
	w := h.watch(t, b, "p/")
	h.put(t, b, "elsewhere", "v")
	h.put(t, h.Bucket("other"), "p/x", "v")
	var want []string
	for i := range 20 {
		key := fmt.Sprintf("p/%d", 20-i)
		rev := h.put(t, b, key, "v")
		want = append(want, fmt.Sprint(key, " v ", rev, " false"))
	}
	no(t, b.Delete(h.ctx, "p/7"))
	last := uint64(0)
	for _, line := range want {
		e := h.next(t, w)
		if got := fmt.Sprint(e.Key, " ", string(e.Value), " ", e.Revision, " ", e.Deleted); got != line {
			t.Fatalf("told %q, not %q", got, line)
		}
		last = e.Revision
	}
	if e := h.next(t, w); e.Key != "p/7" || !e.Deleted || e.Revision <= last {
		t.Fatalf("told %+v, not of the deletion", e)
	}
}

func watchLate(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "early", "v")
	w := h.watch(t, b, "")
	h.put(t, b, "late", "v")
	if e := h.next(t, w); e.Key != "late" {
		t.Fatalf("first told of %q", e.Key)
	}
}

func watchAtOnce(t *testing.T, h *harness) {
	b := h.Bucket("b")
	var mu sync.Mutex
	told := map[string]bool{}
	_, err := b.Watch(h.ctx, "", func(e store.Entry) {
		mu.Lock()
		defer mu.Unlock()
		told[fmt.Sprint(e.Key, e.Revision)] = true
	})
	no(t, err)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				key := fmt.Sprint("k", i)
				rev, err := b.Put(h.ctx, key, nil)
				mu.Lock()
				if err != nil || !told[fmt.Sprint(key, rev)] {
					t.Errorf("%s, revision %d: %v; the watcher has been told of %v", key, rev, err, told)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func watchEnds(t *testing.T, h *harness) {
	b := h.Bucket("b")
	w := make(chan store.Entry, 10)
	stop, err := b.Watch(h.ctx, "", func(e store.Entry) { w <- e })
	no(t, err)
	h.put(t, b, "k", "v")
	h.next(t, w)
	stop()
	h.put(t, b, "k", "v")
	if len(w) > 0 {
		t.Errorf("told %+v", <-w)
	}
	stop() // once more does no harm
}

func expire(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "a", "for ever")
	h.put(t, b, "k", "v", store.TTL(time.Minute))
	h.clock.Advance(59 * time.Second)
	if e := h.want(t, b, "k", "v"); !e.Expires.Equal(h.clock.Now().Add(time.Second)) {
		t.Errorf("expires at %v", e.Expires)
	}
	h.clock.Advance(time.Second)
	h.wantNone(t, b, "k")
	l, err := b.List(h.ctx, "")
	no(t, err)
	if !slices.Equal(keys(l), []string{"a"}) {
		t.Errorf("lists %q", keys(l))
	}
	_, err = b.PutIf(h.ctx, "k", []byte("again"), 0)
	no(t, err)
	h.want(t, b, "k", "again")
}

func expireRewritten(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "longer", "1", store.TTL(time.Minute))
	h.put(t, b, "longer", "2", store.TTL(time.Hour))
	h.put(t, b, "kept", "1", store.TTL(time.Minute))
	h.put(t, b, "kept", "2")
	h.clock.Advance(2 * time.Minute)
	h.want(t, b, "longer", "2")
	h.want(t, b, "kept", "2")
	h.clock.Advance(time.Hour)
	h.wantNone(t, b, "longer")
	h.want(t, b, "kept", "2")
}

func expireWatched(t *testing.T, h *harness) {
	b := h.Bucket("b")
	w := h.watch(t, b, "")
	for i := range 10 {
		h.put(t, b, fmt.Sprint("k", i), "v", store.TTL(time.Duration(i+1)*time.Minute))
		h.next(t, w)
	}
	for i := range 10 {
		e := h.whileTimePasses(t, w)
		if !e.Deleted || e.Key != fmt.Sprint("k", i) {
			t.Fatalf("told %+v, not that k%d has expired", e, i)
		}
	}
}

// whileTimePasses advances the clock until the watch speaks.
func (h *harness) whileTimePasses(t *testing.T, w <-chan store.Entry) store.Entry {
	t.Helper()
	for {
		select {
		case e := <-w:
			return e
		case <-h.ctx.Done():
			t.Fatal("the watch says nothing")
		case <-time.After(time.Millisecond):
			h.clock.Advance(10 * time.Second)
		}
	}
}

func batch(t *testing.T, h *harness) {
	b, c := h.Bucket("b"), h.Bucket("c")
	rev := h.put(t, b, "k", "before", store.TTL(time.Hour))
	w := h.watch(t, b, "")
	refused := errors.New("refused")
	err := h.Batch(h.ctx, func(tx store.Batch) error {
		for _, err := range []error{
			tx.Put("b", "k", []byte("after")), tx.Delete("b", "k"), tx.Put("b", "new", nil, store.TTL(time.Minute)), tx.Put("c", "k", nil),
		} {
			no(t, err)
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatalf("Batch returned %v", err)
	}
	if e := h.want(t, b, "k", "before"); e.Revision != rev || e.Expires.IsZero() {
		t.Errorf("a refused batch left %+v", e)
	}
	h.wantNone(t, b, "new")
	h.wantNone(t, c, "k")
	no(t, h.Batch(h.ctx, func(tx store.Batch) error {
		return errors.Join(tx.Put("b", "k2", []byte("1")), tx.Put("c", "k2", []byte("2")), tx.Delete("b", "k"))
	}))
	h.want(t, b, "k2", "1")
	h.want(t, c, "k2", "2")
	h.wantNone(t, b, "k")
	if e := h.next(t, w); e.Key != "k2" {
		t.Errorf("the watcher was told of %q, which a refused batch wrote", e.Key)
	}
	h.again()
	h.want(t, h.Bucket("c"), "k2", "2")
	h.wantNone(t, h.Bucket("b"), "k")
}

func batchReads(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "k", "1")
	no(t, h.Batch(h.ctx, func(tx store.Batch) error {
		if _, err := tx.Get("b", "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of nothing: %v", err)
		}
		e, err := tx.Get("b", "k")
		no(t, err)
		no(t, tx.Put("b", "k", append(e.Value, '2')))
		after, err := tx.Get("b", "k")
		no(t, err)
		if string(after.Value) != "12" || after.Revision <= e.Revision {
			t.Errorf("read %+v after writing over %+v", after, e)
		}
		no(t, tx.Delete("b", "k"))
		if _, err := tx.Get("b", "k"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of what was deleted: %v", err)
		}
		return tx.Put("b", "k", []byte("123"))
	}))
	h.want(t, b, "k", "123")
}

func batchWatched(t *testing.T, h *harness) {
	w := h.watch(t, h.Bucket("b"), "")
	no(t, h.Batch(h.ctx, func(tx store.Batch) error {
		return errors.Join(tx.Put("b", "y", nil), tx.Put("c", "n", nil), tx.Put("b", "x", nil))
	}))
	if a, b := h.next(t, w), h.next(t, w); a.Key != "y" || b.Key != "x" || b.Revision <= a.Revision {
		t.Errorf("told of %+v, then %+v", a, b)
	}
}

func increments(t *testing.T, h *harness) {
	b := h.Bucket("b")
	const writers, each = 8, 20
	var conflicts atomic.Int64
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < each; {
				e, err := b.Get(h.ctx, "n")
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
					return
				}
				var n int
				if len(e.Value) > 0 {
					if _, err := fmt.Sscan(string(e.Value), &n); err != nil {
						t.Error(err)
						return
					}
				}
				_, err = b.PutIf(h.ctx, "n", fmt.Append(nil, n+1), e.Revision)
				switch {
				case err == nil:
					done++
				case errors.Is(err, store.ErrConflict):
					conflicts.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	h.want(t, b, "n", fmt.Sprint(writers*each))
	t.Logf("%d conflicts", conflicts.Load())
}

func concurrentWatch(t *testing.T, h *harness) {
	b := h.Bucket("b")
	w := h.watch(t, b, "")
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				if _, err := b.Put(h.ctx, fmt.Sprintf("%d/%d", i, j), nil); err != nil {
					t.Error(err)
				}
				if _, err := b.List(h.ctx, fmt.Sprintf("%d/", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen, last := map[string]bool{}, uint64(0)
	for len(seen) < writers*each {
		e := h.next(t, w)
		if e.Revision <= last || seen[e.Key] {
			t.Fatalf("told %+v after revision %d", e, last)
		}
		last, seen[e.Key] = e.Revision, true
	}
	wg.Wait()
}

func cancelled(t *testing.T, h *harness) {
	b := h.Bucket("b")
	gone := errors.New("hung up")
	ctx, cancel := context.WithCancelCause(h.ctx)
	cancel(gone)
	if _, err := b.Put(ctx, "k", nil); !errors.Is(err, gone) {
		t.Errorf("Put: %v", err)
	}
	if err := h.Batch(ctx, func(tx store.Batch) error { return tx.Put("b", "k", nil) }); !errors.Is(err, gone) {
		t.Errorf("Batch: %v", err)
	}
	if _, err := b.Get(ctx, "k"); !errors.Is(err, gone) {
		t.Errorf("Get: %v", err)
	}
	if _, err := b.Watch(ctx, "", func(store.Entry) {}); !errors.Is(err, gone) {
		t.Errorf("Watch: %v", err)
	}
	h.wantNone(t, b, "k")
}

func closed(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "k", "v")
	no(t, h.Close())
	_, getErr := b.Get(h.ctx, "k")
	_, putErr := b.Put(h.ctx, "k", nil)
	_, listErr := b.List(h.ctx, "")
	_, watchErr := b.Watch(h.ctx, "", func(store.Entry) {})
	batchErr := h.Batch(h.ctx, func(store.Batch) error { return nil })
	for what, err := range map[string]error{"Get": getErr, "Put": putErr, "List": listErr, "Watch": watchErr, "Batch": batchErr} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	no(t, h.Close())
}

func reopen(t *testing.T, h *harness) {
	b := h.Bucket("b")
	h.put(t, b, "k", "one")
	h.put(t, b, "gone", "v")
	no(t, b.Delete(h.ctx, "gone"))
	h.put(t, b, "short", "v", store.TTL(time.Minute))
	h.put(t, b, "long", "v", store.TTL(time.Hour))
	rev := h.put(t, b, "k", "two")
	h.again()
	b = h.Bucket("b")
	if e := h.want(t, b, "k", "two"); e.Revision != rev {
		t.Errorf("revision %d, was %d", e.Revision, rev)
	}
	h.wantNone(t, b, "gone")
	h.want(t, b, "short", "v")
	if next := h.put(t, b, "k", "three"); next <= rev {
		t.Errorf("revision %d, was %d", next, rev)
	}
	h.clock.Advance(2 * time.Minute)
	h.wantNone(t, b, "short")
	h.want(t, b, "long", "v")
}
